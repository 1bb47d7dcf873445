//! The stores of sessions: one suite for all of them.
//!
//! A store passes when every test of [`store_suite`] does. What only one store can get wrong, such as the loss of its
//! server, is tested in the module of that store.

mod concurrency;
mod memory;
mod model;
mod promises;
mod redis;
mod table;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use function_app::{
    owners::Owner,
    sessions::{Expiry, Page, Registration, SessionId, SessionJob, SessionKey, SessionStore},
};

/// A store under test, and the server that it needs. Sessions of other tests may be in it.
trait Fixture: Sized {
    async fn start() -> Self;

    fn store(&self) -> Arc<dyn SessionStore>;
}

/// The suite, for the store of this [`Fixture`].
macro_rules! store_suite {
    ($fixture:ty) => {
        $crate::sessions::store_suite!($fixture: promises {
            a_session_that_nobody_named_is_not_known
            the_first_registration_decides_whose_a_session_is
            a_session_is_known_by_its_first_job_and_has_no_owner_then
            a_registered_session_has_no_jobs_and_keeps_its_owner_when_they_come
            a_job_keeps_its_time_and_its_place
            jobs_are_listed_newest_first_whenever_they_were_added
            jobs_of_the_same_millisecond_are_all_listed
            every_limit_gives_the_same_list
            jobs_that_come_while_a_list_is_read_move_nothing
            a_list_goes_on_after_a_job_that_is_gone
            sessions_do_not_mix
            what_has_expired_is_gone_although_nothing_cleaned_up
            what_is_kept_ends_at_its_expiry_and_not_before
            an_expiry_is_never_shortened
            no_expiry_wins_over_any
            a_session_lives_as_long_as_its_longest_job
            a_session_that_expired_and_comes_again_is_new
            a_job_that_expired_and_comes_again_is_new
            a_job_that_is_extended_keeps_its_session
            what_is_not_there_is_not_extended
            the_clean_up_removes_what_has_expired_and_nothing_else
            a_clean_up_without_time_harms_nothing
            every_call_can_be_repeated
            owners_and_ids_of_any_text_come_back_as_they_were
        });
        $crate::sessions::store_suite!($fixture: concurrency {
            one_of_many_registrations_wins_and_all_are_told_the_same
            a_job_that_many_add_at_once_is_listed_once
            many_jobs_at_once_are_all_listed
            the_latest_of_many_expiries_wins
        });
        $crate::sessions::store_suite!($fixture: model {
            any_calls_give_what_the_model_gives
        });
    };
    ($fixture:ty: $module:ident { $($promise:ident)* }) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let fixture = <$fixture as $crate::sessions::Fixture>::start().await;
                let store = $crate::sessions::Fixture::store(&fixture);
                $crate::sessions::$module::$promise(store).await;
            }
        )*
    };
}

use store_suite;

/// A session that no other test has.
fn session() -> SessionKey {
    let id = uuid::Uuid::new_v4().to_string();
    SessionId::parse(&id).unwrap().key()
}

fn owner(name: &str) -> Owner {
    Owner::of("test", name)
}

/// A job that was created this many milliseconds after the start of 2026.
fn job(id: &str, millis: u64) -> SessionJob {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    SessionJob::new(id, start + Duration::from_millis(millis))
}

fn seconds_from_now(seconds: u64) -> Expiry {
    Expiry::At(SystemTime::now() + Duration::from_secs(seconds))
}

/// An expiry that no test lives to see.
fn later() -> Expiry {
    seconds_from_now(3600)
}

/// An expiry that has come already.
fn over() -> Expiry {
    Expiry::At(SystemTime::now() - Duration::from_secs(1))
}

async fn register(
    store: &Arc<dyn SessionStore>,
    session: &SessionKey,
    owner: Option<&Owner>,
    expiry: Expiry,
) -> Registration {
    store.register(session, owner, expiry).await.unwrap()
}

async fn add(
    store: &Arc<dyn SessionStore>,
    session: &SessionKey,
    job: &SessionJob,
    expiry: Expiry,
) -> Registration {
    store.add(session, job, expiry).await.unwrap()
}

async fn page(
    store: &Arc<dyn SessionStore>,
    session: &SessionKey,
    after: Option<&SessionJob>,
    limit: usize,
) -> Option<Page> {
    store.page(session, after, limit).await.unwrap()
}

/// The ids of all jobs of a session in the order of its list; `None` for a session that is not known.
async fn ids(store: &Arc<dyn SessionStore>, session: &SessionKey) -> Option<Vec<String>> {
    let page = page(store, session, None, 100).await?;
    assert!(!page.has_more);
    Some(page.jobs.into_iter().map(|job| job.id).collect())
}

/// All jobs of a session, read in pages of this size.
async fn pages(
    store: &Arc<dyn SessionStore>,
    session: &SessionKey,
    limit: usize,
) -> Vec<SessionJob> {
    let mut all: Vec<SessionJob> = Vec::new();
    loop {
        let page = page(store, session, all.last(), limit).await.unwrap();
        assert!(page.jobs.len() <= limit);
        // A page that is not full is the last.
        assert!(!page.has_more || page.jobs.len() == limit);
        all.extend(page.jobs);
        if !page.has_more {
            return all;
        }
    }
}
