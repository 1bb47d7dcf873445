//! What is in Redis, and for how long.

use std::time::{Duration, SystemTime};

use function_app::sessions::{Expiry, SessionKey};

use super::{super::*, store};
use crate::support::redis::Redis;

fn keys(redis: &Redis) -> Vec<String> {
    redis.command(&["KEYS", "*"])
}

fn of_session(session: &SessionKey) -> [String; 3] {
    let key = format!("function-app:session:{{{}}}", session.as_str());
    [format!("{key}:jobs"), format!("{key}:expiries"), key]
}

#[tokio::test]
async fn all_of_a_session_ends_by_itself_at_its_latest_expiry() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    let soon = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);
    let late = soon + Duration::from_secs(1);
    let ends = || of_session(&session).map(|key| redis.command::<i64>(&["PEXPIRETIME", &key]));
    add(&store, &session, &job("a", 1), Expiry::At(late)).await;
    assert_eq!(ends(), [4_000_000_001_123; 3]);
    // Also what another job makes anew.
    add(&store, &session, &job("b", 2), Expiry::At(soon)).await;
    register(&store, &session, None, Expiry::At(soon)).await;
    store.extend(&session, "b", Expiry::At(soon)).await.unwrap();
    assert_eq!(ends(), [4_000_000_001_123; 3]);
    store.extend(&session, "b", Expiry::Never).await.unwrap();
    assert_eq!(ends(), [-1; 3]);
    assert_eq!(keys(&redis).len(), 3);
}

#[tokio::test]
async fn a_job_that_expired_leaves_nothing_in_a_session_that_lives() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = session();
    add(&store, &session, &job("kept", 1), later()).await;
    // More than one round of the clean-up.
    for number in 0..1500 {
        add(&store, &session, &job(&format!("gone{number}"), 2), over()).await;
    }
    assert_eq!(ids(&store, &session).await.unwrap(), ["kept"]);
    let [jobs, expiries, hash] = of_session(&session);
    assert_eq!(redis.command::<u32>(&["ZCARD", &jobs]), 1);
    assert_eq!(redis.command::<u32>(&["ZCARD", &expiries]), 1);
    assert_eq!(redis.command::<u32>(&["HLEN", &hash]), 2);
}

#[tokio::test]
async fn neither_a_session_id_nor_an_owner_is_in_redis() {
    let redis = Redis::start();
    let store = store(&redis.url());
    let session = SessionId::parse("s3cret-session").unwrap().key();
    register(&store, &session, Some(&owner("s3cret-name")), later()).await;
    add(&store, &session, &job("a", 1), later()).await;
    for key in keys(&redis) {
        let dump: Vec<u8> = redis.command(&["DUMP", &key]);
        let all = format!("{key} {}", String::from_utf8_lossy(&dump));
        assert!(!all.contains("s3cret"), "{all}");
    }
}

/// A cache with a policy that evicts, although the documents say that it must not.
#[tokio::test]
async fn a_session_of_which_a_part_was_evicted_is_not_known_and_can_come_again() {
    let redis = Redis::start();
    let store = store(&redis.url());
    for evicted in 0..3 {
        let session = session();
        let parts = of_session(&session);
        let evict = || redis.command::<u32>(&["DEL", &parts[evicted]]);
        for id in ["a", "b"] {
            add(&store, &session, &job(id, 1), later()).await;
        }
        assert_eq!(evict(), 1);
        assert_eq!(page(&store, &session, None, 10).await, None);
        store.extend(&session, "a", Expiry::Never).await.unwrap();
        assert_eq!(page(&store, &session, None, 10).await, None);
        let told = add(&store, &session, &job("c", 1), later()).await;
        assert!(told.is_new);
        assert_eq!(ids(&store, &session).await.unwrap(), ["c"]);
        assert_eq!(evict(), 1);
        assert!(register(&store, &session, None, later()).await.is_new);
        assert_eq!(ids(&store, &session).await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_keys_of_a_session_are_on_one_shard_of_a_cluster() {
    let redis = Redis::start_with(&["--cluster-enabled", "yes"]);
    let store = store(&redis.url());
    let session = session();
    let text = super::problem(store.page(&session, None, 10).await);
    assert!(text.contains("is a cluster that redirects"), "{text}");
    // A cluster refuses a call whose keys could be on several shards, also when all are on this one.
    redis.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    while !redis
        .command::<String>(&["CLUSTER", "INFO"])
        .contains("cluster_state:ok")
    {}
    add(&store, &session, &job("a", 1), later()).await;
    store.extend(&session, "a", Expiry::Never).await.unwrap();
    register(&store, &session, None, later()).await;
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
}
