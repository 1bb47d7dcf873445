//! What holds although many call at once.

use std::sync::Arc;

use function_app::sessions::{Expiry, Registration, SessionStore};
use futures::future::join_all;

use super::{add, ids, job, later, over, owner, page, register, session};

type Store = Arc<dyn SessionStore>;

const CALLERS: u64 = 50;

/// What [`CALLERS`] tasks are told that run at once.
async fn at_once<F>(call: impl Fn(u64) -> F) -> Vec<Registration>
where
    F: Future<Output = Registration> + Send + 'static,
{
    let tasks = (0..CALLERS).map(|number| tokio::spawn(call(number)));
    let told = join_all(tasks).await;
    told.into_iter().map(Result::unwrap).collect()
}

fn winners(told: &[Registration]) -> usize {
    told.iter().filter(|told| told.is_new).count()
}

pub(super) async fn one_of_many_registrations_wins_and_all_are_told_the_same(store: Store) {
    // A session that has ended is taken over by one caller, as a new one is.
    for was_there in [false, true] {
        let session = session();
        if was_there {
            register(&store, &session, Some(&owner("gone")), over()).await;
        }
        let told = at_once(|number| {
            let (store, session) = (store.clone(), session.clone());
            async move {
                let owner = owner(&number.to_string());
                register(&store, &session, Some(&owner), later()).await
            }
        })
        .await;
        assert_eq!(winners(&told), 1);
        let owner = &told.first().unwrap().owner;
        assert!(told.iter().all(|told| told.owner == *owner), "{told:?}");
        assert!((0..CALLERS).any(|number| *owner == Some(super::owner(&number.to_string()))));
        let page = page(&store, &session, None, 10).await.unwrap();
        assert_eq!(page.owner, *owner);
    }
}

pub(super) async fn a_job_that_many_add_at_once_is_listed_once(store: Store) {
    for (was_there, is_known) in [(false, false), (true, false), (true, true)] {
        let session = session();
        if was_there {
            add(&store, &session, &job("a", 100), over()).await;
        }
        if is_known {
            register(&store, &session, None, later()).await;
        }
        let told = at_once(|number| {
            let (store, session) = (store.clone(), session.clone());
            // Each with another time, so that a second place in the list would show.
            async move { add(&store, &session, &job("a", number), later()).await }
        })
        .await;
        assert_eq!(winners(&told), usize::from(!is_known));
        assert!(told.iter().all(|told| told.owner.is_none()));
        let listed = page(&store, &session, None, 10).await.unwrap();
        let [one] = listed.jobs.as_slice() else {
            panic!("{listed:?}");
        };
        assert!(
            (0..CALLERS).any(|number| *one == job("a", number)),
            "{one:?}"
        );
        // It stays what it is.
        add(&store, &session, &job("a", 200), later()).await;
        assert_eq!(page(&store, &session, None, 10).await.unwrap(), listed);
    }
}

pub(super) async fn many_jobs_at_once_are_all_listed(store: Store) {
    let session = session();
    let told = at_once(|number| {
        let (store, session) = (store.clone(), session.clone());
        async move {
            let job = job(&format!("{number:02}"), number / 2);
            add(&store, &session, &job, later()).await
        }
    })
    .await;
    assert_eq!(winners(&told), 1);
    let expected: Vec<_> = (0..CALLERS).rev().map(|it| format!("{it:02}")).collect();
    assert_eq!(ids(&store, &session).await.unwrap(), expected);
}

pub(super) async fn the_latest_of_many_expiries_wins(store: Store) {
    let session = session();
    at_once(|number| {
        let (store, session) = (store.clone(), session.clone());
        async move {
            let expiry = match number {
                25 => Expiry::Never,
                number if number % 2 == 0 => over(),
                _ => later(),
            };
            add(&store, &session, &job("a", 1), expiry).await
        }
    })
    .await;
    for _ in 0..2 {
        assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
        register(&store, &session, None, over()).await;
        store.remove_expired(&|| false).await.unwrap();
    }
}
