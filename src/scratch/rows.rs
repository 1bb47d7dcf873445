//! The rows of the scratch table.
//!
//! PartitionKey `{scope}.{bucket}`, RowKey `{run}.{number}`, up to fourteen properties `V00` to `V13`, each at most 64 KiB,
//! which is the limit of a property; the job (`Job`), and the time at which its run was begun (`Since`, in milliseconds
//! since 1970 UTC). A row stays below the 1 MiB that an entity may have.

use std::time::{Duration, SystemTime};

use super::{Leftover, Run, Scope, buckets::bucket};
use crate::{
    audit::ValueHash,
    tables::{Entity, Keys, PropertyName, TableError, unexpected},
};

/// The values of one property: 64 KiB.
const PER_PROPERTY: usize = 4096;
/// The properties of one row: 896 KiB.
const PROPERTIES: [PropertyName; 14] = [
    PropertyName::fixed("V00"),
    PropertyName::fixed("V01"),
    PropertyName::fixed("V02"),
    PropertyName::fixed("V03"),
    PropertyName::fixed("V04"),
    PropertyName::fixed("V05"),
    PropertyName::fixed("V06"),
    PropertyName::fixed("V07"),
    PropertyName::fixed("V08"),
    PropertyName::fixed("V09"),
    PropertyName::fixed("V10"),
    PropertyName::fixed("V11"),
    PropertyName::fixed("V12"),
    PropertyName::fixed("V13"),
];

const JOB: PropertyName = PropertyName::fixed("Job");
const SINCE: PropertyName = PropertyName::fixed("Since");

/// What the keys of a row are in.
pub(super) const KEYS: [PropertyName; 2] = [PropertyName::PARTITION_KEY, PropertyName::ROW_KEY];
/// What a [`Leftover`] is read from.
pub(super) const OF_LEFTOVER: [PropertyName; 4] = [
    PropertyName::PARTITION_KEY,
    PropertyName::ROW_KEY,
    JOB,
    SINCE,
];

pub(super) fn partition(scope: &Scope, bucket: u8) -> String {
    format!("{scope}.{bucket:x}")
}

/// All partitions of the scope, and none of another one, are between these. The second has the character after the dot.
pub(super) fn partitions(scope: &Scope) -> (String, String) {
    (format!("{scope}."), format!("{scope}/"))
}

/// What is written together.
pub(super) struct Writing<'a> {
    pub(super) scope: &'a Scope,
    pub(super) job: &'a str,
    pub(super) run: Run,
    pub(super) since: SystemTime,
}

/// Values of one row.
pub(super) struct Chunk {
    bucket: u8,
    number: usize,
    values: Vec<ValueHash>,
}

/// These values, which are in order, as those of as few rows as there can be.
pub(super) fn chunks(values: &[ValueHash]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for values in values.chunk_by(|one, other| bucket(one) == bucket(other)) {
        let rows = values.chunks(PER_PROPERTY * PROPERTIES.len());
        chunks.extend(rows.enumerate().map(|(number, values)| Chunk {
            bucket: values.first().map_or(0, bucket),
            number,
            values: values.to_vec(),
        }));
    }
    chunks
}

/// The row of these values.
pub(super) fn of_values(writing: &Writing<'_>, chunk: &Chunk) -> Entity {
    let since = writing.since.duration_since(SystemTime::UNIX_EPOCH);
    let since = i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let mut row = Entity::new(&Keys {
        partition: partition(writing.scope, chunk.bucket),
        row: format!("{}.{:04}", writing.run, chunk.number),
    })
    .with(&JOB, writing.job)
    .with(&SINCE, since);
    for (name, values) in PROPERTIES.iter().zip(chunk.values.chunks(PER_PROPERTY)) {
        let bytes: Vec<u8> = values.iter().flat_map(|it| *it.as_bytes()).collect();
        row = row.with(name, bytes);
    }
    row
}

/// The run of a row, and its values.
pub(super) fn values(row: &Entity) -> Result<(Run, Vec<ValueHash>), TableError> {
    let keys = row.keys()?;
    let run = keys
        .row
        .split_once('.')
        .and_then(|(run, _)| Run::parse(run));
    let run = run.ok_or_else(|| unexpected("a row of the scratch table has no run"))?;
    let mut values = Vec::new();
    for name in &PROPERTIES {
        let Some(bytes) = row.binary(name)? else {
            break;
        };
        let (hashes, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(unexpected("a row of the scratch table holds half a value"));
        }
        values.extend(hashes.iter().copied().map(ValueHash::from_bytes));
    }
    Ok((run, values))
}

/// What a row with these keys is a part of. `None` when the app did not write it.
pub(super) fn leftover(keys: &Keys, row: &Entity) -> Option<Leftover> {
    let (scope, _) = keys.partition.split_once('.')?;
    let since = u64::try_from(row.int64(&SINCE)?).ok()?;
    Some(Leftover {
        // Any other way to write it would lead to other partitions.
        scope: Scope::parse(scope).filter(|it| it.to_string() == scope)?,
        job: row.text(&JOB)?.to_owned(),
        since: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_names_of_the_properties_are_valid() {
        for name in PROPERTIES.iter().chain([&JOB, &SINCE]) {
            assert!(PropertyName::parse(name.as_str()).is_some(), "{name:?}");
        }
    }

    #[test]
    fn values_come_back_from_their_rows_and_no_row_is_too_large() {
        let (scope, run) = (Scope::from_uuid(Uuid::new_v4()), Run::unique());
        let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        let writing = Writing {
            scope: &scope,
            job: "job",
            run,
            since,
        };
        let expected = Leftover {
            scope,
            job: "job".to_owned(),
            since,
        };
        for count in [0_u64, 1, 15, 4096, 57_344, 57_345, 1_000_000] {
            // All in bucket 0 up to the largest count.
            let value = |number: u64| {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&(number << 42).to_be_bytes());
                ValueHash::from_bytes(bytes)
            };
            let values: Vec<_> = (0..count).map(value).collect();
            let mut read = Vec::new();
            let mut keys = std::collections::HashSet::new();
            for chunk in chunks(&values) {
                let row = of_values(&writing, &chunk);
                let (of, values) = super::values(&row).unwrap();
                assert_eq!(of, run);
                assert!(values.len() * 16 <= 917_504);
                assert!(values.iter().all(|it| bucket(it) == chunk.bucket));
                let of_row = row.keys().unwrap();
                assert_eq!(of_row.partition, partition(&scope, chunk.bucket));
                let (begin, end) = partitions(&scope);
                assert!(begin < of_row.partition && of_row.partition < end);
                assert_eq!(leftover(&of_row, &row).as_ref(), Some(&expected));
                assert!(keys.insert((of_row.partition, of_row.row)));
                read.extend(values);
            }
            assert_eq!(read, values);
        }
    }
    #[test]
    fn a_row_that_the_app_did_not_write_is_no_leftover() {
        let scope = Scope::from_uuid(Uuid::new_v4());
        let with_dashes = format!("{}.0", Uuid::new_v4());
        for partition in ["", "2021-01-31", "a.b", "scopes", with_dashes.as_str()] {
            let keys = Keys {
                partition: partition.to_owned(),
                row: "r".to_owned(),
            };
            let row = Entity::new(&keys).with(&JOB, "job").with(&SINCE, 1_i64);
            assert_eq!(leftover(&keys, &row), None, "{partition}");
        }
        let keys = Keys {
            partition: partition(&scope, 0),
            row: "r".to_owned(),
        };
        assert_eq!(leftover(&keys, &Entity::new(&keys)), None);
    }
}
