//! How an application finds the jobs that its messages started: by the session id, from before the message until after the
//! last trace of the job.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{
    app_folder::{AppFolder, RETRY_AFTER},
    console::{Request, Shown, shown},
    fake_table::{FakeTable, Gate, Step},
    host::Host,
    http::Answer,
    messages::{Delivery, job_id},
    redis::Redis,
};

const SESSION: &str = "/api/sessions/s-1";
const LATEST: &str = "/api/sessions/s-1/latest";
const NOT_STARTED: &str = r#"{"status":"NotStarted"}"#;

/// A table whose answer, with two distinct values, is held back until the gate is open.
async fn held_table() -> (FakeTable, Gate) {
    let gate = Gate::closed();
    let page = Step::page(&["1", "2", "2"]);
    let table = FakeTable::start(vec![Step::Held(gate.clone(), Box::new(page))]).await;
    (table, gate)
}

async fn table() -> FakeTable {
    FakeTable::start(vec![Step::page(&["1", "2"])]).await
}

fn app(table: &FakeTable) -> AppFolder {
    AppFolder::misbehaving(&table.connection_string())
        .setting("RUST_LOG", "function_app=debug,job_api=debug")
}

async fn put(host: &Host, target: &str) -> Answer {
    host.client()
        .send_to(Method::PUT, &host.client().url(target))
        .await
}

async fn get(host: &Host, target: &str) -> Answer {
    host.client().get(target).await
}

/// The message with this number, sent that many seconds after all the others.
fn message(number: u32) -> Delivery {
    let sent = format!("2026-01-01T00:00:{number:02}Z");
    Delivery::submission(&format!("m-{number}"), "s-1").with("EnqueuedTimeUtc", sent)
}

fn ids(answer: &Answer) -> Vec<String> {
    let jobs = answer.json()["value"].as_array().unwrap().clone();
    let id = |job: &Value| job["id"].as_str().unwrap().to_owned();
    jobs.iter().map(id).collect()
}

fn assert_not_started(host: &Host, target: &str, answer: &Answer) {
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body, NOT_STARTED);
    assert_eq!(answer.header("Retry-After"), RETRY_AFTER);
    assert_eq!(answer.header("Location"), host.client().url(target));
    assert_eq!(answer.header("Cache-Control"), "no-store");
}

fn assert_never_seen(answer: &Answer) {
    assert_eq!(answer.status, 404, "{answer:?}");
    assert_eq!(answer.body, r#"{"error":"Session not found"}"#);
    assert_eq!(answer.header("x-ms-error-code"), "SessionNotFound");
}

/// The first block of commands behind this heading of a document.
fn commands(document: &str, heading: &str) -> Vec<Shown> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(file).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    shown(block.lines())
}

#[tokio::test]
async fn the_three_commands_of_the_documents_start_a_job_by_a_message_and_show_its_result() {
    let values: Vec<_> = (0..119).map(|id| id.to_string()).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    let table = FakeTable::start(vec![Step::page(&values)]).await;
    for (document, heading) in [
        ("README.md", "Jobs started by messages"),
        ("docs/sessions.md", "Try it"),
    ] {
        let host = AppFolder::product(&table.connection_string()).start().await;
        let mut answers = Vec::new();
        let commands = commands(document, heading);
        for Shown { command, output } in &commands {
            let request = Request::of_curl(command);
            let answer = request.send(host.client(), "http://localhost:7071").await;
            // Curl says nothing of a refusal.
            assert!(answer.status < 300, "{command:?} {answer:?}");
            // The host takes the message in the background.
            if answer.body.is_empty() {
                host.logged("Executed 'Functions.submit-event' (Succeeded", 1)
                    .await;
            }
            answers.push((answer.body, output.join("\n")));
        }
        let (last, shown) = answers.pop().unwrap();
        for (body, shown) in answers {
            assert_eq!(body, shown, "{document}");
        }
        let of = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let (last, shown) = (of(&last), of(&shown));
        assert_eq!(commands.len(), 3);
        for name in ["status", "result"] {
            assert_eq!(last[name], shown[name], "{document}");
        }
        let names = |job: &Value| {
            let names: Vec<_> = job.as_object().unwrap().keys().cloned().collect();
            names
        };
        assert_eq!(names(&last), names(&shown));
    }
}

#[tokio::test]
async fn a4_2_a_session_that_is_known_is_told_from_one_that_was_never_seen() {
    let table = table().await;
    let host = app(&table).start().await;
    for target in [SESSION, LATEST] {
        assert_never_seen(&get(&host, target).await);
    }
    let made = put(&host, SESSION).await;
    assert_eq!((made.status, made.body.as_str()), (201, NOT_STARTED));
    assert_eq!(made.header("Location"), host.client().url(SESSION));
    let known = put(&host, SESSION).await;
    assert_eq!((known.status, known.body.as_str()), (200, NOT_STARTED));
    for target in [SESSION, LATEST] {
        assert_not_started(&host, target, &get(&host, target).await);
        assert_never_seen(&get(&host, &target.replace("s-1", "s-2")).await);
    }
}

#[tokio::test]
async fn row_37_what_no_session_can_be_called_is_refused_by_name_and_never_found() {
    let table = table().await;
    let host = app(&table).start().await;
    let long = "x".repeat(129);
    for id in ["%20", "a%3Fb", "%C3%A9", long.as_str()] {
        let target = format!("/api/sessions/{id}");
        let refused = put(&host, &target).await;
        assert_eq!(refused.status, 400, "{id}");
        assert_eq!(refused.header("x-ms-error-code"), "InvalidSessionId");
        let text = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(text.starts_with("sessionId: expected 1 to 128"), "{text}");
        assert_never_seen(&get(&host, &target).await);
        assert_never_seen(&get(&host, &format!("{target}/latest")).await);
    }
}

#[tokio::test]
async fn a4_4_row_37_a_session_lists_all_its_jobs_newest_first_over_any_number_of_pages() {
    let table = table().await;
    let host = app(&table).start().await;
    // Not in the order in which they were sent.
    for number in [3, 1, 5, 2, 4] {
        message(number).to(&host).await;
    }
    Delivery::submission("other", "s-2").to(&host).await;
    host.logged("Executed 'Functions.submit-event' (Succeeded", 6)
        .await;
    let expected: Vec<_> = [5, 4, 3, 2, 1]
        .map(|number| job_id(&format!("m-{number}")))
        .into();
    let whole = get(&host, SESSION).await;
    assert_eq!(whole.status, 200);
    assert_eq!(ids(&whole), expected);
    assert_eq!(whole.json().get("nextLink"), None);

    let mut target = host.client().url(&format!("{SESSION}?maxpagesize=2"));
    let mut listed = Vec::new();
    for size in [2, 2, 1] {
        let page = host.client().send_to(Method::GET, &target).await;
        assert_eq!(ids(&page).len(), size);
        listed.extend(ids(&page));
        match page.json()["nextLink"].as_str() {
            Some(next) => target = next.to_owned(),
            None => assert_eq!(size, 1),
        }
        // Comes before the pages that follow, so it is in none of them.
        if size == 2 && listed.len() == 2 {
            message(6).to(&host).await;
            host.logged("Executed 'Functions.submit-event' (Succeeded", 7)
                .await;
        }
    }
    assert_eq!(listed, expected);
    // Each is what its own address says.
    let newest = &get(&host, SESSION).await.json()["value"][0];
    let location = host.client().url(&format!("/api/status/{}", job_id("m-6")));
    host.client().poll(&location).await;
    let ended = get(&host, SESSION).await.json()["value"][0].clone();
    assert_eq!(ended["id"], newest["id"]);
    assert_eq!(ended, host.client().status(&location).await.json());

    for (query, code) in [
        ("maxpagesize=0", "InvalidMaxPageSize"),
        ("maxpagesize=101", "InvalidMaxPageSize"),
        ("after=x", "InvalidAfter"),
    ] {
        let answer = get(&host, &format!("{SESSION}?{query}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("x-ms-error-code"), code);
    }
}

#[tokio::test]
async fn row_37_the_newest_job_is_answered_as_at_its_own_address() {
    let (table, gate) = held_table().await;
    let host = app(&table).start().await;
    message(1).to(&host).await;
    let location = host.client().url(&format!("/api/status/{}", job_id("m-1")));
    let querying = |answer: &Answer| {
        answer.status == 202 && answer.json()["customStatus"]["stage"] == "querying"
    };
    host.client().poll_until(&location, querying).await;
    let same = async |query: &str| {
        let of_job = host.client().status(&format!("{location}{query}")).await;
        let latest = get(&host, &format!("{LATEST}{query}")).await;
        assert_eq!(latest.status, of_job.status, "{query}");
        assert_eq!(latest.body, of_job.body, "{query}");
        for name in ["Location", "Content-Type", "ETag"] {
            let value = |answer: &Answer| answer.headers.get(name).cloned();
            assert_eq!(value(&latest), value(&of_job), "{query} {name}");
        }
        latest
    };
    for query in ["", "?view=minimal", "?view=text", "?view=other", "?wait=x"] {
        same(query).await;
    }
    gate.open();
    host.client().poll(&location).await;
    let ended = same("").await;
    assert_eq!(ended.json()["result"], 2);
    let url = host.client().url(LATEST);
    let tag = ended.header("ETag").to_owned();
    let known = host
        .client()
        .get_with(&url, &[("If-None-Match", &tag)])
        .await;
    assert_eq!(known.status, 304);
    // A newer job is another answer.
    message(2).to(&host).await;
    host.logged("Executed 'Functions.submit-event' (Succeeded", 2)
        .await;
    let newer = host
        .client()
        .get_with(&url, &[("If-None-Match", &tag)])
        .await;
    assert_eq!(newer.json()["id"], json!(job_id("m-2")));
}

#[tokio::test]
async fn row_37_a_client_that_waits_is_held_back_until_a_job_has_started_and_ended() {
    let table = table().await;
    let host = app(&table).start().await;
    put(&host, SESSION).await;
    let client = host.client().clone();
    let waiting = tokio::spawn(async move {
        let url = client.url(LATEST);
        client.get_with(&url, &[("Prefer", "wait=60")]).await
    });
    host.logged("the answer is held back until something begins", 1)
        .await;
    message(1).to(&host).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["status"], "Completed");
    assert_eq!(answer.header("Preference-Applied"), "wait=60");

    // One that waits in vain is told that nothing has started.
    put(&host, "/api/sessions/s-2").await;
    let answer = get(&host, "/api/sessions/s-2/latest?wait=1").await;
    assert_eq!((answer.status, answer.body.as_str()), (202, NOT_STARTED));
}

#[tokio::test]
async fn row_57_a_store_that_is_away_is_an_answer_to_try_again() {
    let table = table().await;
    let mut redis = Redis::start();
    let host = app(&table)
        .setting("SessionStore", "redis")
        .setting("RedisConnection", &redis.url())
        .start()
        .await;
    assert_eq!(put(&host, SESSION).await.status, 201);
    redis.kill();
    for answer in [
        get(&host, SESSION).await,
        get(&host, LATEST).await,
        put(&host, SESSION).await,
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("Retry-After"), RETRY_AFTER);
        let port = redis.port().to_string();
        assert!(!answer.body.contains(&port), "{}", answer.body);
    }
    redis.begin();
    assert_eq!(put(&host, SESSION).await.status, 201);
}

#[tokio::test]
async fn row_3_37_44_58_a_session_is_followed_from_before_its_message_until_after_its_expiry() {
    let (table, gate) = held_table().await;
    let redis = Redis::start();
    let state = tempfile::tempdir().unwrap();
    let start = async |expiring: &[&str], state: &Path| {
        let mut app = app(&table)
            .setting("SessionStore", "redis")
            .setting("RedisConnection", &redis.url());
        for setting in expiring {
            app = app.setting(setting, "1");
        }
        app.launch().state(state).start().await
    };
    let mut host = start(&[], state.path()).await;

    // The web application registers its session, and shows its page before the message is consumed.
    assert_never_seen(&get(&host, SESSION).await);
    assert_eq!(put(&host, SESSION).await.status, 201);
    assert_not_started(&host, SESSION, &get(&host, SESSION).await);
    assert_not_started(&host, LATEST, &get(&host, LATEST).await);

    // The message starts the job, whose id nobody has told the application.
    message(1).to(&host).await;
    host.logged("Executed 'Functions.submit-event' (Succeeded", 1)
        .await;
    let running = get(&host, LATEST).await;
    assert_eq!(running.status, 202);
    let location = running.header("Location").to_owned();
    let listed = get(&host, SESSION).await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.json()["value"][0]["id"], running.json()["id"]);
    assert!(location.ends_with(&job_id("m-1")), "{location}");

    gate.open();
    host.client().poll(&location).await;
    let ended = get(&host, LATEST).await;
    assert_eq!((ended.status, &ended.json()["result"]), (200, &json!(2)));
    host.stop("TERM").await;

    // After its retention it is gone, and its session says so.
    let mut host = start(&["JOBS_EXPIRE_AT_ONCE"], state.path()).await;
    host.purge_jobs(1).await;
    host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
        .await;
    host.purge_jobs(2).await;
    for target in [SESSION, LATEST] {
        let gone = get(&host, target).await;
        assert_eq!(gone.status, 410, "{gone:?}");
        assert_eq!(gone.header("x-ms-error-code"), "SessionExpired");
    }
    // Redelivered now, the message starts nothing.
    message(1).to(&host).await;
    host.logged("Executed 'Functions.submit-event' (Succeeded", 1)
        .await;
    assert_eq!(get(&host, SESSION).await.status, 410);
    host.stop("TERM").await;

    // After its tombstone nothing is left.
    let expiring = ["JOBS_EXPIRE_AT_ONCE", "TOMBSTONES_EXPIRE_AT_ONCE"];
    let host = start(&expiring, state.path()).await;
    host.purge_jobs(1).await;
    host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
        .await;
    for target in [SESSION, LATEST] {
        assert_never_seen(&get(&host, target).await);
    }
}
