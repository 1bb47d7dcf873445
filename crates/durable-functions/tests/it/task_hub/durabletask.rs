//! PyPI's durabletask, its worker and its client, against local-host: a peer of another vendor on both sides.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use local_host::hub::{Hub, Storage};
use serde_json::{Value, json};

use super::support::Log;
use crate::oracle::python::environment;

const LIMIT: Duration = Duration::from_secs(60);

struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(role: &str, address: SocketAddr) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/task_hub/peer.py");
        let mut process = Command::new(environment())
            .arg(script)
            .args([role, &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python interpreter of the test environment starts");
        Self {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// What the client answers to a call.
    fn call(&mut self, call: &Value) -> Value {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{call}").unwrap();
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{call} failed, see above"))
    }

    /// Runs an orchestration to its end; returns its output.
    fn run(&mut self, orchestrator: &str, input: &Value) -> Value {
        let id = self.call(&json!(["start", orchestrator, input, null]));
        self.output_of(&id)
    }

    fn output_of(&mut self, id: &Value) -> Value {
        let state = self.call(&json!(["wait", id]));
        assert_eq!(state["status"], "COMPLETED", "{state}");
        serde_json::from_str(state["output"].as_str().unwrap()).unwrap()
    }

    /// Waits for what no call of the protocol waits for.
    fn until(&mut self, call: &Value, is: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        while !is(&self.call(call)) {
            assert!(began.elapsed() < LIMIT, "{call}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn worker(address: SocketAddr) -> Peer {
    let mut worker = Peer::start("worker", address);
    assert_eq!(worker.line().trim(), "started");
    worker
}

async fn hub(storage: Storage, address: SocketAddr) -> Hub {
    Hub::serve_workers("TestHub".into(), storage, address, Log::default().sink())
        .await
        .unwrap()
}

fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn is_waiting(state: &Value) -> bool {
    state["custom"] == "\"waiting\""
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orchestrations_of_every_kind_run() {
    let hub = hub(Storage::default(), any()).await;
    let _worker = worker(hub.address());
    let mut client = Peer::start("client", hub.address());
    assert_eq!(client.run("chain", &json!(4)), 7);
    assert_eq!(client.run("fan_out", &json!(50)), 1275);
    assert_eq!(client.run("retry", &json!(2)), 3);
    assert_eq!(client.run("sleep", &json!(50)), "woken");
    assert_eq!(client.run("limited", &json!(50)), "too late");
    assert_eq!(client.run("parent", &json!(10)), 113);
    assert_eq!(client.run("count", &json!(null)), json!([5, 10, 5]));

    let id = client.call(&json!(["start", "limited", 600_000, null]));
    client.call(&json!(["raise", id, "approval", 9]));
    assert_eq!(client.output_of(&id), 9);
    let id = client.call(&json!(["start", "countdown", 3, null]));
    client.call(&json!(["raise", id, "approval", 5]));
    assert_eq!(client.output_of(&id), 5);

    let id = client.call(&json!(["start", "fail", null, null]));
    let state = client.call(&json!(["wait", id]));
    assert_eq!(state["status"], "FAILED");
    let message = state["failure"][1].as_str().unwrap();
    assert!(message.contains("it broke"), "{state}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_manages_instances_and_entities() {
    let hub = hub(Storage::default(), any()).await;
    let _worker = worker(hub.address());
    let mut client = Peer::start("client", hub.address());
    for id in ["a", "b", "c"] {
        client.call(&json!(["start", "wait", null, id]));
        client.until(&json!(["status", id]), is_waiting);
    }
    assert_eq!(client.call(&json!(["ids"])), json!(["a", "b", "c"]));

    client.call(&json!(["suspend", "a"]));
    client.until(&json!(["status", "a"]), |it| it["status"] == "SUSPENDED");
    client.call(&json!(["raise", "a", "approval", 3]));
    client.call(&json!(["resume", "a"]));
    assert_eq!(client.output_of(&json!("a")), 3);

    client.call(&json!(["terminate", "b", "enough"]));
    let state = client.call(&json!(["wait", "b"]));
    assert_eq!(state["status"], "TERMINATED");
    assert_eq!(state["output"], "\"enough\"");

    assert_eq!(client.call(&json!(["restart", "a", false])), "a");
    client.until(&json!(["status", "a"]), is_waiting);
    client.call(&json!(["raise", "a", "approval", 4]));
    assert_eq!(client.output_of(&json!("a")), 4);
    let copy = client.call(&json!(["restart", "a", true]));
    client.call(&json!(["raise", copy, "approval", 6]));
    assert_eq!(client.output_of(&copy), 6);

    let history = client.call(&json!(["history", "a"]));
    let history: Vec<_> = history.as_array().unwrap().iter().collect();
    for kind in [
        "ExecutionStartedEvent",
        "EventRaisedEvent",
        "ExecutionCompletedEvent",
    ] {
        assert!(history.contains(&&json!(kind)), "{history:?}");
    }
    assert_eq!(client.call(&json!(["purge", "b"])), 1);
    assert_eq!(client.call(&json!(["purge", "b"])), 0);
    assert_eq!(client.call(&json!(["status", "b"])), Value::Null);

    client.call(&json!(["signal", "k", 2]));
    client.call(&json!(["signal", "k", 3]));
    client.until(&json!(["entity", "k"]), |it| *it == 5);
    assert_eq!(client.call(&json!(["entities"])), json!(["@counter@k"]));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_go_on_when_the_worker_is_killed_and_another_one_comes() {
    let hub = hub(Storage::default(), any()).await;
    let mut client = Peer::start("client", hub.address());
    let running = |client: &mut Peer| -> Vec<Value> {
        let start = |input: u32| json!(["start", "fan_out", input, null]);
        (0..20).map(|_| client.call(&start(20))).collect()
    };
    let first = worker(hub.address());
    let mut ids = running(&mut client);
    drop(first);
    ids.extend(running(&mut client));
    let _second = worker(hub.address());
    for id in ids {
        assert_eq!(client.output_of(&id), 210);
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_go_on_when_local_host_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = || Storage::Folder(folder.path().to_owned());
    let first = hub(storage(), any()).await;
    let address = first.address();
    let _worker = worker(address);
    let mut client = Peer::start("client", address);
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(client.call(&json!(["start", "chain", n, null])));
    }
    client.call(&json!(["start", "wait", null, "waits"]));
    client.until(&json!(["status", "waits"]), is_waiting);
    first.stop().await;

    let second = hub(storage(), address).await;
    assert!(second.continued_instances() > 0);
    // The worker connects again by itself, after a pause of its own.
    let mut client = Peer::start("client", address);
    client.call(&json!(["raise", "waits", "approval", 1]));
    assert_eq!(client.output_of(&json!("waits")), 1);
    for (n, id) in (3..).zip(ids) {
        assert_eq!(client.output_of(&id), n);
    }
    second.stop().await;
}
