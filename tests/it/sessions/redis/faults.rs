//! Redis is away, slow, full, or not what it should be.

use function_app::sessions::Expiry;

use super::{super::*, problem, store};
use crate::support::redis::Redis;

/// Keeps all that it has acknowledged.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test]
async fn a_store_is_made_and_used_again_while_redis_comes_and_goes() {
    let mut redis = Redis::start_with(&DURABLE);
    let store = store(&redis.url());
    let session = session();
    redis.kill();
    let text = problem(store.register(&session, None, later()).await);
    assert!(text.contains("cannot be reached"), "{text}");
    redis.begin();
    add(&store, &session, &job("a", 1), later()).await;
    // The open connection has ended, and nobody has noticed.
    redis.kill();
    redis.begin();
    add(&store, &session, &job("b", 2), later()).await;
    redis.kill();
    let text = problem(store.page(&session, None, 10).await);
    assert!(text.contains("cannot be reached"), "{text}");
    redis.begin();
    assert_eq!(ids(&store, &session).await.unwrap(), ["b", "a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_during_calls_fails_none_of_them_and_loses_and_doubles_nothing() {
    let mut redis = Redis::start_with(&DURABLE);
    let store = store(&redis.url());
    let session = session();
    register(&store, &session, None, later()).await;
    let calls: Vec<_> = (0..20)
        .map(|caller: u64| {
            let (store, session) = (store.clone(), session.clone());
            tokio::spawn(async move {
                for number in 0..50 {
                    let job = job(&format!("{caller:02}-{number:02}"), caller);
                    store.add(&session, &job, later()).await.unwrap();
                }
            })
        })
        .collect();
    for listed in [100, 500] {
        while pages(&store, &session, 100).await.len() < listed {}
        redis.kill();
        redis.begin();
    }
    for call in calls {
        call.await.unwrap();
    }
    let listed = pages(&store, &session, 100).await;
    let mut expected: Vec<_> = (0..20)
        .flat_map(|caller| {
            (0..50).map(move |number| job(&format!("{caller:02}-{number:02}"), caller))
        })
        .collect();
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn without_persistence_a_restart_forgets_the_sessions() {
    let mut redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    redis.kill();
    redis.begin();
    assert_eq!(page(&store, &session, None, 10).await, None);
    assert!(add(&store, &session, &job("b", 2), later()).await.is_new);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_fails_a_call_and_is_used_again_when_it_does() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    redis.suspend();
    let text = problem(store.add(&session, &job("b", 2), later()).await);
    redis.resume();
    assert!(text.contains("did not answer in time"), "{text}");
    // What was sent before may still be done. The repetition changes nothing.
    add(&store, &session, &job("b", 2), later()).await;
    assert_eq!(ids(&store, &session).await.unwrap(), ["b", "a"]);
}

#[tokio::test]
async fn a_redis_that_is_slow_is_waited_for() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    let mut connection = redis.connection();
    let busy = std::thread::spawn(move || {
        let _: () = ::redis::cmd("DEBUG")
            .arg(&["SLEEP", "0.5"])
            .query(&mut connection)
            .unwrap();
    });
    for millis in 2..10 {
        add(&store, &session, &job("b", millis), later()).await;
    }
    busy.join().unwrap();
    assert_eq!(ids(&store, &session).await.unwrap(), ["b", "a"]);
}

#[tokio::test]
async fn a_full_redis_takes_nothing_and_still_tells_what_it_has() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let (known, new) = (session(), session());
    register(&store, &known, Some(&owner("anna")), later()).await;
    add(&store, &known, &job("a", 1), later()).await;
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    for session in [&known, &new] {
        let text = problem(store.add(session, &job("b", 2), later()).await);
        assert!(text.contains("is full"), "{text}");
    }
    let text = problem(store.register(&new, Some(&owner("anna")), later()).await);
    assert!(text.contains("is full"), "{text}");
    let text = problem(store.extend(&known, "a", Expiry::Never).await);
    assert!(text.contains("is full"), "{text}");
    assert_eq!(ids(&store, &known).await.unwrap(), ["a"]);
    // Nothing is half done: there is no trace of the new session.
    assert_eq!(redis.command::<u32>(&["DBSIZE"]), 3);
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    for session in [&known, &new] {
        add(&store, session, &job("b", 2), later()).await;
    }
    assert_eq!(ids(&store, &known).await.unwrap(), ["b", "a"]);
    assert_eq!(ids(&store, &new).await.unwrap(), ["b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_is_waited_for() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    redis.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    let text = problem(store.add(&session, &job("a", 1), later()).await);
    assert!(text.contains("is a replica"), "{text}");
    let call = tokio::spawn({
        let (store, session) = (store.clone(), session.clone());
        async move { store.add(&session, &job("a", 1), later()).await }
    });
    redis.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    assert!(call.await.unwrap().unwrap().is_new);
}

#[tokio::test]
async fn no_more_connections_and_a_database_that_is_not_there_are_told() {
    let redis = Redis::start_with(&["--databases", "1"]);
    let session = session();
    let text = problem(
        store(&format!("{}/1", redis.url()))
            .page(&session, None, 1)
            .await,
    );
    assert!(text.contains("has no database of the number"), "{text}");

    let mut connection = redis.connection();
    let _: () = ::redis::cmd("CONFIG")
        .arg(&["SET", "maxclients", "1"])
        .query(&mut connection)
        .unwrap();
    let text = problem(store(&redis.url()).page(&session, None, 1).await);
    // The error comes before the question, with the end of the connection.
    assert!(
        text.contains("takes no more connections") || text.contains("closed the connection"),
        "{text}"
    );
}

/// A program that is no Redis listens on the port.
#[tokio::test]
async fn an_answer_that_is_none_of_redis_fails_the_call() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::Write;
            let _ = stream.and_then(|mut it| it.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let store = store(&format!("redis://127.0.0.1:{port}"));
    let text = problem(store.page(&session(), None, 1).await);
    assert!(
        text.contains("closed the connection") || text.contains("cannot be reached"),
        "{text}"
    );
}
