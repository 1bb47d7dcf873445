//! Lists of sessions whose store knows more than jobs that are there.
//!
//! The handler runs in this process, with a store that the tests fill, and asks the task hub of a host.

use std::time::{Duration, SystemTime};

use axum::{Router, body::Body, http::Request};
use function_app::{
    app_with_sessions,
    sessions::{Expiry, MemoryStore, SessionId, SessionJob, Sessions},
    settings::Settings,
};
use http_body_util::BodyExt;
use reqwest::Method;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    host::Host,
    messages::{Delivery, job_id},
};

/// The beginning of 2021. A message of that time is older than all tombstones.
const LONG_AGO: Duration = Duration::from_secs(1_609_459_200);

struct World {
    host: Host,
    router: Router,
    sessions: Sessions,
    /// The value of the `durableClient` binding.
    binding: String,
    _table: FakeTable,
}

impl World {
    async fn start() -> Self {
        let table = FakeTable::start(vec![Step::page(&["1"])]).await;
        let app = AppFolder::misbehaving(&table.connection_string());
        let host = app.start().await;
        let url = host.client().url("/api/client-binding");
        let binding = host
            .client()
            .request_unsearched(Method::GET, &url, None, "")
            .await;
        let settings = Settings::read(|name| {
            (name == "AuditStorage").then(|| "UseDevelopmentStorage=true".to_owned())
        });
        let sessions = Sessions::new(MemoryStore::new());
        Self {
            router: app_with_sessions(settings.unwrap(), Some(sessions.clone())).into_router(),
            host,
            sessions,
            binding: binding.body,
            _table: table,
        }
    }

    /// Starts a job by a message that was sent at this time, and waits for its end.
    async fn job(&self, message: &str, session: &str, sent: &str) {
        let message_of = Delivery::submission(message, session).with("EnqueuedTimeUtc", sent);
        assert!(message_of.to_handler(&self.router, &self.binding).await);
        let status = format!("/api/status/{}", job_id(message));
        self.host
            .client()
            .poll(&self.host.client().url(&status))
            .await;
    }

    /// Adds an entry. Nothing is started.
    async fn entry(&self, session: &str, id: &str, created: SystemTime) {
        let key = SessionId::parse(session).unwrap().key();
        let job = SessionJob::new(id, created);
        let added = self.sessions.store().add(&key, &job, Expiry::Never).await;
        added.unwrap();
    }

    /// Status and body of an answer of this function.
    async fn ask(&self, function: &str, session: &str, url: &str) -> (u64, Value) {
        let quoted = |text: &str| json!(json!(text).to_string());
        let envelope = json!({
            "Data": {
                "req": {
                    "Url": url,
                    "Method": "GET",
                    "Query": {},
                    "Headers": { "Host": ["localhost:7071"] },
                    "Params": { "sessionId": session },
                    "Identities": [],
                },
                "starter": quoted(&self.binding),
            },
            "Metadata": {},
        });
        let request = Request::post(format!("/{function}"))
            .header("Content-Type", "application/json")
            .body(Body::from(envelope.to_string()))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let res = &answer["Outputs"]["res"];
        let status = res["statusCode"].to_string();
        let body = serde_json::from_str(res["body"].as_str().unwrap()).unwrap();
        (status.trim_matches('"').parse().unwrap(), body)
    }

    /// The ids on each page of a list.
    async fn pages(&self, session: &str, query: &str) -> Vec<Vec<String>> {
        let mut url = format!("http://localhost:7071/api/sessions/{session}{query}");
        let mut pages = Vec::new();
        loop {
            let (status, page) = self.ask("get-session", session, &url).await;
            assert_eq!(status, 200, "{page}");
            let jobs = page["value"].as_array().unwrap().iter();
            pages.push(jobs.map(|job| job["id"].as_str().unwrap().into()).collect());
            match page["nextLink"].as_str() {
                Some(next) => url = Url::parse(&url).unwrap().join(next).unwrap().into(),
                None => return pages,
            }
        }
    }

    async fn list(&self, session: &str) -> (u64, Value) {
        let url = format!("http://localhost:7071/api/sessions/{session}");
        self.ask("get-session", session, &url).await
    }
}

#[tokio::test]
async fn row_37_a_page_is_filled_with_jobs_whatever_else_lies_between_them() {
    let world = World::start().await;
    let long_ago = SystemTime::UNIX_EPOCH + LONG_AGO;
    world.job("m-1", "s-1", "2021-01-01T00:00:00").await;
    let forgotten = long_ago + Duration::from_secs(12 * 60 * 60);
    world.entry("s-1", "forgotten", forgotten).await;
    world.job("m-2", "s-1", "2021-01-02T00:00:00").await;
    world.entry("s-1", "not-started", SystemTime::now()).await;
    let (first, second) = (job_id("m-2"), job_id("m-1"));
    let whole = vec![vec![first.clone(), second.clone()]];
    assert_eq!(world.pages("s-1", "").await, whole);
    let single = vec![vec![first], vec![second]];
    assert_eq!(world.pages("s-1", "?maxpagesize=1").await, single);
}

#[tokio::test]
async fn row_37_a_job_behind_many_that_have_not_started_is_found_over_several_pages() {
    let world = World::start().await;
    world.job("m-1", "s-1", "2021-01-01T00:00:00").await;
    let now = SystemTime::now();
    for number in 0..200 {
        let created = now - Duration::from_secs(number);
        world
            .entry("s-1", &format!("not-started-{number}"), created)
            .await;
    }
    // One request looks at 200 entries.
    let pages = world.pages("s-1", "").await;
    assert_eq!(pages, [vec![], vec![job_id("m-1")]]);
    let url = "http://localhost:7071/api/sessions/s-1/latest";
    let (status, latest) = world.ask("get-latest-job", "s-1", url).await;
    assert_eq!((status, &latest["id"]), (200, &json!(job_id("m-1"))));
}

#[tokio::test]
async fn row_37_a_session_whose_messages_are_older_than_all_tombstones_was_never_seen() {
    let world = World::start().await;
    let long_ago = SystemTime::UNIX_EPOCH + LONG_AGO;
    let never_seen = (404, json!({ "error": "Session not found" }));
    world.entry("s-1", "forgotten", long_ago).await;
    assert_eq!(world.list("s-1").await, never_seen);
    // One message may still start its job.
    world.entry("s-1", "not-started", SystemTime::now()).await;
    let not_started = (202, json!({ "status": "NotStarted" }));
    assert_eq!(world.list("s-1").await, not_started);
    // The job of another session is nobody's here.
    world.job("m-1", "s-2", "2021-01-01T00:00:00").await;
    world.entry("s-3", &job_id("m-1"), SystemTime::now()).await;
    assert_eq!(world.list("s-3").await, never_seen);
}
