//! Counts as a job does, without a host: slice by slice, and what is left of each.

use std::{
    collections::{HashSet, VecDeque},
    sync::atomic::AtomicBool,
    time::Duration,
};

use function_app::{
    audit::{AuditError, AuditQuery, AuditTable, Slice, SliceLimits, Spiller, Values},
    dates::DateRange,
    scratch::{Scope, Scratch, ScratchSettings},
    tables::{Connection, TableName},
};
use uuid::Uuid;

static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// Slices that are read to their end, and whose values are all in their results.
pub(crate) const WHOLE: SliceLimits = SliceLimits {
    time: Duration::from_secs(24 * 60 * 60),
    inline: usize::MAX,
    in_memory: usize::MAX,
};

/// A scratch table where nothing listens, for slices that spill nothing.
pub(crate) fn no_scratch(query: &AuditQuery) -> Scratch {
    let settings = ScratchSettings {
        storage: Connection::parse(
            "AccountName=none;AccountKey=YWJj;TableEndpoint=http://127.0.0.1:9",
        )
        .unwrap(),
        table: TableName::parse("scratch").unwrap(),
    };
    Scratch::open(&settings, query).unwrap()
}

/// A client of the audit table that counts.
pub(crate) struct Counting {
    table: AuditTable,
    scratch: Scratch,
}

impl Counting {
    pub(crate) fn open(connection_string: &str, query: AuditQuery) -> Self {
        let connection = Connection::parse(connection_string).unwrap();
        Self {
            scratch: no_scratch(&query),
            table: AuditTable::open(&connection, query).unwrap(),
        }
    }

    /// The number of distinct values in the range.
    pub(crate) async fn count_distinct(&self, range: DateRange) -> Result<u64, AuditError> {
        let (values, _) = self.count(range).await?;
        Ok(values)
    }

    /// The number of distinct values in the range, and that of the entities that were read.
    pub(crate) async fn count(&self, range: DateRange) -> Result<(u64, u64), AuditError> {
        let mut rows = 0;
        let scope = Scope::from_uuid(Uuid::nil());
        let mut values = HashSet::new();
        let mut slices = VecDeque::from(Slice::of(&range));
        while let Some(slice) = slices.pop_front() {
            let spiller = Spiller::new(&self.scratch, &scope, "job", &HAS_BEGUN);
            let read = self.table.read_slice(&range, &slice, spiller, &WHOLE);
            let read = read.await?;
            match read.values {
                Values::Each(each) => values.extend(each),
                Values::Count(count) => return Ok((count, read.rows)),
            }
            rows += read.rows;
            slices.extend(Slice::of_rest(read.rest));
        }
        Ok((values.len() as u64, rows))
    }
}
