//! Sessions in Redis, shared by all processes of the app.
//!
//! Redis ends what has expired by itself. Each call is one script, so that it is atomic, and may be repeated.

mod connection;
mod fault;
mod identity;
mod link;
mod scripts;

use std::time::{Duration, SystemTime};

use ::redis::{Cmd, Value};
use async_trait::async_trait;

use super::{Expiry, Page, Registration, SessionJob, SessionKey, SessionStore, StoreError};
use crate::owners::Owner;
use fault::Fault;
use link::{Limits, Link};

pub use connection::{RedisConnection, RedisConnectionError};
pub use identity::ManagedIdentity;

/// Comes before the name of each key, so that the database may be shared with another program.
const PREFIX: &str = "function-app:session:";

/// The digits of a job's place.
const PLACE: usize = 16;

/// The greatest number up to which Lua counts exactly, in milliseconds after 1970: the year 287396.
const MAX_EXPIRY: u128 = 1 << 53;

/// Where sessions are kept in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// The server.
    pub connection: RedisConnection,
    /// Whose token takes the place of the password. `None`: the password in `connection`, if there is one.
    pub identity: Option<ManagedIdentity>,
}

/// Sessions in Redis. It connects with the first call.
#[derive(Debug)]
pub struct RedisStore(Link);

impl RedisStore {
    /// The store on this server.
    #[must_use]
    pub fn new(settings: RedisSettings) -> Self {
        let RedisSettings {
            connection,
            identity,
        } = settings;
        Self(Link::new(connection, identity, Limits::default()))
    }

    async fn run(
        &self,
        script: &str,
        session: &SessionKey,
        arguments: &[&str],
    ) -> Result<Value, Fault> {
        let mut command = Cmd::new();
        // The braces are the hash tag.
        let key = format!("{PREFIX}{{{}}}", session.as_str());
        command.arg("EVAL").arg(script).arg(3).arg(&key);
        command.arg(format!("{key}:jobs"));
        command.arg(format!("{key}:expiries"));
        command.arg(arguments);
        self.0.call(&command).await
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn register(
        &self,
        session: &SessionKey,
        owner: Option<&Owner>,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let owner = owner.map_or("", Owner::digest);
        let arguments = [&*expiry_text(expiry), owner];
        let answer = self.run(scripts::REGISTER, session, &arguments).await?;
        Ok(registration(answer)?)
    }

    async fn add(
        &self,
        session: &SessionKey,
        job: &SessionJob,
        expiry: Expiry,
    ) -> Result<Registration, StoreError> {
        let arguments = [&*expiry_text(expiry), &job.id, &place(job)];
        let answer = self.run(scripts::ADD, session, &arguments).await?;
        Ok(registration(answer)?)
    }

    async fn page(
        &self,
        session: &SessionKey,
        after: Option<&SessionJob>,
        limit: usize,
    ) -> Result<Option<Page>, StoreError> {
        let after = after.map(member).unwrap_or_default();
        // One more, which says whether more follow.
        let asked = limit.saturating_add(1).to_string();
        let answer = self.run(scripts::PAGE, session, &[&asked, &after]).await?;
        let found: Option<(String, Vec<String>)> = read(answer)?;
        let Some((owner, members)) = found else {
            return Ok(None);
        };
        let has_more = members.len() > limit;
        let jobs: Option<Vec<_>> = members.iter().take(limit).map(|it| job(it)).collect();
        Ok(Some(Page {
            owner: Some(owner)
                .filter(|it| !it.is_empty())
                .map(Owner::from_digest),
            jobs: jobs.ok_or(Fault::ForeignEntry)?,
            has_more,
        }))
    }

    async fn extend(
        &self,
        session: &SessionKey,
        job: &str,
        expiry: Expiry,
    ) -> Result<(), StoreError> {
        let arguments = [&*expiry_text(expiry), job];
        self.run(scripts::EXTEND, session, &arguments).await?;
        Ok(())
    }

    /// Redis does that by itself.
    async fn remove_expired(
        &self,
        _: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn read<T: redis::FromRedisValue>(answer: Value) -> Result<T, Fault> {
    redis::from_redis_value(answer).map_err(|_| Fault::ForeignEntry)
}

fn registration(answer: Value) -> Result<Registration, Fault> {
    let (is_new, owner): (bool, Option<String>) = read(answer)?;
    Ok(Registration {
        owner: owner.map(Owner::from_digest),
        is_new,
    })
}

/// Milliseconds since 1970, rounded up: nothing may end early.
fn expiry_text(expiry: Expiry) -> String {
    let Expiry::At(time) = expiry else {
        return "never".to_owned();
    };
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    match since.as_nanos().div_ceil(1_000_000) {
        millis if millis < MAX_EXPIRY => millis.to_string(),
        _ => "never".to_owned(),
    }
}

fn place(job: &SessionJob) -> String {
    format!("{:0PLACE$x}", job.created_millis())
}

fn member(job: &SessionJob) -> String {
    format!("{}:{}", place(job), job.id)
}

fn job(member: &str) -> Option<SessionJob> {
    let (place, rest) = member.split_at_checked(PLACE)?;
    let millis = u64::from_str_radix(place, 16).ok()?;
    let created = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))?;
    Some(SessionJob::new(rest.strip_prefix(':')?, created))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_rounded_up_and_never_down() {
        let at = |nanos| {
            expiry_text(Expiry::At(
                SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
            ))
        };
        assert_eq!(at(1_000_000), "1");
        assert_eq!(at(1_000_001), "2");
        assert_eq!(expiry_text(Expiry::Never), "never");
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert_eq!(expiry_text(Expiry::At(far)), "never");
    }

    #[test]
    fn the_texts_of_jobs_are_in_the_order_of_the_jobs() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let mut jobs: Vec<_> = [
            (1, "a"),
            (15, "b"),
            (16, "a"),
            (16, "ä"),
            (255, "A"),
            (256, ""),
        ]
        .into_iter()
        .map(|(millis, id)| SessionJob::new(id, at(millis)))
        .collect();
        let mut members: Vec<_> = jobs.iter().map(member).collect();
        jobs.sort();
        members.sort();
        members.reverse();
        let read: Option<Vec<_>> = members.iter().map(|it| job(it)).collect();
        assert_eq!(read, Some(jobs));
        for foreign in [
            "",
            "x",
            "00000000000000zz:a",
            "0000000000000001a",
            "ffffffffffffffä",
        ] {
            assert_eq!(job(foreign), None, "{foreign}");
        }
    }
}
