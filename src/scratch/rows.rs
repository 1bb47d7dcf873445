//! The rows of the scratch table.
//!
//! - Values: PartitionKey `{scope}.{bucket}`, RowKey `{run}.{number}`, up to fourteen properties `V00` to `V13`, each at
//!   most 64 KiB, which is the limit of a property. A row stays below the 1 MiB that an entity may have.
//! - The index: PartitionKey `scopes`, RowKey `{scope}`, with the job (`Job`) and the time of its first spill (`Since`, in
//!   milliseconds since 1970 UTC).

use std::time::{Duration, SystemTime};

use super::{Leftover, Run, Scope};
use crate::{
    audit::ValueHash,
    tables::{Entity, Keys, PropertyName, TableError, unexpected},
};

/// The partition of the index.
pub(super) const INDEX: &str = "scopes";
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

pub(super) fn partition(scope: &Scope, bucket: u8) -> String {
    format!("{scope}.{bucket:x}")
}

/// The rows of these values of one bucket.
pub(super) fn of_values(scope: &Scope, bucket: u8, run: &Run, values: &[ValueHash]) -> Vec<Entity> {
    let rows = values.chunks(PER_PROPERTY * PROPERTIES.len()).enumerate();
    rows.map(|(number, values)| {
        let mut row = Entity::new(&Keys {
            partition: partition(scope, bucket),
            row: format!("{run}.{number:04}"),
        });
        for (name, values) in PROPERTIES.iter().zip(values.chunks(PER_PROPERTY)) {
            let bytes: Vec<u8> = values.iter().flat_map(|it| *it.as_bytes()).collect();
            row = row.with(name, bytes);
        }
        row
    })
    .collect()
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

pub(super) fn index_keys(scope: &Scope) -> Keys {
    Keys {
        partition: INDEX.to_owned(),
        row: scope.to_string(),
    }
}

pub(super) fn of_index(scope: &Scope, job: &str, since: SystemTime) -> Entity {
    let since = since
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Entity::new(&index_keys(scope))
        .with(&JOB, job)
        .with(&SINCE, since)
}

pub(super) fn leftover(row: &Entity) -> Result<Leftover, TableError> {
    let scope = Scope::parse(&row.keys()?.row);
    let job = row.text(&JOB).map(str::to_owned);
    let since = row.int64(&SINCE).and_then(|it| u64::try_from(it).ok());
    match (scope, job, since) {
        (Some(scope), Some(job), Some(since)) => Ok(Leftover {
            scope,
            job,
            since: SystemTime::UNIX_EPOCH + Duration::from_millis(since),
        }),
        _ => Err(unexpected(
            "a row of the index of the scratch table is not one of the app",
        )),
    }
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
        for count in [0_u32, 1, 4096, 4097, 57_344, 57_345, 120_000] {
            let values: Vec<_> = (0..count)
                .map(|it| ValueHash::of(&it.to_string()))
                .collect();
            let rows = of_values(&scope, 7, &run, &values);
            assert_eq!(rows.len(), values.len().div_ceil(14 * 4096));
            let mut read = Vec::new();
            for row in &rows {
                let (of, values) = super::values(row).unwrap();
                assert_eq!(of, run);
                assert!(values.len() * 16 <= 917_504);
                read.extend(values);
            }
            assert_eq!(read, values);
        }
    }
}
