//! `Retry-After` of a running job: when it is worth asking again.
//!
//! A client that is told a fixed time learns of a short job too late, and asks too often for a long one. So the time
//! follows the job, between one second and the setting `RetryAfterSeconds`. It is spread by about a quarter to both
//! sides, because many clients that poll in step load the host's storage in bursts.
//!
//! Invariant: it depends on nothing but the job, the setting and the time, unless the app says a fixed one.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime},
};

use crate::{ApiRequest, Job};

/// How long the client of a job that has not ended should wait: whole seconds, at least one.
#[must_use]
pub fn retry_after(request: &ApiRequest, job: &Job) -> Duration {
    let api = request.api();
    if let Some(fixed) = api.fixed_retry_after() {
        return fixed;
    }
    let ceiling = api.status().retry_after;
    let eta = api.details(job).progress.and_then(|progress| progress.eta);
    Duration::from_secs(seconds(ceiling.as_secs(), job, eta, SystemTime::now()))
}

fn seconds(ceiling: u64, job: &Job, eta: Option<SystemTime>, now: SystemTime) -> u64 {
    let wanted = whole_seconds(worth_waiting(job, eta, now)).clamp(1, ceiling.max(1));
    let least = (wanted * 3 / 4).max(1);
    let most = (wanted * 5).div_ceil(4).min(ceiling.max(1));
    least + spread(&job.id, now) % (most - least + 1)
}

/// Until the time at which the job expects to be done. Without one, as long as the job has been there: of jobs about
/// which nothing else is known, about half end in that time.
fn worth_waiting(job: &Job, eta: Option<SystemTime>, now: SystemTime) -> Duration {
    match eta {
        // One that has passed was wrong by a little.
        Some(eta) => eta.duration_since(now).unwrap_or_default(),
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

    use axum::http::Method;
    use durable_functions::RuntimeStatus;

    use crate::test_api::request;

    const CREATED: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        CREATED + Duration::from_secs(seconds)
    }

    fn job() -> Job {
        Job {
            id: "1a".to_owned(),
            status: RuntimeStatus::Running,
            output: None,
            custom_status: None,
            created: CREATED,
            last_updated: CREATED,
        }
    }

    /// All values over many moments of one second.
    fn values_with(ceiling: u64, job: &Job, eta: Option<u64>, now: u64) -> BTreeSet<u64> {
        let moments = (0..500).map(|n| at(now) + Duration::from_micros(n));
        moments
            .map(|moment| seconds(ceiling, job, eta.map(at), moment))
            .collect()
    }

    fn values(ceiling: u64, job: &Job, now: u64) -> BTreeSet<u64> {
        values_with(ceiling, job, None, now)
    }

    #[test]
    fn a_job_without_an_estimate_is_asked_for_less_often_the_older_it_is() {
        let job = job();
        assert_eq!(values(20, &job, 0), BTreeSet::from([1, 2]));
        assert_eq!(values(20, &job, 4), BTreeSet::from([3, 4, 5]));
        assert_eq!(values(20, &job, 12), (9..=15).collect());
        assert_eq!(values(20, &job, 3_600), (15..=20).collect());
    }

    #[test]
    fn a_job_with_an_estimate_is_asked_for_when_it_should_be_done() {
        let values = |now| values_with(20, &job(), Some(108), now);
        assert_eq!(values(100), (6..=10).collect());
        assert_eq!(values(107), BTreeSet::from([1, 2]));
        // It takes longer than it expected, or very long.
        assert_eq!(values(200), BTreeSet::from([1, 2]));
        assert_eq!(values(10), (15..=20).collect());
    }

    #[test]
    fn the_estimate_is_that_of_the_app() {
        let url = "https://app.example/api/status/1a";
        let settings = [("RetryAfterSeconds", "3600")];
        let request = request(Method::GET, url, 2, &[], &settings);
        let of = |eta: SystemTime| {
            let eta = crate::views::job::rfc3339(eta);
            let custom = format!(
                r#"{{"stage":"querying","completed":1,"total":2,"percent":50,"rows":1,"eta":"{eta}"}}"#
            );
            let job = Job {
                custom_status: Some(custom),
                ..job()
            };
            retry_after(&request, &job).as_secs()
        };
        let now = SystemTime::now();
        assert!((60..=140).contains(&of(now + Duration::from_secs(100))));
        assert!(of(now) <= 2);
    }

    #[test]
    fn it_is_never_below_a_second_nor_above_the_setting() {
        for ceiling in [1, 2, 3, 3_600] {
            for age in [0, 1, 2, 100, 1_000_000] {
                for value in values(ceiling, &job(), age) {
                    assert!((1..=ceiling).contains(&value), "{value} of {ceiling}");
                }
            }
        }
        // A clock that went back.
        let future = Job {
            created: at(1_000),
            ..job()
        };
        assert_eq!(values(20, &future, 5), BTreeSet::from([1, 2]));
    }

    #[test]
    fn the_same_job_at_the_same_moment_gets_the_same_and_others_get_others() {
        let now = at(3_600);
        assert_eq!(
            seconds(100, &job(), None, now),
            seconds(100, &job(), None, now)
        );
        let of_ids: BTreeSet<u64> = (0..100)
            .map(|n| Job {
                id: n.to_string(),
                ..job()
            })
            .map(|job| seconds(100, &job, None, now))
            .collect();
        assert!(of_ids.len() > 10, "{of_ids:?}");
    }
}
