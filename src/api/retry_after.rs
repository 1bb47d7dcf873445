//! `Retry-After` of a running job: when it is worth asking again.
//!
//! A client that is told a fixed time learns of a short job too late, and asks too often for a long one. So the time
//! follows the job, between one second and the setting `RetryAfterSeconds`. It is spread by about a quarter to both
//! sides, because many clients that poll in step load the host's storage in bursts.
//!
//! Invariant: it depends on nothing but the job, the setting and the time.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime},
};

use crate::{
    api::ApiRequest,
    jobs::{Job, progress::Progress},
    settings::CompatProfile,
};

/// What the API of the profile `call-for-speakers` says of every job.
pub(crate) const CALL_FOR_SPEAKERS: Duration = Duration::from_secs(20);

/// How long the client of a job that has not ended should wait: whole seconds, at least one.
pub(crate) fn retry_after(request: &ApiRequest, job: &Job) -> Duration {
    if request.settings().profile == CompatProfile::CallForSpeakers {
        return CALL_FOR_SPEAKERS;
    }
    let ceiling = request.settings().status.retry_after;
    Duration::from_secs(seconds(ceiling.as_secs(), job, SystemTime::now()))
}

fn seconds(ceiling: u64, job: &Job, now: SystemTime) -> u64 {
    let wanted = whole_seconds(worth_waiting(job, now)).clamp(1, ceiling.max(1));
    let least = (wanted * 3 / 4).max(1);
    let most = (wanted * 5).div_ceil(4).min(ceiling.max(1));
    least + spread(&job.id, now) % (most - least + 1)
}

/// Until the time at which the job expects to be done. Without one, as long as the job has been there: of jobs about
/// which nothing else is known, about half end in that time.
fn worth_waiting(job: &Job, now: SystemTime) -> Duration {
    let progress = job.custom_status.as_deref().and_then(Progress::read);
    match progress.and_then(|progress| progress.eta) {
        // One that has passed was wrong by a little.
        Some(eta) => SystemTime::from(eta)
            .duration_since(now)
            .unwrap_or_default(),
        None => now.duration_since(job.created).unwrap_or_default(),
    }
}

/// To the nearest second.
fn whole_seconds(time: Duration) -> u64 {
    time.saturating_add(Duration::from_millis(500)).as_secs()
}

/// A number that differs from job to job and from moment to moment.
fn spread(id: &str, now: SystemTime) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, now).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use durable_functions::RuntimeStatus;

    const CREATED: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        CREATED + Duration::from_secs(seconds)
    }

    fn job(custom_status: Option<&str>) -> Job {
        Job {
            id: "1a".to_owned(),
            status: RuntimeStatus::Running,
            output: None,
            custom_status: custom_status.map(str::to_owned),
            created: CREATED,
            last_updated: CREATED,
        }
    }

    /// All values over many moments of one second.
    fn values(ceiling: u64, job: &Job, now: u64) -> BTreeSet<u64> {
        let moments = (0..500).map(|n| at(now) + Duration::from_micros(n));
        moments
            .map(|moment| seconds(ceiling, job, moment))
            .collect()
    }

    #[test]
    fn a_job_without_an_estimate_is_asked_for_less_often_the_older_it_is() {
        let job = job(None);
        assert_eq!(values(20, &job, 0), BTreeSet::from([1, 2]));
        assert_eq!(values(20, &job, 4), BTreeSet::from([3, 4, 5]));
        assert_eq!(values(20, &job, 12), (9..=15).collect());
        assert_eq!(values(20, &job, 3_600), (15..=20).collect());
    }

    #[test]
    fn a_job_with_an_estimate_is_asked_for_when_it_should_be_done() {
        let with_eta = |eta| {
            job(Some(&format!(
                r#"{{"stage":"querying","done":1,"total":2,"percent":50,"rows":1,"eta":{eta}}}"#
            )))
        };
        let job = with_eta(r#""1970-01-01T00:01:48Z""#);
        assert_eq!(values(20, &job, 100), (6..=10).collect());
        assert_eq!(values(20, &job, 107), BTreeSet::from([1, 2]));
        // It takes longer than it expected, or very long.
        assert_eq!(values(20, &job, 200), BTreeSet::from([1, 2]));
        assert_eq!(values(20, &job, 10), (15..=20).collect());
        assert_eq!(values(20, &with_eta("null"), 4), BTreeSet::from([3, 4, 5]));
    }

    #[test]
    fn it_is_never_below_a_second_nor_above_the_setting() {
        for ceiling in [1, 2, 3, 3_600] {
            for age in [0, 1, 2, 100, 1_000_000] {
                for value in values(ceiling, &job(None), age) {
                    assert!((1..=ceiling).contains(&value), "{value} of {ceiling}");
                }
            }
        }
        // A clock that went back.
        let future = Job {
            created: at(1_000),
            ..job(None)
        };
        assert_eq!(values(20, &future, 5), BTreeSet::from([1, 2]));
    }

    #[test]
    fn the_same_job_at_the_same_moment_gets_the_same_and_others_get_others() {
        let now = at(3_600);
        assert_eq!(seconds(100, &job(None), now), seconds(100, &job(None), now));
        let of_ids: BTreeSet<u64> = (0..100)
            .map(|n| Job {
                id: n.to_string(),
                ..job(None)
            })
            .map(|job| seconds(100, &job, now))
            .collect();
        assert!(of_ids.len() > 10, "{of_ids:?}");
    }
}
