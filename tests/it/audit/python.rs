//! What the original's loop counts, run with its own packages, beside what we count.
//!
//! We differ from it on purpose in two ways. Python tells a number from its text and an Int64 from an Int32, so one number
//! that was stored in three types counts three times there; here it is one value. And a row without the counted column ends
//! its loop with a `KeyError`, or counts as one more value where the service sends null; here it is no value.

use std::{io::Write, process::Stdio};

use serde_json::Value as Json;
use tokio::process::Command;

use super::{
    azurite::{open, range},
    sliced::table_with,
};
use crate::support::{
    azurite::Azurite,
    original, sdk_transport,
    table_service::{Row, int64},
};

/// A day for each kind of values, and what is counted on it: by us, and by the loop. `None`: it fails.
fn kinds() -> Vec<(Vec<Option<Json>>, u64, Option<u64>)> {
    let text = |text: &str| Some(Json::from(text));
    let int32 = |number: i32| Some(Json::from(number));
    vec![
        (
            vec![text("1"), text("2"), text("2"), text(" 2"), text("")],
            4,
            Some(4),
        ),
        (vec![int32(1), int32(-1), int32(1)], 2, Some(2)),
        (
            vec![Some(int64(1 << 40)), Some(int64(7)), Some(int64(7))],
            2,
            Some(2),
        ),
        (vec![text("7"), int32(7), Some(int64(7))], 1, Some(3)),
        // Azurite leaves the column out.
        (vec![text("1"), None], 1, None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_of_the_original_counts_the_same_but_for_numbers_in_two_types_and_rows_without_a_value()
 {
    let python = match original::install() {
        Ok(python) => python,
        Err(reason) => {
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("not compared with Python: {reason}");
            return;
        }
    };
    let azurite = Azurite::start();
    let day = |number: usize| format!("2021-05-{:02}", number + 1);
    let rows = kinds()
        .into_iter()
        .enumerate()
        .flat_map(|(number, (values, ..))| {
            let row = move |(n, value): (usize, Option<Json>)| Row {
                partition_key: day(number),
                row_key: n.to_string(),
                identification_number: value,
                cert_number: Some("C".to_owned()),
            };
            values.into_iter().enumerate().map(row)
        });
    table_with(
        &sdk_transport::service(&azurite.endpoint()),
        "audit",
        rows.collect(),
    )
    .await;
    let table = open(
        &azurite.connection_string(),
        "audit",
        "identificationNumber",
    );
    for (number, (values, ours, theirs)) in kinds().into_iter().enumerate() {
        let day = day(number);
        let counted = table.count_distinct(range(&day, &day)).await;
        assert_eq!(counted, Ok(ours), "{values:?}");
        assert_eq!(count(&python, &azurite, &day).await, theirs, "{values:?}");
    }
}

/// What the loop counts on a day. `None`: it fails as it does for a row without the column.
async fn count(python: &std::path::Path, azurite: &Azurite, day: &str) -> Option<u64> {
    let connection = azurite.connection_string();
    let child = Command::new(python)
        .arg(original::folder().join("loop.py"))
        .args([connection.as_str(), day, day])
        .stdin(Stdio::from(one_line()))
        .output();
    let output = child.await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() {
        assert!(
            errors.contains("KeyError: 'identificationNumber'"),
            "{errors}"
        );
        return None;
    }
    let lines = String::from_utf8(output.stdout).unwrap();
    let run: Json = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    run["values"].as_u64()
}

/// The loop counts once for each line of its input.
fn one_line() -> std::fs::File {
    use std::io::{Seek, SeekFrom};

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"count\n").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}
