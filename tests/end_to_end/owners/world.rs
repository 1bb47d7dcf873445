//! A host with jobs of several owners, and a client that can be anybody.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{
    super::{
        leaks::routes::Probe,
        support::{
            app_folder::AppFolder,
            fake_table::{FakeTable, Gate, Step},
            host::{Host, TIME_LIMIT},
            http::Answer,
        },
    },
    identities::{Headers, PERSONAL, Who},
};

/// An id that no job has. It is as long as those of the others.
pub(super) const UNKNOWN: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

pub(super) const RANGE: &str = r#"{"start":"2021-01-01","end":"2021-01-01"}"#;

/// A job, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) owner: Who,
    /// What its owner gets for it.
    pub(super) status: u16,
}

pub(super) struct World {
    pub(super) host: Host,
    pub(super) jobs: Vec<Job>,
    pub(super) client: Anybody,
    pub(super) state: tempfile::TempDir,
    _table: FakeTable,
    _gate: Gate,
}

impl World {
    /// Jobs that have expired, have ended and are running, of those who say that they are `owners`.
    pub(super) async fn start(settings: &[(&str, &str)], owners: &[Who]) -> Self {
        let gate = Gate::closed();
        let page = Step::page(&["1", "2"]);
        let held = Step::Held(gate.clone(), Box::new(page.clone()));
        let mut steps = vec![page; 2 * owners.len()];
        steps.push(held);
        let table = FakeTable::start(steps).await;
        let mut app = AppFolder::misbehaving(&table.connection_string())
            .setting("JOBS_EXPIRE_AT_ONCE", "1")
            // The one wait that is not spread, so that two answers to the same request are equal.
            .setting("RetryAfterSeconds", "1");
        for (name, value) in settings {
            app = app.setting(name, value);
        }
        let state = tempfile::tempdir().unwrap();
        let host = app.launch().state(state.path()).start().await;
        let client = Anybody::of(&host);
        let mut world = Self {
            host,
            jobs: Vec::new(),
            client,
            state,
            _table: table,
            _gate: gate,
        };
        for owner in owners {
            world.add(*owner, 410, "Completed").await;
        }
        if !owners.is_empty() {
            world.purge(owners.len()).await;
        }
        for owner in owners {
            world.add(*owner, 200, "Completed").await;
        }
        for owner in owners {
            world.add(*owner, 202, "Running").await;
        }
        world
    }

    /// Submits a job and follows it up to this state.
    async fn add(&mut self, owner: Who, status: u16, state: &str) {
        let headers = owner.headers();
        let id = self.client.submit(&headers).await;
        let target = format!("status/{id}");
        let mut answer = self.client.get(&target, &headers).await;
        for _ in 0..600 {
            if answer.json()["status"] == state {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer = self.client.get(&target, &headers).await;
        }
        assert_eq!(answer.json()["status"], state, "{answer:?}");
        self.jobs.push(Job { id, owner, status });
    }

    /// Purges the jobs that have ended.
    async fn purge(&self, jobs: usize) {
        // The first run asks for the tombstones, which must be stored before the jobs are purged.
        for run in 1..=2 {
            self.host.purge_jobs(run).await;
            let stored = "Executed 'Functions.expired-job' (Succeeded";
            self.host.logged(stored, jobs).await;
        }
    }
}

/// A client that says who it is in the headers of each request. No answer may hold anything of that.
#[derive(Clone)]
pub(super) struct Anybody {
    base: String,
    http: reqwest::Client,
}

impl Anybody {
    fn of(host: &Host) -> Self {
        Self {
            base: host.client().url("/api/"),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(TIME_LIMIT)
                .build()
                .unwrap(),
        }
    }

    pub(super) async fn ask(&self, probe: &Probe, headers: &[(&str, String)]) -> Answer {
        let url = format!("{}{}", self.base, probe.target);
        let mut request = self.http.request(probe.method.clone(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(accept) = probe.accept {
            request = request.header("Accept", accept);
        }
        if let Some(body) = probe.body {
            request = request
                .header("Content-Type", "application/json")
                .body(body);
        }
        let answer = request.send().await.unwrap();
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        };
        answer.search_for_secrets();
        let text = format!("{answer:?}");
        for personal in PERSONAL {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        answer
    }

    pub(super) async fn get(&self, target: &str, headers: &[(&str, String)]) -> Answer {
        self.ask(&get(target), headers).await
    }

    /// The id of a new job of this caller.
    pub(super) async fn submit(&self, headers: &Headers) -> String {
        let probe = Probe {
            method: Method::POST,
            body: Some(RANGE),
            ..get("submit")
        };
        let answer = self.ask(&probe, headers).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

pub(super) fn get(target: &str) -> Probe {
    Probe {
        method: Method::GET,
        target: target.to_owned(),
        accept: None,
        body: None,
    }
}

/// An answer without what differs from request to request, and with `ID` for this id and that of a new job.
pub(super) fn compared(mut answer: Answer, id: &str) -> String {
    let request = answer.header("x-ms-request-id").to_owned();
    for name in ["date", "x-ms-request-id", "traceparent"] {
        answer.headers.remove(name);
    }
    let job = serde_json::from_str::<Value>(&answer.body).ok();
    let job = job.and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let ids = [Some(request), job, Some(id.to_owned())];
    let mut ids: Vec<_> = ids
        .into_iter()
        .flatten()
        .filter(|id| !id.is_empty())
        .collect();
    ids.dedup();
    ids.iter()
        .fold(format!("{answer:?}"), |text, id| text.replace(id, "ID"))
}
