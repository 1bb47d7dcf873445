//! Messages while Redis, which keeps the sessions, is away, slow, full or restarted: a job starts with its session, or not at
//! all, and a look-up is answered or asked to come back.

use durable_functions::Query;
use function_app::sessions::{RedisConnection, RedisSettings, RedisStore, SessionId, SessionStore};
use reqwest::Method;

use super::support::{
    app_folder::{AppFolder, RETRY_AFTER},
    fake_table::{FakeTable, Gate, Step},
    host::Host,
    messages::{Delivery, job_id},
    redis::{PASSWORD, Redis},
    task_hub::TaskHub,
};

const TAKEN: &str = "Executed 'Functions.submit-event' (Succeeded";
const REFUSED: &str = "Executed 'Functions.submit-event' (Failed";

async fn start(table: &FakeTable, redis: &Redis) -> Host {
    AppFolder::misbehaving(&table.connection_string())
        .setting("SessionStore", "redis")
        .setting("RedisConnection", &redis.url())
        .start()
        .await
}

async fn table() -> FakeTable {
    FakeTable::start(vec![Step::page(&["1", "2"])]).await
}

/// The ids of a session's jobs, as Redis has them.
async fn listed(redis: &Redis, session: &str) -> Option<Vec<String>> {
    let store = RedisStore::new(RedisSettings {
        connection: RedisConnection::parse(&redis.url()).unwrap(),
        identity: None,
    });
    let key = SessionId::parse(session).unwrap().key();
    let page = store.page(&key, None, 100).await.unwrap()?;
    Some(page.jobs.into_iter().map(|job| job.id).collect())
}

/// How many jobs were started.
async fn started(host: &Host) -> usize {
    let hub = TaskHub::of(host).await;
    let mut jobs = hub.client().query(Query::new());
    let mut count = 0;
    while let Some(job) = jobs.next().await.unwrap() {
        count += usize::from(job.name == "process-submission");
    }
    count
}

fn status_of(host: &Host, message_id: &str) -> String {
    let target = format!("/api/status/{}", job_id(message_id));
    host.client().url(&target)
}

/// What the log must not have at any level that a function writes.
fn search_log(host: &Host) {
    let log = host.log();
    for secret in [PASSWORD, "p%40ss", "session-of-anna"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_message_starts_nothing_while_redis_is_away_and_its_next_delivery_does() {
    let (table, mut redis) = (table().await, Redis::start());
    redis.kill();
    // The handler starts all the same.
    let host = start(&table, &redis).await;
    let message = Delivery::submission("m-1", "session-of-anna");
    message.to(&host).await;
    host.logged(REFUSED, 1).await;
    host.logged("the session store cannot be reached", 1).await;
    assert_eq!(
        host.client().status(&status_of(&host, "m-1")).await.status,
        404
    );
    assert_eq!(started(&host).await, 0);
    redis.begin();
    message.to(&host).await;
    host.logged(TAKEN, 1).await;
    host.client().poll(&status_of(&host, "m-1")).await;
    // In the middle of its use.
    redis.kill();
    redis.begin();
    let other = Delivery::submission("m-2", "session-of-anna");
    other.to(&host).await;
    host.logged(TAKEN, 2).await;
    assert_eq!(
        listed(&redis, "session-of-anna").await.unwrap(),
        [job_id("m-2")]
    );
    // Redis has lost the first job. A delivery of its message notes it again, and starts no second one.
    message.to(&host).await;
    host.logged(TAKEN, 3).await;
    let mut jobs = listed(&redis, "session-of-anna").await.unwrap();
    jobs.sort();
    let mut expected = [job_id("m-1"), job_id("m-2")];
    expected.sort();
    assert_eq!(jobs, expected);
    assert_eq!(started(&host).await, 2);
    search_log(&host);
}

#[tokio::test]
async fn a_message_that_redis_does_not_answer_starts_one_job_in_the_end() {
    let (table, redis) = (table().await, Redis::start());
    let host = start(&table, &redis).await;
    Delivery::submission("m-0", "session-of-anna")
        .to(&host)
        .await;
    host.logged(TAKEN, 1).await;
    let message = Delivery::submission("m-1", "session-of-anna");
    redis.suspend();
    message.to(&host).await;
    host.logged(REFUSED, 1).await;
    redis.resume();
    // Redis may have noted the job meanwhile. It is not started, which is what its address says.
    assert_eq!(
        host.client().status(&status_of(&host, "m-1")).await.status,
        404
    );
    for delivery in 2..4 {
        message.to(&host).await;
        host.logged(TAKEN, delivery).await;
    }
    let jobs = listed(&redis, "session-of-anna").await.unwrap();
    assert_eq!(jobs, [job_id("m-1"), job_id("m-0")]);
    assert_eq!(started(&host).await, 2);
    search_log(&host);
}

#[tokio::test]
async fn a_full_redis_refuses_messages_and_disturbs_no_job_that_runs() {
    let gate = Gate::closed();
    let held = Step::Held(gate.clone(), Box::new(Step::page(&["1"])));
    let (table, redis) = (FakeTable::start(vec![held]).await, Redis::start());
    let host = start(&table, &redis).await;
    let first = Delivery::submission("m-1", "session-of-anna");
    first.to(&host).await;
    host.logged(TAKEN, 1).await;
    table.requested(1).await;
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let message = Delivery::submission("m-2", "session-of-ben");
    message.to(&host).await;
    host.logged(REFUSED, 1).await;
    host.logged("the session store is full (maxmemory)", 1)
        .await;
    assert_eq!(listed(&redis, "session-of-ben").await, None);
    assert_eq!(started(&host).await, 1);
    gate.open();
    host.client().poll(&status_of(&host, "m-1")).await;
    assert_eq!(
        listed(&redis, "session-of-anna").await.unwrap(),
        [job_id("m-1")]
    );
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    message.to(&host).await;
    host.logged(TAKEN, 2).await;
    assert_eq!(
        listed(&redis, "session-of-ben").await.unwrap(),
        [job_id("m-2")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_during_restarts_of_redis_are_all_noted_and_start_once() {
    const MESSAGES: usize = 60;
    let table = table().await;
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let host = start(&table, &redis).await;
    let id = |number: usize| format!("m-{number}");
    for round in 0..3 {
        for number in (0..MESSAGES).filter(|number| number % 3 == round) {
            Delivery::submission(&id(number), "session-of-anna")
                .to(&host)
                .await;
            if number % 15 == 0 {
                redis.kill();
                redis.begin();
            }
        }
    }
    // As the service does with a message that was refused: all are delivered again until they are taken.
    let mut taken = 0;
    for delivery in 1.. {
        let executed = "Executed 'Functions.submit-event' (";
        host.logged(executed, MESSAGES * delivery).await;
        let all = host.log().matches(TAKEN).count();
        if all - taken == MESSAGES {
            break;
        }
        taken = all;
        for number in 0..MESSAGES {
            Delivery::submission(&id(number), "session-of-anna")
                .to(&host)
                .await;
        }
    }
    let mut jobs = listed(&redis, "session-of-anna").await.unwrap();
    let mut expected: Vec<_> = (0..MESSAGES).map(|number| job_id(&id(number))).collect();
    jobs.sort();
    expected.sort();
    assert_eq!(jobs, expected);
    assert_eq!(started(&host).await, MESSAGES);
}

#[tokio::test]
async fn a_look_up_while_redis_is_away_asks_the_client_to_come_back() {
    let (table, mut redis) = (table().await, Redis::start());
    let host = start(&table, &redis).await;
    let client = host.client();
    Delivery::submission("m-1", "session-of-anna")
        .to(&host)
        .await;
    host.logged(TAKEN, 1).await;
    client.poll(&status_of(&host, "m-1")).await;
    redis.kill();
    let url = |target: &str| client.url(&format!("/api/sessions/session-of-anna{target}"));
    for (method, target) in [
        (Method::GET, ""),
        (Method::GET, "/latest"),
        (Method::PUT, ""),
    ] {
        let answer = client.send_to(method.clone(), &url(target)).await;
        assert_eq!(answer.status, 503, "{method} {target}: {answer:?}");
        assert_eq!(answer.header("retry-after"), RETRY_AFTER, "{answer:?}");
        assert!(!answer.body.to_lowercase().contains("redis"), "{answer:?}");
    }
    // The job itself is not asked for in the store.
    assert_eq!(client.status(&status_of(&host, "m-1")).await.status, 200);
    redis.begin();
    // A session that Redis has lost is one that was never seen.
    assert_eq!(client.send_to(Method::GET, &url("")).await.status, 404);
    assert_eq!(client.send_to(Method::PUT, &url("")).await.status, 201);
    assert_eq!(client.send_to(Method::GET, &url("")).await.status, 202);
    search_log(&host);
}
