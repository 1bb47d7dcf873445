//! Jobs that are started by messages.

use std::time::SystemTime;

use axum::{Router, body::Body, http::Request};
use durable_functions::Query;
use function_app::{
    app_with_sessions,
    functions::poison_message::POISON_MESSAGE,
    owners::Owner,
    sessions::{Expiry, MemoryStore, SessionId, SessionJob, SessionKey, Sessions},
    settings::Settings,
};
use futures::future::join_all;
use http_body_util::BodyExt;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::support::{
    app_folder::AppFolder,
    breaking_proxy::breaks_at_request,
    fake_table::{FakeTable, Gate, Step},
    host::Host,
    messages::{Delivery, documented_functions, job_id, use_queue},
    task_hub::TaskHub,
};
use faults::{Fault, FaultyStore};

mod faults;
mod malformed;
mod many;

const TAKEN: &str = "Executed 'Functions.submit-event' (Succeeded";
const REFUSED: &str = "Executed 'Functions.submit-event' (Failed";

async fn table() -> FakeTable {
    FakeTable::start(vec![Step::page(&["1", "2"])]).await
}

async fn start(table: &FakeTable) -> Host {
    AppFolder::misbehaving(&table.connection_string())
        .start()
        .await
}

fn status_of(host: &Host, message_id: &str) -> String {
    let target = format!("/api/status/{}", job_id(message_id));
    host.client().url(&target)
}

fn key(session: &str) -> SessionKey {
    SessionId::parse(session).unwrap().key()
}

/// `submit-event` in this process.
fn handler(sessions: Sessions) -> Router {
    let settings = Settings::read(|name| {
        (name == "AuditStorage").then(|| "UseDevelopmentStorage=true".to_owned())
    });
    app_with_sessions(settings.unwrap(), Some(sessions)).into_router()
}

/// The ids of a session's jobs, as the store tells them.
async fn jobs_of(sessions: &Sessions, session: &str) -> Option<Vec<String>> {
    let page = sessions.store().page(&key(session), None, 1000).await;
    let jobs = page.unwrap()?.jobs;
    Some(jobs.into_iter().map(|job| job.id).collect())
}

/// The instances in the task hub of a host that are jobs.
async fn instances(hub: &TaskHub) -> Vec<String> {
    let mut jobs = hub.client().query(Query::new());
    let mut ids = Vec::new();
    while let Some(job) = jobs.next().await.unwrap() {
        if job.name == "process-submission" {
            ids.push(job.instance_id);
        }
    }
    ids
}

/// The value of the `durableClient` binding of a host.
async fn binding(host: &Host) -> String {
    let url = host.client().url("/api/client-binding");
    let answer = host
        .client()
        .request_unsearched(Method::GET, &url, None, "")
        .await;
    answer.body
}

/// The same with another address of the task hub.
fn through(binding: &str, address: &str) -> String {
    let mut binding: Value = serde_json::from_str(binding).unwrap();
    binding["rpcBaseUrl"] = json!(format!("http://{address}"));
    binding.to_string()
}

fn address(binding: &str) -> String {
    let binding: Value = serde_json::from_str(binding).unwrap();
    let address = binding["rpcBaseUrl"].as_str().unwrap();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    address.to_owned()
}

/// The line of the handler about a message with this number, from 1. What it writes to stdout and to stderr may come in another
/// order.
async fn line(host: &Host, number: usize) -> String {
    host.logged("message_id=", number).await;
    let log = host.log();
    let last = log.lines().rfind(|line| line.contains("message_id="));
    last.unwrap().to_owned()
}

#[tokio::test]
async fn a4_1_a_session_has_its_job_as_soon_as_the_message_is_taken() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let message = Delivery::submission("m-1", "s-1");
    assert!(message.to_handler(&router, &binding).await);
    assert_eq!(jobs_of(&sessions, "s-1").await, Some(vec![job_id("m-1")]));
    // Its address is that of any job.
    let answer = host.client().poll(&status_of(&host, "m-1")).await;
    let answer = answer.json();
    assert_eq!(
        (&answer["status"], &answer["result"]),
        (&json!("Completed"), &json!(2))
    );
}

#[tokio::test]
async fn row_12_a_message_of_a_trigger_starts_a_job_like_any_other() {
    let table = table().await;
    let host = start(&table).await;
    let client = host.client();
    let (_, submitted) = client.submit("2021-01-01", "2021-01-01").await;
    Delivery::submission("m-1", "s-1").to(&host).await;
    host.logged(TAKEN, 1).await;
    let without_times = |mut status: Value| {
        let members = status.as_object_mut().unwrap();
        members.retain(|name, _| !name.ends_with("Time") && name != "id");
        status
    };
    let started = client.poll(&status_of(&host, "m-1")).await.json();
    let submitted = client.poll(&submitted).await.json();
    assert_eq!(without_times(started), without_times(submitted));
}

#[tokio::test]
async fn a4_3_a_message_that_is_delivered_again_starts_no_second_job_and_moves_nothing() {
    let gate = Gate::closed();
    let held = Step::Held(gate.clone(), Box::new(Step::page(&["1"])));
    let table = FakeTable::start(vec![held]).await;
    let (host, sessions) = (start(&table).await, Sessions::new(MemoryStore::new()));
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let delivery = |count: u64| {
        Delivery::submission("m-1", "s-1")
            .with("DeliveryCount", count)
            .with("SequenceNumber", 1)
            .with("EnqueuedTimeUtc", "2026-01-01T00:00:00")
    };
    let at_once: Vec<_> = (1..=20).map(delivery).collect();
    let taken = join_all(at_once.iter().map(|it| it.to_handler(&router, &binding))).await;
    assert_eq!(taken, [true; 20]);
    // A later message, and the first one again while its job runs, and after its end.
    let later = Delivery::submission("m-2", "s-1").with("EnqueuedTimeUtc", "2026-01-01T00:00:01");
    assert!(later.to_handler(&router, &binding).await);
    let order = Some(vec![job_id("m-2"), job_id("m-1")]);
    assert!(delivery(21).to_handler(&router, &binding).await);
    assert_eq!(jobs_of(&sessions, "s-1").await, order);
    gate.open();
    for message in ["m-1", "m-2"] {
        host.client().poll(&status_of(&host, message)).await;
    }
    assert!(delivery(22).to_handler(&router, &binding).await);
    assert_eq!(jobs_of(&sessions, "s-1").await, order);
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 2);
    assert_eq!(table.requests().len(), 2);
}

#[tokio::test]
async fn row_3_a_message_whose_job_was_cancelled_or_purged_starts_no_second_one() {
    let gate = Gate::closed();
    let held = Step::Held(gate.clone(), Box::new(Step::page(&["1"])));
    let table = FakeTable::start(vec![held]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .setting("JOBS_EXPIRE_AT_ONCE", "1")
        .start()
        .await;
    let client = host.client();
    let message = Delivery::submission("m-1", "s-1");
    message.to(&host).await;
    host.logged(TAKEN, 1).await;
    table.requested(1).await;
    let status = status_of(&host, "m-1");
    let cancelled = client.send_to(Method::DELETE, &status).await;
    assert!(cancelled.status < 300, "{cancelled:?}");
    client.poll(&status).await;
    message.to(&host).await;
    host.logged(TAKEN, 2).await;
    assert_eq!(client.status(&status).await.json()["status"], "Terminated");

    for run in 1..=2 {
        client.post("/admin/functions/purge-jobs", "{}").await;
        host.logged("Executed 'Functions.purge-jobs' (Succeeded", run)
            .await;
        host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
            .await;
    }
    assert_eq!(client.status(&status).await.status, 410);
    message.to(&host).await;
    host.logged(TAKEN, 3).await;
    host.logged("after its job was purged: nothing is started", 1)
        .await;
    assert_eq!(client.status(&status).await.status, 410);
    assert_eq!(table.requests().len(), 1);
    gate.open();
}

#[tokio::test]
async fn row_3_an_id_that_had_another_content_is_refused_and_gives_nobody_a_job() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let first = Delivery::submission("m-1", "s-1");
    assert!(first.to_handler(&router, &binding).await);
    let other_session = Delivery::submission("m-1", "s-2");
    assert!(!other_session.to_handler(&router, &binding).await);
    assert_eq!(jobs_of(&sessions, "s-2").await, None);
    let text = r#"{"sessionId":"s-1","start":"2021-01-01","end":"2021-01-30"}"#;
    let other_days = Delivery::of(text).with("MessageId", "m-1");
    assert!(!other_days.to_handler(&router, &binding).await);
    assert!(first.to_handler(&router, &binding).await);
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 1);
}

/// Asks `get-session` in this process for the jobs of a session.
async fn listed(router: &Router, binding: &str, session: &str) -> (Value, Value) {
    let request = json!({
        "Url": format!("http://localhost:7071/api/sessions/{session}"),
        "Method": "GET",
        "Query": {},
        "Headers": { "Host": ["localhost:7071"] },
        "Params": { "sessionId": session },
        "Identities": [],
    });
    let starter = json!(json!(binding).to_string());
    let envelope = json!({ "Data": { "req": request, "starter": starter }, "Metadata": {} });
    let request = Request::post("/get-session")
        .header("Content-Type", "application/json")
        .body(Body::from(envelope.to_string()))
        .unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let mut answer: Value = serde_json::from_slice(&body).unwrap();
    let answer = answer["Outputs"]["res"].take();
    let body = answer["body"].as_str().unwrap();
    (
        answer["statusCode"].clone(),
        serde_json::from_str(body).unwrap(),
    )
}

/// Each of two messages with the same id finds no job yet, and puts it into its session. One of them starts it.
#[tokio::test]
async fn row_3_a_job_is_in_the_list_of_its_own_session_only() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let message = Delivery::submission("m-1", "s-1");
    assert!(message.to_handler(&router, &binding).await);
    let job = SessionJob::new(job_id("m-1"), SystemTime::now());
    let added = sessions.store().add(&key("s-2"), &job, Expiry::Never).await;
    added.unwrap();
    let (status, list) = listed(&router, &binding, "s-1").await;
    assert_eq!(
        (status, &list["value"][0]["id"]),
        (json!(200), &json!(job_id("m-1")))
    );
    let (status, list) = listed(&router, &binding, "s-2").await;
    assert_eq!(status, 404, "{list}");
}

#[tokio::test]
async fn a_job_belongs_to_whom_the_session_belongs() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let owner = Owner::of("aad", "anna");
    let registered = sessions
        .store()
        .register(&key("s-1"), Some(&owner), Expiry::Never)
        .await;
    assert!(registered.unwrap().is_new);
    let message = Delivery::submission("m-1", "s-1");
    assert!(message.to_handler(&router, &binding).await);
    assert!(message.to_handler(&router, &binding).await);
    let hub = TaskHub::of(&host).await;
    assert_eq!(instances(&hub).await, [job_id("m-1")]);
    let stranger = host.client().status(&status_of(&host, "m-1")).await;
    assert_eq!(stranger.status, 404);
}

#[tokio::test]
async fn a_text_cannot_choose_its_own_id_nor_its_delivery_count() {
    let table = table().await;
    let host = start(&table).await;
    let text = r#"{"messageId":"victim","deliveryCount":1,"sessionId":"s","start":"2021-01-01","end":"2021-01-31"}"#;
    Delivery::of(text).with("DeliveryCount", 10).to(&host).await;
    host.logged(REFUSED, 1).await;
    let line = line(&host, 1).await;
    // It cannot be known whether this is the last delivery.
    assert!(line.contains("ERROR"), "{line}");
    assert!(!line.contains("victim"), "{line}");
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 0);
}

#[tokio::test]
async fn row_12_the_same_function_takes_messages_of_a_storage_queue() {
    let table = table().await;
    let launch = AppFolder::misbehaving(&table.connection_string()).launch();
    use_queue(launch.folder());
    let host = launch.start().await;
    let text = r#"{"sessionId":"s-1","start":"2021-01-01","end":"2021-01-31"}"#;
    let message = Delivery::of(text).with("Id", "i-1").with("DequeueCount", 1);
    message.to(&host).await;
    host.logged(TAKEN, 1).await;
    message.to(&host).await;
    host.logged(TAKEN, 2).await;
    let answer = host.client().poll(&status_of(&host, "i-1")).await;
    assert_eq!(answer.json()["status"], "Completed");
    // A message that a person sends has no id. Each is one of its own.
    Delivery::of(text).to(&host).await;
    Delivery::of(text).to(&host).await;
    host.logged(TAKEN, 4).await;
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 3);
}

#[test]
fn the_function_of_the_app_is_the_documented_one() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/submit-event/function.json");
    let function: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let [documented, _] = documented_functions();
    assert_eq!(function, documented);
}

#[tokio::test]
async fn a_message_without_an_id_is_known_again_by_its_sequence_number() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let message = |number: u64| {
        Delivery::submission("", "s-1")
            .without("MessageId")
            .with("SequenceNumber", number)
            .with("EnqueuedTimeUtc", "2026-01-01T00:00:00")
    };
    for number in [7, 8, 7] {
        assert!(message(number).to_handler(&router, &binding).await);
    }
    assert_eq!(jobs_of(&sessions, "s-1").await.unwrap().len(), 2);
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 2);
}

#[tokio::test]
async fn the_session_of_the_message_itself_counts_when_the_text_has_none() {
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    let text = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let of_message = Delivery::of(text)
        .with("MessageId", "m-1")
        .with("SessionId", "s-1");
    assert!(of_message.to_handler(&router, &binding).await);
    let of_both = Delivery::submission("m-2", "s-2").with("SessionId", "s-1");
    assert!(of_both.to_handler(&router, &binding).await);
    assert_eq!(jobs_of(&sessions, "s-1").await, Some(vec![job_id("m-1")]));
    assert_eq!(jobs_of(&sessions, "s-2").await, Some(vec![job_id("m-2")]));
}

#[tokio::test]
async fn while_the_store_is_away_no_job_is_started_and_a_later_delivery_starts_it_once() {
    let table = table().await;
    let host = start(&table).await;
    let (binding, hub) = (binding(&host).await, TaskHub::of(&host).await);
    for (message, fault) in [("m-1", Fault::Refuses), ("m-2", Fault::LosesTheAnswer)] {
        let store = FaultyStore::new(fault);
        let router = handler(Sessions::new(store.clone()));
        let delivery = Delivery::submission(message, "s-1");
        assert!(!delivery.to_handler(&router, &binding).await);
        assert!(!delivery.to_handler(&router, &binding).await);
        let job = hub.client().status(&job_id(message)).await.unwrap();
        assert!(job.is_none(), "{message}");
        store.heal();
        assert!(delivery.to_handler(&router, &binding).await);
        let sessions = Sessions::new(store);
        assert_eq!(jobs_of(&sessions, "s-1").await, Some(vec![job_id(message)]));
        let job = hub.client().status(&job_id(message)).await.unwrap();
        assert!(job.is_some(), "{message}");
    }
}

#[tokio::test]
async fn when_the_connection_to_the_task_hub_breaks_anywhere_a_later_delivery_starts_the_job_once()
{
    let (table, sessions) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(sessions.clone()), binding(&host).await);
    // The job, its tombstone, the start.
    for request in 1..=3 {
        let message = format!("m-{request}");
        let delivery = Delivery::submission(&message, &message);
        let proxy = breaks_at_request(request, &address(&binding)).await;
        assert!(
            !delivery
                .to_handler(&router, &through(&binding, &proxy))
                .await
        );
        // The session knows its job before it is started.
        let known = (request == 3).then(|| vec![job_id(&message)]);
        assert_eq!(jobs_of(&sessions, &message).await, known);
        assert!(delivery.to_handler(&router, &binding).await);
        assert_eq!(
            jobs_of(&sessions, &message).await,
            Some(vec![job_id(&message)])
        );
    }
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 3);
}

#[tokio::test]
async fn without_sessions_a_message_is_not_taken() {
    let table = table().await;
    let host = start(&table).await;
    let settings = Settings::read(|name| {
        (name == "AuditStorage").then(|| "UseDevelopmentStorage=true".to_owned())
    });
    let router = app_with_sessions(settings.unwrap(), None).into_router();
    let message = Delivery::submission("m-1", "s-1");
    assert!(!message.to_handler(&router, &binding(&host).await).await);
    assert_eq!(instances(&TaskHub::of(&host).await).await.len(), 0);
}

#[tokio::test]
async fn neither_a_session_nor_anything_of_a_text_is_in_the_log() {
    let table = table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .setting("MaxDeliveryCount", "2")
        .start()
        .await;
    let malformed = r#"{"sessionId":"secret-1","secret-2":"secret-3""#;
    let unknown = r#"{"sessionId":"secret-1","secret-2":"secret-3"}"#;
    let days = r#"{"sessionId":"secret-1","start":"secret-4","end":"secret-5"}"#;
    let (start, end) = ("0987-06-05", "0987-06-06");
    let taken = [
        Delivery::of(json!({ "sessionId": "secret-1", "start": start, "end": end }).to_string())
            .with("MessageId", "m-2"),
        Delivery::submission("m-1", "secret-1"),
        // Some senders take the session as the id.
        Delivery::submission("secret-6", "secret-6"),
        Delivery::of(r#"{"start":"2021-01-01","end":"2021-01-31"}"#)
            .with("MessageId", "secret-7")
            .with("SessionId", "secret-7"),
    ];
    for (index, delivery) in taken.iter().chain(&taken).enumerate() {
        delivery.to(&host).await;
        host.logged(TAKEN, index + 1).await;
    }
    let mut refused = 0;
    for text in [malformed, unknown, days] {
        for count in [1, 2] {
            let delivery = Delivery::of(text)
                .with("MessageId", "secret-1")
                .with("SessionId", "secret-8")
                .with("DeliveryCount", count);
            delivery.to(&host).await;
            refused += 1;
            host.logged(REFUSED, refused).await;
        }
    }
    for message in ["m-1", "m-2", "secret-6"] {
        host.client().poll(&status_of(&host, message)).await;
    }
    let log = host.log();
    let secrets = ["secret", start, end];
    let told: Vec<_> = log
        .lines()
        .filter(|line| secrets.iter().any(|secret| line.contains(secret)))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}
