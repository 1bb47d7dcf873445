//! The rows of the scratch table.
//!
//! - Values: PartitionKey `{scope}.{bucket}`, RowKey `{run}.{number}`, up to fourteen properties `V00` to `V13`, each at
//!   most 64 KiB, which is the limit of a property. A row stays below the 1 MiB that an entity may have.
//! - The index: PartitionKey `scopes`, RowKey `{scope}`, with the job (`Job`) and the time of its first spill (`Since`, in
//!   milliseconds since 1970 UTC).

use std::time::{Duration, SystemTime};

use super::{Leftover, Run, Scope, buckets::bucket};
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
pub(super) fn of_values(scope: &Scope, run: &Run, chunk: &Chunk) -> Entity {
    let mut row = Entity::new(&Keys {
        partition: partition(scope, chunk.bucket),
        row: format!("{run}.{:04}", chunk.number),
    });
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
                let row = of_values(&scope, &run, &chunk);
                let (of, values) = super::values(&row).unwrap();
                assert_eq!(of, run);
                assert!(values.len() * 16 <= 917_504);
                assert!(values.iter().all(|it| bucket(it) == chunk.bucket));
                let of_row = row.keys().unwrap();
                assert_eq!(of_row.partition, partition(&scope, chunk.bucket));
                assert!(keys.insert((of_row.partition, of_row.row)));
                read.extend(values);
            }
            assert_eq!(read, values);
        }
    }
}
