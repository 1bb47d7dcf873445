//! Passwords, users, and tokens of a managed identity.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use function_app::sessions::{
    ManagedIdentity, RedisConnection, RedisSettings, RedisStore, SessionStore,
};
use serde_json::json;

use super::{super::*, problem, store};
use crate::support::redis::Redis;

const OBJECT_ID: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

#[tokio::test]
async fn a_wrong_password_fails_at_once_and_is_told() {
    let redis = Redis::start();
    let session = session();
    for login in ["", ":wrong@", "nobody:wrong@"] {
        let store = store(&format!("redis://{login}127.0.0.1:{}", redis.port()));
        let text = problem(store.register(&session, None, later()).await);
        assert!(
            text.contains("refuses the user or the password in RedisConnection"),
            "{text}"
        );
        // Attempts with a wrong password may lock the user out.
        let calls = redis.command::<String>(&["INFO", "commandstats"]);
        let tried = if login.is_empty() { "eval" } else { "auth" };
        let line = calls.lines().find(|it| it.contains(&format!("_{tried}:")));
        redis.command::<()>(&["CONFIG", "RESETSTAT"]);
        // The connections of the test log in, too.
        assert!(
            line.is_some_and(|it| it.contains("calls=1,") || it.contains("calls=2,")),
            "{calls}"
        );
    }
}

#[tokio::test]
async fn a_user_needs_few_rights_and_is_told_when_they_are_missing() {
    let redis = Redis::start();
    let session = session();
    // As docs/session-stores.md says it.
    let rights = "+eval +exists +time +zrangebyscore +hdel +zrem +hlen +hexists +zcard +del +hget +hset +persist \
                  +pexpireat +zscore +zadd +zrevrangebylex";
    let set = |rights: &str| {
        let words = ["ACL", "SETUSER", "app", "reset", "on", ">secret"].into_iter();
        let words: Vec<_> = words.chain(rights.split_whitespace()).collect();
        redis.command::<()>(&words);
    };
    let store = store(&format!("redis://app:secret@127.0.0.1:{}", redis.port()));
    for missing in [
        "~function-app:*",
        "~other:* +@all",
        "~* +@all -eval",
        "~* +@all -hset",
    ] {
        set(missing);
        let text = problem(store.register(&session, Some(&owner("a")), later()).await);
        assert!(
            text.contains("does not allow the user"),
            "{missing}: {text}"
        );
    }
    set(&format!("~function-app:* {rights}"));
    register(&store, &session, Some(&owner("a")), later()).await;
    add(&store, &session, &job("a", 1), later()).await;
    add(&store, &session, &job("a", 1), over()).await;
    add(&store, &session, &job("b", 2), over()).await;
    store.extend(&session, "a", Expiry::Never).await.unwrap();
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
}

/// The endpoint of a managed identity.
struct Endpoint {
    address: String,
    state: Arc<Served>,
}

#[derive(Default)]
struct Served {
    /// The status, and the token with its remaining time in seconds.
    answer: Mutex<(u16, String, u64)>,
    asked: AtomicUsize,
}

async fn token(
    State(served): State<Arc<Served>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, Json<serde_json::Value>) {
    let query = query.unwrap();
    let resource = "resource=https%3A%2F%2Fredis.azure.com&api-version=2019-08-01";
    assert!(query.starts_with(resource), "{query}");
    assert_eq!(headers["x-identity-header"], "header");
    served.asked.fetch_add(1, Ordering::SeqCst);
    let (status, token, left) = served.answer.lock().unwrap().clone();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let expires = now.unwrap().as_secs() + left;
    (
        StatusCode::from_u16(status).unwrap(),
        Json(json!({
            "access_token": token,
            "expires_on": expires.to_string(),
            "resource": "https://redis.azure.com",
            "token_type": "Bearer",
        })),
    )
}

impl Endpoint {
    async fn start() -> Self {
        let state = Arc::new(Served::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/msi/token", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/msi/token", get(token))
            .with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, state }
    }

    /// Hands this token out, which is good for so many seconds, and makes it the one password in Redis.
    fn issue(&self, redis: &Redis, name: &str, left: u64) {
        let claims = json!({"oid": OBJECT_ID, "name": name}).to_string();
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
        let token = format!("e30.{claims}.c2lnbmF0dXJl");
        let password = format!(">{token}");
        let rights = ["~*", "+@all"];
        let words = ["ACL", "SETUSER", OBJECT_ID, "on", "resetpass", &password];
        redis.command::<()>(&[&words[..], &rights].concat());
        *self.state.answer.lock().unwrap() = (200, token, left);
    }

    fn refuse(&self, status: u16) {
        self.state.answer.lock().unwrap().0 = status;
    }

    fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    fn store(&self, redis: &Redis, client_id: Option<&str>) -> Arc<dyn SessionStore> {
        let connection = format!("redis://127.0.0.1:{}", redis.port());
        Arc::new(RedisStore::new(RedisSettings {
            connection: RedisConnection::parse(&connection).unwrap(),
            identity: Some(ManagedIdentity::new(
                self.address.parse().unwrap(),
                "header".to_owned(),
                client_id.map(str::to_owned),
            )),
        }))
    }
}

/// The id and the number of logins of the app's connection.
fn connection(redis: &Redis) -> String {
    let list: String = redis.command(&["CLIENT", "LIST"]);
    let line = list.lines().find(|it| it.contains(OBJECT_ID));
    let (id, _) = line.expect(&list).split_once(' ').unwrap();
    id.to_owned()
}

fn logins(redis: &Redis) -> u32 {
    let stats: String = redis.command(&["INFO", "commandstats"]);
    let line = stats.lines().find(|it| it.starts_with("cmdstat_auth:"));
    let calls = line.unwrap().split_once("calls=").unwrap().1;
    calls.split_once(',').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_token_takes_the_place_of_the_password_and_its_object_id_is_the_user() {
    let redis = Redis::start();
    let endpoint = Endpoint::start().await;
    endpoint.issue(&redis, "first", 3600);
    let store = endpoint.store(&redis, Some("client"));
    let session = session();
    for millis in 0..10 {
        add(&store, &session, &job("a", millis), later()).await;
    }
    assert_eq!(endpoint.asked(), 1);
    connection(&redis);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_the_connection_is_kept() {
    let redis = Redis::start();
    let endpoint = Endpoint::start().await;
    endpoint.issue(&redis, "first", 4);
    let store = endpoint.store(&redis, None);
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    let (kept, before) = (connection(&redis), logins(&redis));
    endpoint.issue(&redis, "second", 3600);
    // Changed passwords end no connection of Redis, so these calls succeed with either token.
    while endpoint.asked() == 1 {
        add(&store, &session, &job("a", 1), later()).await;
    }
    add(&store, &session, &job("b", 2), later()).await;
    assert_eq!(endpoint.asked(), 2);
    assert_eq!(connection(&redis), kept);
    // One is that of the app, the others are those of the test's own connections.
    let own = 2 + 1;
    assert!(logins(&redis) > before + own, "no login with the new token");
    redis.command::<u32>(&["CLIENT", "KILL", "USER", OBJECT_ID]);
    assert_eq!(ids(&store, &session).await.unwrap(), ["b", "a"]);
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_no_fault_while_the_token_is_good() {
    let redis = Redis::start();
    let endpoint = Endpoint::start().await;
    endpoint.issue(&redis, "first", 100);
    let store = endpoint.store(&redis, None);
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    endpoint.refuse(500);
    redis.command::<u32>(&["CLIENT", "KILL", "USER", OBJECT_ID]);
    add(&store, &session, &job("b", 2), later()).await;
    assert_eq!(ids(&store, &session).await.unwrap(), ["b", "a"]);
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_replaced_within_the_call() {
    let redis = Redis::start();
    let endpoint = Endpoint::start().await;
    endpoint.issue(&redis, "first", 3600);
    let store = endpoint.store(&redis, None);
    let session = session();
    add(&store, &session, &job("a", 1), later()).await;
    endpoint.issue(&redis, "second", 3600);
    redis.command::<u32>(&["CLIENT", "KILL", "USER", OBJECT_ID]);
    assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_or_not_given_is_told() {
    let redis = Redis::start();
    let endpoint = Endpoint::start().await;
    endpoint.issue(&redis, "first", 3600);
    redis.command::<u32>(&["ACL", "DELUSER", OBJECT_ID]);
    let session = session();
    let text = problem(endpoint.store(&redis, None).page(&session, None, 1).await);
    assert!(
        text.contains("refuses the token of the managed identity"),
        "{text}"
    );
    for (status, expected) in [(400, "gave no token"), (503, "does not answer")] {
        endpoint.refuse(status);
        let text = problem(endpoint.store(&redis, None).page(&session, None, 1).await);
        assert!(text.contains(expected), "{text}");
    }
}
