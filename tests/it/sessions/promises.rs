//! What every store promises, one promise after the other.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use function_app::{
    owners::Owner,
    sessions::{Expiry, Page, Registration, SessionJob, SessionStore},
};

use super::{add, ids, job, later, over, owner, page, pages, register, seconds_from_now, session};

type Store = Arc<dyn SessionStore>;

fn new(owner: Option<&Owner>) -> Registration {
    Registration {
        owner: owner.cloned(),
        is_new: true,
    }
}

fn known(owner: Option<&Owner>) -> Registration {
    Registration {
        owner: owner.cloned(),
        is_new: false,
    }
}

pub(super) async fn a_session_that_nobody_named_is_not_known(store: Store) {
    assert_eq!(page(&store, &session(), None, 10).await, None);
    let after = job("a", 1);
    assert_eq!(page(&store, &session(), Some(&after), 10).await, None);
}

pub(super) async fn the_first_registration_decides_whose_a_session_is(store: Store) {
    let (anna, ben) = (owner("anna"), owner("ben"));
    for first in [Some(&anna), None] {
        let session = session();
        assert_eq!(register(&store, &session, first, later()).await, new(first));
        for other in [Some(&ben), None, Some(&anna)] {
            let told = register(&store, &session, other, later()).await;
            assert_eq!(told, known(first));
        }
        let page = page(&store, &session, None, 10).await.unwrap();
        assert_eq!(page.owner.as_ref(), first);
    }
}

pub(super) async fn a_session_is_known_by_its_first_job_and_has_no_owner_then(store: Store) {
    let session = session();
    assert_eq!(
        add(&store, &session, &job("a", 1), later()).await,
        new(None)
    );
    assert_eq!(
        add(&store, &session, &job("b", 2), later()).await,
        known(None)
    );
    let told = register(&store, &session, Some(&owner("anna")), later()).await;
    assert_eq!(told, known(None));
    let page = page(&store, &session, None, 10).await.unwrap();
    assert_eq!(page.owner, None);
}

pub(super) async fn a_registered_session_has_no_jobs_and_keeps_its_owner_when_they_come(
    store: Store,
) {
    let (session, anna) = (session(), owner("anna"));
    register(&store, &session, Some(&anna), later()).await;
    let expected = |jobs: &[SessionJob]| Page {
        owner: Some(anna.clone()),
        jobs: jobs.to_vec(),
        has_more: false,
    };
    assert_eq!(page(&store, &session, None, 10).await, Some(expected(&[])));
    let a = job("a", 1);
    assert_eq!(add(&store, &session, &a, later()).await, known(Some(&anna)));
    assert_eq!(page(&store, &session, None, 10).await, Some(expected(&[a])));
}

pub(super) async fn a_job_keeps_its_time_and_its_place(store: Store) {
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    add(&store, &session, &job("b", 2), later()).await;
    // A later and an earlier one: neither moves it.
    for millis in [3, 0] {
        add(&store, &session, &job("a", millis), later()).await;
        let page = page(&store, &session, None, 10).await.unwrap();
        assert_eq!(page.jobs, [job("b", 2), job("a", 1)]);
    }
}

pub(super) async fn jobs_are_listed_newest_first_whenever_they_were_added(store: Store) {
    let session = session();
    // The third is younger by a power of ten, so that numbers that are compared as texts are seen.
    for millis in [500, 99, 100_000_000_000, 1000, 0, 7] {
        add(
            &store,
            &session,
            &job(&format!("j{millis}"), millis),
            later(),
        )
        .await;
    }
    assert_eq!(
        ids(&store, &session).await.unwrap(),
        ["j100000000000", "j1000", "j500", "j99", "j7", "j0"]
    );
    // Before 1970 there was no message; the clock of its sender is wrong.
    let first = SessionJob::new("first", SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    add(&store, &session, &first, later()).await;
    let page = page(&store, &session, Some(&job("j0", 0)), 10)
        .await
        .unwrap();
    assert_eq!(page.jobs, [first]);
}

pub(super) async fn jobs_of_the_same_millisecond_are_all_listed(store: Store) {
    let session = session();
    for id in ["b", "d", "a", "e", "c", "B", "aa", "-"] {
        add(&store, &session, &job(id, 1), later()).await;
    }
    add(&store, &session, &job("z", 0), later()).await;
    add(&store, &session, &job("0", 2), later()).await;
    let expected = ["0", "e", "d", "c", "b", "aa", "a", "B", "-", "z"];
    assert_eq!(ids(&store, &session).await.unwrap(), expected);
    for limit in 1..4 {
        let jobs = pages(&store, &session, limit).await;
        let ids: Vec<_> = jobs.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(ids, expected, "{limit}");
    }
}

pub(super) async fn every_limit_gives_the_same_list(store: Store) {
    let session = session();
    for millis in 0..6 {
        add(
            &store,
            &session,
            &job("abcdef".get(..=millis).unwrap(), millis as u64),
            later(),
        )
        .await;
    }
    let all = page(&store, &session, None, 10).await.unwrap();
    assert_eq!((all.jobs.len(), all.has_more), (6, false));
    for limit in 1..8 {
        assert_eq!(pages(&store, &session, limit).await, all.jobs, "{limit}");
        let first = page(&store, &session, None, limit).await.unwrap();
        assert_eq!(first.has_more, limit < 6, "{limit}");
    }
    let end = page(&store, &session, all.jobs.last(), 10).await.unwrap();
    assert_eq!((end.jobs.len(), end.has_more), (0, false));
}

pub(super) async fn jobs_that_come_while_a_list_is_read_move_nothing(store: Store) {
    let session = session();
    for millis in [10, 20, 30, 40] {
        add(&store, &session, &numbered(millis), later()).await;
    }
    let first = page(&store, &session, None, 2).await.unwrap();
    assert_eq!(first.jobs, [numbered(40), numbered(30)]);
    // One before the page, one in it, and one after it, which belongs to the rest.
    for millis in [50, 35, 15] {
        add(&store, &session, &numbered(millis), later()).await;
    }
    let rest = page(&store, &session, first.jobs.last(), 2).await.unwrap();
    assert_eq!(rest.jobs, [numbered(20), numbered(15)]);
    assert!(rest.has_more);
    let rest = page(&store, &session, rest.jobs.last(), 2).await.unwrap();
    assert_eq!((rest.jobs, rest.has_more), (vec![numbered(10)], false));
}

pub(super) async fn a_list_goes_on_after_a_job_that_is_gone(store: Store) {
    let session = session();
    for millis in [10, 30] {
        add(&store, &session, &numbered(millis), later()).await;
    }
    add(&store, &session, &numbered(20), over()).await;
    for after in [numbered(20), numbered(25), numbered(30)] {
        let page = page(&store, &session, Some(&after), 10).await.unwrap();
        assert_eq!(page.jobs, [numbered(10)]);
    }
}

pub(super) async fn sessions_do_not_mix(store: Store) {
    let (one, two) = (session(), session());
    add(&store, &one, &job("a", 1), later()).await;
    // The same id in both, with a time of its own in each.
    add(&store, &two, &job("a", 2), later()).await;
    add(&store, &two, &job("b", 1), over()).await;
    let page_of_one = page(&store, &one, None, 10).await.unwrap();
    let page_of_two = page(&store, &two, None, 10).await.unwrap();
    assert_eq!(page_of_one.jobs, [job("a", 1)]);
    assert_eq!(page_of_two.jobs, [job("a", 2)]);
    store.extend(&one, "b", later()).await.unwrap();
    assert_eq!(ids(&store, &one).await.unwrap(), ["a"]);
    assert_eq!(ids(&store, &two).await.unwrap(), ["a"]);
}

pub(super) async fn what_has_expired_is_gone_although_nothing_cleaned_up(store: Store) {
    let (one, two, three) = (session(), session(), session());
    let anna = owner("anna");
    assert_eq!(
        register(&store, &one, Some(&anna), over()).await,
        new(Some(&anna))
    );
    assert_eq!(page(&store, &one, None, 10).await, None);
    assert_eq!(add(&store, &two, &job("a", 1), over()).await, new(None));
    assert_eq!(page(&store, &two, None, 10).await, None);
    // A job without its session, which lives on.
    register(&store, &three, Some(&anna), later()).await;
    add(&store, &three, &job("gone", 2), over()).await;
    assert_eq!(ids(&store, &three).await.unwrap(), Vec::<String>::new());
    add(&store, &three, &job("a", 1), later()).await;
    add(&store, &three, &job("b", 3), later()).await;
    // One that is gone takes no place in a page.
    let page = page(&store, &three, None, 2).await.unwrap();
    assert_eq!(page.jobs, [job("b", 3), job("a", 1)]);
    assert!(!page.has_more);
}

pub(super) async fn what_is_kept_ends_at_its_expiry_and_not_before(store: Store) {
    let (one, two) = (session(), session());
    let whole = SessionJob::new("", SystemTime::now() + Duration::from_secs(1)).created;
    register(&store, &one, None, Expiry::At(whole)).await;
    register(&store, &two, None, later()).await;
    add(&store, &two, &job("a", 1), Expiry::At(whole)).await;
    // A clock of the server may be behind, and a clean-up of its own late.
    let late = whole + Duration::from_secs(2);
    let mut is_known = true;
    let mut is_listed = true;
    while is_known || is_listed {
        let begin = SystemTime::now();
        is_known = page(&store, &one, None, 10).await.is_some();
        is_listed = ids(&store, &two).await.unwrap() == ["a"];
        if SystemTime::now() < whole {
            assert!(is_known && is_listed, "it ended before its time");
        }
        assert!(begin < late || !(is_known || is_listed), "it does not end");
    }
}

pub(super) async fn an_expiry_is_never_shortened(store: Store) {
    let session = session();
    register(&store, &session, None, later()).await;
    add(&store, &session, &job("a", 1), later()).await;
    for earlier in [over(), seconds_from_now(60)] {
        register(&store, &session, None, earlier).await;
        add(&store, &session, &job("a", 1), earlier).await;
        store.extend(&session, "a", earlier).await.unwrap();
        // Another job brings the session with it, and does not shorten it.
        add(&store, &session, &job("b", 2), over()).await;
        assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
    }
}

pub(super) async fn no_expiry_wins_over_any(store: Store) {
    for first in [Expiry::Never, later(), over()] {
        let session = session();
        add(&store, &session, &job("a", 1), first).await;
        add(&store, &session, &job("a", 1), Expiry::Never).await;
        for other in [over(), later()] {
            register(&store, &session, None, other).await;
            add(&store, &session, &job("a", 1), other).await;
            store.extend(&session, "a", other).await.unwrap();
            assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
        }
    }
    let session = session();
    register(&store, &session, None, Expiry::Never).await;
    register(&store, &session, None, over()).await;
    assert_eq!(ids(&store, &session).await.unwrap(), Vec::<String>::new());
}

pub(super) async fn a_session_lives_as_long_as_its_longest_job(store: Store) {
    let (session, anna) = (session(), owner("anna"));
    let soon = SystemTime::now() + Duration::from_millis(300);
    register(&store, &session, Some(&anna), Expiry::At(soon)).await;
    // If the session has ended here already, it comes again without its owner, and the promise is kept all the same.
    let told = add(&store, &session, &job("a", 1), later()).await;
    add(&store, &session, &job("b", 2), Expiry::At(soon)).await;
    while ids(&store, &session).await.unwrap() != ["a"] {
        tokio::task::yield_now().await;
    }
    while SystemTime::now() < soon {
        tokio::task::yield_now().await;
    }
    let page = page(&store, &session, None, 10).await.unwrap();
    assert_eq!((page.owner, page.jobs), (told.owner, vec![job("a", 1)]));
}

pub(super) async fn a_session_that_expired_and_comes_again_is_new(store: Store) {
    let (session, anna, ben) = (session(), owner("anna"), owner("ben"));
    register(&store, &session, Some(&anna), over()).await;
    add(&store, &session, &job("a", 1), over()).await;
    assert_eq!(
        register(&store, &session, Some(&ben), later()).await,
        new(Some(&ben))
    );
    assert_eq!(ids(&store, &session).await.unwrap(), Vec::<String>::new());
    let told = register(&store, &session, Some(&anna), later()).await;
    assert_eq!(told, known(Some(&ben)));

    let session = super::session();
    register(&store, &session, Some(&anna), over()).await;
    assert_eq!(
        add(&store, &session, &job("a", 1), later()).await,
        new(None)
    );
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
}

pub(super) async fn a_job_that_expired_and_comes_again_is_new(store: Store) {
    let session = session();
    register(&store, &session, None, later()).await;
    add(&store, &session, &job("a", 1), over()).await;
    add(&store, &session, &job("b", 2), later()).await;
    add(&store, &session, &job("a", 3), later()).await;
    let page = page(&store, &session, None, 10).await.unwrap();
    assert_eq!(page.jobs, [job("a", 3), job("b", 2)]);
}

pub(super) async fn a_job_that_is_extended_keeps_its_session(store: Store) {
    let session = session();
    let soon = SystemTime::now() + Duration::from_secs(1);
    add(&store, &session, &job("a", 1), Expiry::At(soon)).await;
    add(&store, &session, &job("b", 2), Expiry::At(soon)).await;
    store.extend(&session, "a", later()).await.unwrap();
    let is_in_time = SystemTime::now() < soon;
    while SystemTime::now() < soon {
        tokio::task::yield_now().await;
    }
    if is_in_time {
        while ids(&store, &session).await.unwrap() != ["a"] {
            tokio::task::yield_now().await;
        }
    }
}

pub(super) async fn what_is_not_there_is_not_extended(store: Store) {
    let (never, gone, known) = (session(), session(), session());
    store.extend(&never, "a", later()).await.unwrap();
    assert_eq!(page(&store, &never, None, 10).await, None);
    add(&store, &gone, &job("a", 1), over()).await;
    store.extend(&gone, "a", later()).await.unwrap();
    assert_eq!(page(&store, &gone, None, 10).await, None);
    register(&store, &known, None, later()).await;
    add(&store, &known, &job("a", 1), over()).await;
    for id in ["a", "b"] {
        store.extend(&known, id, Expiry::Never).await.unwrap();
        assert_eq!(ids(&store, &known).await.unwrap(), Vec::<String>::new());
    }
}

pub(super) async fn the_clean_up_removes_what_has_expired_and_nothing_else(store: Store) {
    let (gone, kept, empty) = (session(), session(), session());
    let anna = owner("anna");
    register(&store, &gone, Some(&anna), over()).await;
    add(&store, &kept, &job("a", 1), Expiry::Never).await;
    add(&store, &kept, &job("b", 2), over()).await;
    add(&store, &kept, &job("c", 3), later()).await;
    register(&store, &empty, Some(&anna), later()).await;
    for _ in 0..2 {
        store.remove_expired(&|| false).await.unwrap();
        assert_eq!(page(&store, &gone, None, 10).await, None);
        let page_of_kept = page(&store, &kept, None, 10).await.unwrap();
        assert_eq!(page_of_kept.jobs, [job("c", 3), job("a", 1)]);
        let page_of_empty = page(&store, &empty, None, 10).await.unwrap();
        assert_eq!(page_of_empty.owner.as_ref(), Some(&anna));
    }
    // What was removed can come again.
    assert_eq!(add(&store, &gone, &job("a", 1), later()).await, new(None));
    add(&store, &kept, &job("b", 4), later()).await;
    assert_eq!(ids(&store, &kept).await.unwrap(), ["b", "c", "a"]);
}

pub(super) async fn a_clean_up_without_time_harms_nothing(store: Store) {
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    add(&store, &session, &job("b", 2), over()).await;
    store.remove_expired(&|| true).await.unwrap();
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
}

pub(super) async fn every_call_can_be_repeated(store: Store) {
    let (session, anna) = (session(), owner("anna"));
    let expiry = later();
    for _ in 0..3 {
        let told = register(&store, &session, Some(&anna), expiry).await;
        assert_eq!(told.owner.as_ref(), Some(&anna));
        for (id, millis) in [("a", 1), ("b", 2), ("a", 1)] {
            add(&store, &session, &job(id, millis), expiry).await;
        }
        store.extend(&session, "a", Expiry::Never).await.unwrap();
        store.remove_expired(&|| false).await.unwrap();
        let page = page(&store, &session, None, 10).await.unwrap();
        assert_eq!(page.jobs, [job("b", 2), job("a", 1)]);
        assert_eq!(page.owner.as_ref(), Some(&anna));
    }
}

pub(super) async fn owners_and_ids_of_any_text_come_back_as_they_were(store: Store) {
    // Ids of instances may have other characters than those that this app makes.
    let longest = "x".repeat(100);
    let texts = [
        "a b",
        "a'b''",
        "a:b@c",
        "ä€",
        "a,b;c=d",
        r"a/b\c#d?e",
        "{\"a\":1}",
        "%41+&",
        &longest,
    ];
    let session = session();
    let strange = Owner::from_digest("a'b\"{}: ä");
    register(&store, &session, Some(&strange), later()).await;
    for text in texts {
        add(&store, &session, &job(text, 1), later()).await;
        store.extend(&session, text, Expiry::Never).await.unwrap();
    }
    let mut expected = texts.map(|text| job(text, 1));
    expected.sort();
    let page = page(&store, &session, None, 10).await.unwrap();
    assert_eq!((page.owner, page.jobs), (Some(strange), expected.to_vec()));
}

/// A job whose id tells its time.
fn numbered(millis: u64) -> SessionJob {
    job(&format!("j{millis}"), millis)
}
