//! PyPI's durabletask against local-host: its client and its worker, also with one of the two killed in the middle.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::environment::environment;

/// A process whose input and output are lines. It is killed when it is dropped.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn python(script: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/workers/sdk");
        Self::start(
            Command::new(environment())
                .arg(folder.join(script))
                .args(arguments),
        )
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).unwrap();
        assert_ne!(length, 0, "the process has ended");
        line
    }

    fn until(&mut self, text: &str) {
        while !self.read().contains(text) {}
    }

    fn write(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// local-host, a worker and a client.
struct World {
    folder: TempDir,
    port: u16,
    host: Process,
    worker: Process,
    client: Process,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Free until somebody else takes it, which a restart on the same port cannot avoid.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let host = host(&folder, port);
        let address = format!("127.0.0.1:{port}");
        let mut world = Self {
            worker: worker(&folder, port),
            client: Process::python("client.py", &[&address]),
            folder,
            port,
            host,
        };
        world.worker.until("ready");
        world
    }

    fn restart_worker(&mut self) {
        self.worker.kill();
        self.worker = worker(&self.folder, self.port);
        self.worker.until("ready");
    }

    fn restart_host(&mut self) {
        self.host.kill();
        self.host = host(&self.folder, self.port);
    }

    /// Lets the activity `gate` end, in the worker that runs now.
    fn open_gate(&mut self) {
        self.worker.write("open");
    }

    fn answer(&mut self, command: &Value) -> Value {
        self.client.write(&command.to_string());
        serde_json::from_str(&self.client.read()).unwrap()
    }

    fn call(&mut self, command: Value) -> Value {
        let mut answer = self.answer(&command);
        assert!(answer.get("ok").is_some(), "{command}: {answer}");
        answer["ok"].take()
    }

    fn start_one(&mut self, name: &str, input: Value) -> String {
        let id = self.call(json!(["start", name, input]));
        id.as_str().unwrap().to_owned()
    }

    /// Waits for the end of an instance.
    fn wait(&mut self, id: &str) -> Value {
        self.call(json!(["wait", id]))
    }

    fn ran(&self) -> Vec<String> {
        let log = std::fs::read_to_string(log(&self.folder)).unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("activities.log")
}

fn host(folder: &TempDir, port: u16) -> Process {
    let mut host = Process::start(
        Command::new(env!("CARGO_BIN_EXE_local-host"))
            .current_dir(folder.path())
            .args(["--worker", "--port", &port.to_string()])
            .args(["--state", "state"]),
    );
    host.until("Serving");
    host
}

fn worker(folder: &TempDir, port: u16) -> Process {
    let address = format!("127.0.0.1:{port}");
    Process::python("worker.py", &[&address, log(folder).to_str().unwrap()])
}

/// Starts one of each, comes to the middle (an activity is under way, timers are set, events are awaited), lets
/// `accident` happen, and checks that all come to their right end.
fn all_scenarios(accident: impl FnOnce(&mut World)) {
    let mut world = World::start();
    let chain = world.start_one("chain", json!(1));
    let fan_out = world.start_one("fan_out", json!(50));
    let retry = world.start_one("retry", json!(null));
    let fail = world.start_one("fail", json!(null));
    let sleep = world.start_one("sleep", json!(500));
    let wait = world.start_one("wait", json!(null));
    let late = world.start_one("time_limit", json!(500));
    let in_time = world.start_one("time_limit", json!(600_000));
    let parent = world.start_one("parent", json!(5));
    let countdown = world.start_one("countdown", json!(3));
    let suspended = world.start_one("wait", json!(null));
    let terminated = world.start_one("wait", json!(null));
    let entities = world.start_one("entities", json!(null));
    world.call(json!(["until", suspended, "custom", "\"waiting\""]));
    world.call(json!(["suspend", suspended]));
    world.call(json!(["until", suspended, "status", "SUSPENDED"]));
    world.call(json!(["raise", suspended, "approval", 7]));
    world.call(json!(["raise", countdown, "approval", 5]));
    world.worker.until("held");

    accident(&mut world);

    world.open_gate();
    let state = world.call(json!(["state", suspended]));
    assert_eq!(state["status"], "SUSPENDED");
    world.call(json!(["resume", suspended]));
    world.call(json!(["raise", wait, "approval", {"by": "me"}]));
    world.call(json!(["raise", in_time, "approval", "yes"]));
    world.call(json!(["terminate", terminated, "enough"]));
    for (id, output) in [
        (&chain, "21"),
        (&fan_out, "1275"),
        (&retry, "\"done\""),
        (&sleep, "\"woken\""),
        (&wait, r#"{"by": "me"}"#),
        (&late, "\"late\""),
        (&in_time, "\"yes\""),
        (&parent, "[6, 7]"),
        (&countdown, "5"),
        (&suspended, "7"),
        (&entities, "[5, true, 15]"),
    ] {
        let state = world.wait(id);
        assert_eq!(state["status"], "COMPLETED", "{state}");
        assert_eq!(state["output"], output, "{state}");
    }
    let state = world.wait(&terminated);
    assert_eq!(
        (&state["status"], &state["output"]),
        (&json!("TERMINATED"), &json!("\"enough\""))
    );
    let state = world.wait(&fail);
    assert_eq!(state["status"], "FAILED");
    assert_eq!(state["output"], Value::Null);
    assert_eq!(state["failure"][0], "durabletask.task.TaskFailedError");
    assert!(state["failure"][1].as_str().unwrap().ends_with("it broke"));
    assert_eq!(world.call(json!(["entity", "Counter", "a"])), json!("15"));
}

#[test]
fn client_and_worker_run_every_kind_of_orchestration() {
    all_scenarios(|_| {});
}

#[test]
fn orchestrations_come_to_their_end_when_the_worker_is_killed_in_the_middle() {
    all_scenarios(World::restart_worker);
}

#[test]
fn orchestrations_come_to_their_end_when_local_host_is_killed_in_the_middle() {
    all_scenarios(World::restart_host);
}

#[test]
fn orchestrations_come_to_their_end_when_both_are_killed_in_the_middle() {
    all_scenarios(|world| {
        world.worker.kill();
        world.restart_host();
        world.restart_worker();
    });
}

#[test]
fn an_activity_that_has_ended_does_not_run_again_when_local_host_is_killed() {
    let mut world = World::start();
    let chain = world.start_one("chain", json!(1));
    world.worker.until("held");
    world.restart_host();
    world.open_gate();
    assert_eq!(world.wait(&chain)["output"], "21");
    // Before and behind the gate, once each.
    let ran = world.ran();
    assert_eq!(
        ran.iter().filter(|name| *name == "add_one").count(),
        2,
        "{ran:?}"
    );
}

#[test]
fn clients_list_purge_restart_rewind_and_clean() {
    let mut world = World::start();
    let ids = ["a", "b", "c"].map(|id| {
        world.call(json!(["start_as", "sleep", 1, id]));
        world.wait(id);
        id.to_owned()
    });
    let fail = world.start_one("fail", json!(null));
    world.wait(&fail);
    let waiting = world.start_one("wait", json!(null));
    world.call(json!(["until", waiting, "custom", "\"waiting\""]));
    let listed = |found: Value| -> Vec<String> {
        let states = found.as_array().unwrap().iter();
        states
            .map(|state| state["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let completed = world.call(json!(["query", ["COMPLETED"], 2]));
    assert_eq!(completed[0]["output"], "\"woken\"");
    assert_eq!(listed(completed), ids);
    let all = world.call(json!(["query", [], 1_000_000]));
    assert_eq!(listed(all).len(), 5);
    let ended = world.call(json!(["list"]));
    assert_eq!(ended.as_array().unwrap().len(), 4);

    let failed = world.call(json!(["query", ["FAILED"], 2]));
    assert!(
        failed[0]["failure"][1]
            .as_str()
            .unwrap()
            .ends_with("it broke")
    );
    world.call(json!(["rewind", fail]));
    assert_eq!(world.wait(&fail)["status"], "FAILED");

    assert_eq!(world.call(json!(["restart", "a", false])), json!("a"));
    assert_eq!(world.wait("a")["output"], "\"woken\"");
    let other = world.call(json!(["restart", "a", true]));
    assert_ne!(other, json!("a"));
    assert_eq!(world.wait(other.as_str().unwrap())["output"], "\"woken\"");

    let history = world.call(json!(["history", "a"]));
    assert_eq!(history[0], "OrchestratorStartedEvent");
    assert_eq!(history[1], "ExecutionStartedEvent");

    for (operation, key) in [("add", "x"), ("add", "y"), ("delete", "y")] {
        world.call(json!(["signal", "Counter", key, operation, 4]));
    }
    let seen = loop {
        let seen = world.call(json!(["query_entities", "@counter@"]));
        if seen == json!([["@counter@x", "4"]]) {
            break seen;
        }
    };
    assert_eq!(seen.as_array().unwrap().len(), 1);

    assert_eq!(world.call(json!(["purge", "a"])), json!(1));
    assert_eq!(world.call(json!(["purge", "a"])), json!(0));
    assert_eq!(world.call(json!(["state", "a"])), Value::Null);
    let running = world.answer(&json!(["purge", waiting]));
    assert_eq!(running["error"][0], "FAILED_PRECONDITION");
    // The two that are left, the one with a new id, and the failed one; not the one that waits.
    assert_eq!(world.call(json!(["purge_by", []])), json!([4, true]));
    assert_eq!(world.call(json!(["state", waiting]))["status"], "RUNNING");
    assert_eq!(world.call(json!(["entity", "Counter", "x"])), json!("4"));
    for (command, code) in [
        (json!(["restart", "none", true]), "NOT_FOUND"),
        (json!(["rewind", "none"]), "NOT_FOUND"),
        (json!(["suspend", "none"]), "NOT_FOUND"),
        (json!(["terminate", "none", null]), "NOT_FOUND"),
        (json!(["raise", "none", "e", 1]), "NOT_FOUND"),
        (json!(["rewind", waiting]), "FAILED_PRECONDITION"),
        (json!(["restart", waiting, false]), "FAILED_PRECONDITION"),
        (json!(["start_as", "wait", null, waiting]), "ALREADY_EXISTS"),
    ] {
        assert_eq!(world.answer(&command)["error"][0], code, "{command}");
    }
}
