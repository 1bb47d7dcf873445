//! The rows of the table, and their keys.

use std::time::{Duration, SystemTime};

use super::super::{Expiry, SessionJob, SessionKey, StoreError};
use crate::{
    owners::Owner,
    tables::{Entity, Keys, PropertyName},
};

const OWNER: PropertyName = PropertyName::fixed("Owner");
const JOB: PropertyName = PropertyName::fixed("Job");
/// Milliseconds since 1970.
const CREATED: PropertyName = PropertyName::fixed("Created");
/// Milliseconds since 1970, or [`NEVER`].
pub(super) const EXPIRY: PropertyName = PropertyName::fixed("Expiry");

/// All columns.
pub(super) static ALL: [PropertyName; 6] = [
    PropertyName::PARTITION_KEY,
    PropertyName::ROW_KEY,
    OWNER,
    JOB,
    CREATED,
    EXPIRY,
];

/// Later than every time, so that one comparison does for a filter.
const NEVER: i64 = i64::MAX;

const SESSION: &str = "s";
const JOB_PREFIX: &str = "i";
const PLACE_PREFIX: &str = "j";
pub(super) const AFTER_ALL_PLACES: &str = "k";

/// The longest id of a job, in bytes: a key has 512 characters, and a byte takes two of them.
const MAX_ID: usize = 240;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    Job,
    Place,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: Kind,
    session: String,
    /// Of a session.
    pub(super) owner: Option<Owner>,
    /// Of a job and of its place.
    pub(super) job: Option<SessionJob>,
    pub(super) expiry: Expiry,
}

impl Row {
    pub(super) fn session(session: &SessionKey, owner: Option<Owner>, expiry: Expiry) -> Self {
        Self {
            kind: Kind::Session,
            session: session.as_str().to_owned(),
            owner,
            job: None,
            expiry: whole(expiry),
        }
    }

    /// # Errors
    /// The id of the job is too long for a key.
    pub(super) fn job(
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Self, StoreError> {
        check(&job.id)?;
        Ok(Self {
            kind: Kind::Job,
            session: session.as_str().to_owned(),
            owner: None,
            job: Some(job.clone()),
            expiry: whole(expiry),
        })
    }

    /// The row of the place of this job.
    pub(super) fn at_its_place(self) -> Self {
        Self {
            kind: Kind::Place,
            ..self
        }
    }

    pub(super) fn keys(&self) -> Keys {
        let row = match (self.kind, &self.job) {
            (Kind::Job, Some(job)) => job_row(&job.id),
            (Kind::Place, Some(job)) => place(job),
            _ => SESSION.to_owned(),
        };
        Keys {
            partition: self.session.clone(),
            row,
        }
    }

    pub(super) fn keys_of(session: &SessionKey) -> Keys {
        Keys {
            partition: session.as_str().to_owned(),
            row: SESSION.to_owned(),
        }
    }

    /// # Errors
    /// The id of the job is too long for a key.
    pub(super) fn keys_of_job(session: &SessionKey, id: &str) -> Result<Keys, StoreError> {
        check(id)?;
        Ok(Keys {
            partition: session.as_str().to_owned(),
            row: job_row(id),
        })
    }

    pub(super) fn write(&self) -> Entity {
        let expiry = match self.expiry {
            Expiry::At(time) => millis(time),
            Expiry::Never => NEVER,
        };
        let mut entity = Entity::new(&self.keys()).with(&EXPIRY, expiry);
        if let Some(owner) = &self.owner {
            entity = entity.with(&OWNER, owner.digest());
        }
        if let Some(job) = &self.job {
            entity = entity
                .with(&JOB, job.id.as_str())
                .with(&CREATED, millis(job.created));
        }
        entity
    }

    /// # Errors
    /// The entity is none of ours.
    pub(super) fn read(entity: &Entity) -> Result<Self, StoreError> {
        let keys = entity.keys()?;
        let foreign = || StoreError::new("has a row that this app did not write");
        let job = || {
            let (id, created) = (entity.text(&JOB)?, entity.int64(&CREATED)?);
            Some(SessionJob::new(id, time(created)))
        };
        let (kind, job) = match keys.row.get(..1) {
            Some(SESSION) => (Kind::Session, None),
            Some(JOB_PREFIX) => (Kind::Job, Some(job().ok_or_else(foreign)?)),
            Some(PLACE_PREFIX) => (Kind::Place, Some(job().ok_or_else(foreign)?)),
            _ => return Err(foreign()),
        };
        let expiry = match entity.int64(&EXPIRY).ok_or_else(foreign)? {
            NEVER => Expiry::Never,
            millis => Expiry::At(time(millis)),
        };
        let row = Self {
            kind,
            session: keys.partition.clone(),
            owner: entity.text(&OWNER).map(Owner::from_digest),
            job,
            expiry,
        };
        // Otherwise it would be written to another place than it was read from.
        (row.keys() == keys).then_some(row).ok_or_else(foreign)
    }
}

fn check(id: &str) -> Result<(), StoreError> {
    match id.len() <= MAX_ID {
        true => Ok(()),
        false => Err(StoreError::new("takes ids of jobs up to 240 bytes")),
    }
}

/// An expiry in whole milliseconds, not earlier than it was.
fn whole(expiry: Expiry) -> Expiry {
    match expiry {
        Expiry::At(at) => {
            let up = at.checked_add(Duration::from_nanos(999_999)).unwrap_or(at);
            Expiry::At(time(millis(up)))
        }
        Expiry::Never => Expiry::Never,
    }
}

/// Whole milliseconds since 1970; 0 for a time before, and a little before [`NEVER`] for a time that is too far away.
pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let millis = i64::try_from(since.unwrap_or_default().as_millis());
    millis.unwrap_or(NEVER).min(NEVER - 1)
}

fn time(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn job_row(id: &str) -> String {
    let id: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{JOB_PREFIX}{id}")
}

/// The RowKey of the place of a job. Rows are sorted by it, and jobs that are newer, or have the greater id, come first. So
/// time and id are inverted. The end is greater than a digit: of two ids of which one begins with the other, the longer one
/// comes first.
pub(super) fn place(job: &SessionJob) -> String {
    let millis = u64::MAX - job.created_millis();
    let id: String = job
        .id
        .bytes()
        .map(|byte| format!("{:02x}", u8::MAX - byte))
        .collect();
    format!("{PLACE_PREFIX}{millis:016x}{id}g")
}

pub(super) fn before_all_places() -> String {
    PLACE_PREFIX.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_in_the_order_of_a_list(
            jobs in proptest::collection::vec(("[ -~äa]{0,3}", 0..3_u64), 2..10)
        ) {
            let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            let mut jobs: Vec<_> = jobs
                .into_iter()
                .map(|(id, millis)| SessionJob::new(id, at(millis)))
                .collect();
            let mut by_place = jobs.clone();
            by_place.sort_by_key(place);
            jobs.sort();
            prop_assert_eq!(jobs, by_place);
        }
    }

    #[test]
    fn names_of_columns_are_names() {
        for name in ALL.clone() {
            assert_eq!(PropertyName::parse(name.as_str()), Some(name));
        }
    }

    #[test]
    fn the_longest_id_has_a_key_and_a_longer_one_is_refused() {
        let session = crate::sessions::SessionId::parse("s").unwrap().key();
        let job = |length| SessionJob::new("x".repeat(length), SystemTime::now());
        let row = Row::job(&session, &job(MAX_ID), Expiry::Never).unwrap();
        assert!(row.keys().row.len() <= 512);
        assert!(row.at_its_place().keys().row.len() <= 512);
        assert!(Row::job(&session, &job(MAX_ID + 1), Expiry::Never).is_err());
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let session = crate::sessions::SessionId::parse("s").unwrap().key();
        let now = SystemTime::now();
        let job = SessionJob::new("a", now);
        let expiries = [
            Expiry::Never,
            Expiry::At(now),
            Expiry::At(now + Duration::MAX / 1_000_000),
        ];
        for expiry in expiries {
            let row = Row::job(&session, &job, expiry).unwrap();
            for row in [
                row.clone().at_its_place(),
                row,
                Row::session(&session, None, expiry),
            ] {
                assert_eq!(Row::read(&row.write()), Ok(row.clone()));
                assert!(row.expiry >= expiry);
            }
        }
    }
}
