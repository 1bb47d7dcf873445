//! Nothing leaves the app that a client must not see, and every address that leaves it is one that the client can
//! reach: every route of the function folders, in every state of a job, through a proxy on another host, scheme and
//! path.

pub(crate) mod routes;
mod visitor;

use std::{path::Path, time::Duration};

use durable_functions::Orchestrator;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use url::Url;

use self::{
    routes::{Ids, Probe},
    visitor::Visitor,
};
use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Gate, Step},
    host::Host,
    http::{Answer, Client},
    messages::{Delivery, job_id},
    reverse_proxy::{ORIGIN, PREFIX, ReverseProxy},
    task_hub::TaskHub,
};

/// The reason that an operator gives. Clients must not see it.
const REASON: &str = "the reason of an operator";

const UNKNOWN: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
/// Ids that no job can have, and paths that mean something elsewhere.
const MALFORMED: [&str; 5] = [
    "@counter@7",
    "a%20b%22%3C%C3%A9",
    "..%2F..%2Fruntime",
    "x:y",
    "%24%7Bx%7D",
];

/// A session with a job that runs, and one that has ended.
const WITH_JOBS: &str = "s-2";
/// A session whose job is purged.
const EXPIRED: &str = "s-3";

/// A host with a job in each state.
struct World {
    host: Host,
    ids: Ids,
    /// Of an id without a job, and of one of another orchestrator.
    absent: Vec<String>,
    _table: FakeTable,
    _gate: Gate,
}

impl World {
    async fn start(settings: &[(&str, &str)]) -> Self {
        const JOB: Orchestrator<Value, Value> = Orchestrator::new("process-submission");
        const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");
        let gate = Gate::closed();
        let held = Step::Held(gate.clone(), Box::new(Step::page(&["1"])));
        let forbidden = r#"{"odata.error":{"code":"AuthorizationFailure","message":{"value":"at Secret.Stack()"}}}"#;
        let refused = Step::Status(403, vec![], forbidden);
        let page = || Step::page(&["1", "2"]);
        let table = FakeTable::start(vec![page(), page(), page(), refused, held]).await;
        let mut app = AppFolder::misbehaving(&table.connection_string());
        // The one wait that is not spread, so that two answers to the same request are equal.
        app = app.setting("RetryAfterSeconds", "1");
        for (name, value) in settings {
            app = app.setting(name, value);
        }
        let launch = app.setting("JOBS_EXPIRE_AT_ONCE", "1").launch().front_end();
        let host = launch.start().await;
        let client = host.client();
        let hub = TaskHub::of(&host).await;

        // Before there is any other job that has ended.
        start_by_message(&host, "m-1", EXPIRED, "Completed").await;
        purge(&host).await;
        start_by_message(&host, "m-2", WITH_JOBS, "Completed").await;
        let completed = submit(client, "2021-01-01").await;
        until(client, &completed, "Completed").await;
        let failed = submit(client, "2021-01-01").await;
        until(client, &failed, "Failed").await;
        // Its input cannot be read, which its failure says at length.
        let internal = hub
            .client()
            .start(JOB, &json!({ "start": "internal text" }));
        let internal = internal.await.unwrap().id().to_owned();
        until(client, &internal, "Failed").await;
        let running = submit(client, "2021-01-01").await;
        until(client, &running, "Running").await;
        start_by_message(&host, "m-3", WITH_JOBS, "Running").await;
        let suspended = submit(client, "2021-01-01").await;
        hub.suspend(&suspended, REASON).await;
        until(client, &suspended, "Suspended").await;
        let terminated = submit(client, "2021-01-01").await;
        hub.terminate(&terminated, REASON).await;
        until(client, &terminated, "Terminated").await;
        let to_cancel = submit(client, "2021-01-01").await;
        let input = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
        hub.start_in_an_hour("process-submission", "pending", input)
            .await;
        let foreign = hub.client().start(MISBEHAVE, &json!("panic"));
        let foreign = foreign.await.unwrap();
        foreign.wait(Duration::from_secs(60)).await.unwrap();

        let absent = vec![UNKNOWN.to_owned(), foreign.id().to_owned()];
        let malformed = MALFORMED.iter().map(|id| (*id).to_owned());
        let ended = [completed, failed, internal, terminated, to_cancel];
        Self {
            ids: Ids {
                // The first one is never seen until its route registers it.
                sessions: ["s-1", WITH_JOBS, EXPIRED, "%C3%A9", &"x".repeat(129)]
                    .map(str::to_owned)
                    .into(),
                kept: vec![running, suspended, "pending".to_owned()],
                others: ended
                    .into_iter()
                    .chain(absent.clone())
                    .chain(malformed)
                    .chain(["x".repeat(300)])
                    .collect(),
            },
            absent,
            host,
            _table: table,
            _gate: gate,
        }
    }

    /// Everything that is asked of every route of the product.
    fn probes(&self) -> Vec<Probe> {
        let routes = routes::of_folder(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(!routes.is_empty());
        let of_routes = routes.iter().flat_map(|route| route.probes(&self.ids));
        let get = |target: &str| Probe {
            method: Method::GET,
            target: target.to_owned(),
            accept: None,
            body: None,
        };
        // A function that panics, and a path without a function.
        of_routes
            .chain([get("panic-at-once"), get("nowhere")])
            .collect()
    }
}

/// Purges the only job that has ended.
async fn purge(host: &Host) {
    // The first run notes the job, and the second one removes it.
    for run in 1..=2 {
        host.purge_jobs(run).await;
        host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
            .await;
    }
    let url = host.client().url(&format!("/api/sessions/{EXPIRED}"));
    let purged = host
        .client()
        .poll_until(&url, |answer| answer.status == 410);
    purged.await;
}

/// Starts a job by a message of this session, and waits until it has this status.
async fn start_by_message(host: &Host, message: &str, session: &str, status: &str) {
    Delivery::submission(message, session).to(host).await;
    until(host.client(), &job_id(message), status).await;
}

async fn submit(client: &Client, day: &str) -> String {
    let body = format!(r#"{{"start":"{day}","end":"{day}"}}"#);
    let answer = client.post("/api/submit", &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn until(client: &Client, id: &str, status: &str) {
    let url = client.url(&format!("/api/status/{id}"));
    for _ in 0..600 {
        let answer = client.status(&url).await;
        if answer.json()["status"] == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{id} is not {status}");
}

/// Drives every route through the proxy, which passes on what is below its path to `path` of the app.
async fn nothing_leaks(settings: &[(&str, &str)], path: &str, forwards: bool) {
    let world = World::start(settings).await;
    let proxy = ReverseProxy::start(&world.host, path, forwards).await;
    let base = if path.is_empty() { "/api" } else { "" };
    let mut visitor = Visitor::new(&world.host, proxy, base);

    let mut accepted = 0;
    for probe in world.probes() {
        let answer = visitor.ask(&probe).await;
        let location = answer.header("location").to_owned();
        if answer.status == 202 && probe.method != Method::DELETE {
            accepted += 1;
            assert_ne!(location, "", "{probe:?}: {answer:?}");
        }
        if settings.contains(&RELATIVE) {
            let relative = location.is_empty() || location.starts_with(PREFIX);
            assert!(relative, "{probe:?}: {answer:?}");
        } else {
            let absolute = location.is_empty() || location.starts_with(ORIGIN);
            assert!(absolute, "{probe:?}: {answer:?}");
        }
    }
    assert!(accepted > 0);
    for id in &world.absent {
        let url = visitor.url(&format!("status/{id}"));
        assert_eq!(visitor.get(&url).await.status, 404, "{id}");
    }
    // What the probes were to meet: a list of more than one page, in which each job has its own address, and its end.
    let url = visitor.url(&format!("sessions/{EXPIRED}"));
    assert_eq!(visitor.get(&url).await.status, 410);
    let mut url = visitor.url(&format!("sessions/{WITH_JOBS}?maxpagesize=1"));
    let mut listed = Vec::new();
    while listed.len() < 3 {
        let page = visitor.get(&url).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        listed.extend(page["value"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextLink"].as_str() else {
            break;
        };
        url = Url::parse(&url).unwrap().join(next).unwrap().into();
    }
    let listed: Vec<_> = listed.iter().map(|job| &job["id"]).collect();
    assert_eq!(listed, [&json!(job_id("m-3")), &json!(job_id("m-2"))]);
    let followed = visitor.follow().await;
    assert!(followed > world.ids.kept.len(), "{followed}");
    // The log is for operators, and keeps the keys of clients to itself, too.
    assert!(!world.host.log().contains(routes::KEY));
}

const BASE: (&str, &str) = ("PublicBaseUrl", "https://public.example/tickets/v1");
/// The proxy of the tests.
const TRUSTED: (&str, &str) = ("TrustedProxies", "127.0.0.1");
const RELATIVE: (&str, &str) = ("RelativeLocation", "true");

#[tokio::test]
async fn row_59_62_64_a3_1_a3_2_a3_3_a5_2_nothing_leaks_behind_a_public_base_url() {
    nothing_leaks(&[BASE], "/api", false).await;
}

#[tokio::test]
async fn row_59_62_64_a3_1_a3_2_a3_3_a5_2_nothing_leaks_behind_a_trusted_proxy() {
    nothing_leaks(&[TRUSTED], "", true).await;
}

#[tokio::test]
async fn row_59_62_64_a3_1_a3_2_a3_3_a5_2_nothing_leaks_in_relative_addresses() {
    nothing_leaks(&[RELATIVE, TRUSTED], "", true).await;
}

/// What a client writes to get its own host into an address.
fn spoofed() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("forwarded", "for=127.0.0.1;host=evil.example;proto=https"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-proto", "https"),
        ("x-original-host", "evil.example"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("disguised-host", "evil.example"),
    ] {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

/// An answer without what differs from request to request: times, the ids of the request, and those of a new job.
fn compared(mut answer: Answer) -> String {
    let request = answer.header("x-ms-request-id").to_owned();
    for name in ["date", "x-ms-request-id", "traceparent"] {
        answer.headers.remove(name);
    }
    let job = serde_json::from_str::<Value>(&answer.body).ok();
    let job = job.and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let ids = [Some(request), job].into_iter().flatten();
    ids.filter(|id| !id.is_empty())
        .fold(format!("{answer:?}"), |text, id| text.replace(&id, "ID"))
}

#[tokio::test]
async fn row_62_a3_4_spoofed_headers_of_an_untrusted_peer_change_no_byte() {
    // The peer is 127.0.0.1, as the client claims to be; the second list has another address.
    for settings in [&[][..], &[("TrustedProxies", "203.0.113.7")], &[BASE]] {
        let world = World::start(settings).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = async |probe: &Probe, headers: HeaderMap| {
            let url = world.host.client().url(&format!("/api/{}", probe.target));
            let mut request = http.request(probe.method.clone(), url).headers(headers);
            if let Some(accept) = probe.accept {
                request = request.header("Accept", accept);
            }
            if let Some(body) = probe.body {
                request = request
                    .header("Content-Type", "application/json")
                    .body(body);
            }
            let answer = request.send().await.unwrap();
            compared(Answer {
                status: answer.status().as_u16(),
                headers: answer.headers().clone(),
                body: answer.text().await.unwrap(),
            })
        };
        // What changes a job differs the second time.
        let changes =
            |probe: &Probe| probe.method == Method::DELETE || probe.target.contains(":cancel");
        let passing = |probe: &Probe| probe.target.starts_with("health");
        for probe in world.probes() {
            if changes(&probe) || passing(&probe) {
                continue;
            }
            let before = ask(&probe, HeaderMap::new()).await;
            let spoofed = ask(&probe, spoofed()).await;
            if spoofed != before {
                // A page says for how many seconds a job has been running, which may just have changed.
                assert_eq!(spoofed, ask(&probe, HeaderMap::new()).await, "{probe:?}");
            }
        }
    }
}

#[test]
fn row_60_a5_1_every_shipped_http_function_wants_a_key() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let product = routes::of_folder(repository);
    assert!(!product.is_empty());
    let examples = std::fs::read_dir(repository.join("examples")).unwrap();
    let folders = examples.map(|entry| entry.unwrap().path());
    // The orchestrators of this example call its functions over HTTP, and have no key.
    let folders = folders.filter(|folder| folder.is_dir() && !folder.ends_with("durable-http"));
    let examples: Vec<_> = folders
        .flat_map(|folder| routes::of_folder(&folder))
        .collect();
    assert!(!examples.is_empty());
    for route in product.into_iter().chain(examples) {
        assert_eq!(route.auth_level, "function", "{route:?}");
    }
}
