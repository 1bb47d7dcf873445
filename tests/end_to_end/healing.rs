//! A job that its host failed is healed by whoever asks for it, and by the sweep.
//!
//! The handler is frozen before a turn is sent to it, and killed when it is under way. So the turn is on the wire for
//! certain, and the activity of the job is open: a real host throws its outcome away.
#![cfg(target_os = "linux")] // It looks at processes and sockets in /proc.

use std::{fs, time::Duration};

use durable_functions::{Orchestrator, RuntimeStatus, Status};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::{Host, TIME_LIMIT, send_signal},
        http::Answer,
        task_hub::TaskHub,
    },
};

const PROCESS_SUBMISSION: Orchestrator<Value, u64> = Orchestrator::new("process-submission");
const MISBEHAVE: Orchestrator<Value, Value> = Orchestrator::new("misbehave");

/// What the reason of every rewind begins with.
const REASON: &str = "The host lost a turn or an activity. Rewind ";
/// The reason of the last rewind of a job.
const LAST_REWIND: &str = "The host lost a turn or an activity. Rewind 3";

/// A host with a job whose activity waits for the table.
struct OpenJob {
    host: Host,
    hub: TaskHub,
    gate: Gate,
    _table: FakeTable,
    id: String,
    location: String,
}

impl OpenJob {
    async fn start(sweep: bool) -> Self {
        let gate = Gate::closed();
        let page = Box::new(Step::page(&["1", "2", "2", "3"]));
        let table = FakeTable::start(vec![Step::Held(gate.clone(), page)]).await;
        let host = AppFolder::misbehaving(&table.connection_string())
            .setting("SweepJobs", if sweep { "true" } else { "false" })
            .start()
            .await;
        let hub = TaskHub::of(&host).await;
        let (id, location) = host.client().submit("2021-01-01", "2021-01-31").await;
        host.logged("Executing 'Functions.query-activity'", 1).await;
        Self {
            host,
            hub,
            gate,
            _table: table,
            id,
            location,
        }
    }

    /// Kills the handler for the time with this number, counted from 1, with a turn of each of these instances on the
    /// wire, and waits until the host has failed them.
    async fn lose_a_turn(&self, time: usize, instances: &[(&str, &str)]) {
        let handler = self.host.handlers()[time - 1];
        send_signal(handler, "STOP");
        until(|| is_frozen(handler)).await;
        let executing = |function: &str| format!("Executing 'Functions.{function}'");
        for (id, orchestrator) in instances {
            let log = self.host.log();
            let turns = log.matches(&executing(orchestrator)).count();
            self.hub.raise(id, "Nudge", "1").await.unwrap();
            self.host.logged(&executing(orchestrator), turns + 1).await;
        }
        // The host would keep a turn that it has not sent for the next handler.
        let port = port(&self.host, handler);
        until(|| unread_requests(port) >= instances.len()).await;
        send_signal(handler, "KILL");
        let started = "Worker process started and initialized.";
        self.host.logged(started, time + 1).await;
        for (id, _) in instances {
            self.ended_as(id, RuntimeStatus::Failed).await;
        }
    }

    async fn ended_as(&self, id: &str, expected: RuntimeStatus) -> Status {
        let instance = self.hub.client().instance_by_id(id);
        let status = instance.wait(Duration::from_secs(60)).await.unwrap();
        assert_eq!(status.runtime_status, expected, "{status:?}");
        status
    }

    /// How often the handler has rewound it.
    async fn rewinds(&self) -> usize {
        let instance = self.hub.client().instance(PROCESS_SUBMISSION, &self.id);
        let history = instance.history().await.unwrap().to_json();
        history.matches(REASON).count() - history.matches(LAST_REWIND).count()
    }

    async fn completes(&self) {
        self.gate.open();
        let answer = self.host.client().poll(&self.location).await;
        assert_status(&answer, &self.id, "Completed", "3", DONE, None);
    }
}

/// Looks again and again until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIME_LIMIT, waiting).await.unwrap();
}

fn is_frozen(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program is in parentheses; the state follows.
    stat.rsplit_once(") ").unwrap().1.starts_with('T')
}

fn port(host: &Host, handler: u32) -> u16 {
    let log = host.log();
    let started = format!("Started the handler, process {handler}, port ");
    let (_, port) = log.split_once(&started).unwrap();
    port.split('.').next().unwrap().parse().unwrap()
}

/// How many connections to this port of the loopback address hold bytes that nobody has read.
fn unread_requests(port: u16) -> usize {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let has_unread = |line: &&str| {
        // Its number, both addresses, the state (01 is established), and the bytes to send and to read.
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1] == local && fields[3] == "01" && !fields[4].ends_with(":00000000")
    };
    sockets.lines().filter(has_unread).count()
}

/// The custom status may be absent: with the turn the host forgets it, until the next turn.
#[track_caller]
fn is_running(answer: &Answer) {
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], "Running", "{answer:?}");
    assert_eq!(body["result"], Value::Null, "{answer:?}");
    assert!(body.get("error").is_none(), "{answer:?}");
}

/// On a host, such an instance would wait for ever after its rewind: it is the engine that asks for the activity again.
#[tokio::test]
async fn a_job_whose_turn_was_lost_while_its_activity_was_open_is_running_and_completes() {
    let job = OpenJob::start(false).await;
    job.lose_a_turn(1, &[(&job.id, "process-submission")]).await;
    let client = job.host.client();
    // All at once: one of them rewinds it, once.
    let answers = join_all((0..20).map(|_| client.status(&job.location))).await;
    for answer in &answers {
        is_running(answer);
    }
    // A rewound instance is Pending until it ends.
    is_running(&client.status(&job.location).await);
    job.completes().await;
    assert_eq!(job.rewinds().await, 1);
    let queries = "Executing 'Functions.query-activity'";
    assert_eq!(job.host.log().matches(queries).count(), 2);
}

#[tokio::test]
async fn the_sweep_heals_the_jobs_that_nobody_asks_for_and_leaves_other_instances_alone() {
    let job = OpenJob::start(true).await;
    let input = json!({ "sleep": 300 });
    let other = job.hub.client().start(MISBEHAVE, &input).await.unwrap();
    job.host.logged("Executing 'Functions.sleep'", 1).await;
    job.lose_a_turn(
        1,
        &[(&job.id, "process-submission"), (other.id(), "misbehave")],
    )
    .await;
    sweep(&job.host).await;
    job.gate.open();
    job.ended_as(&job.id, RuntimeStatus::Completed).await;
    assert_eq!(job.rewinds().await, 1);
    job.ended_as(other.id(), RuntimeStatus::Failed).await;
}

#[tokio::test]
async fn a_sweep_that_is_switched_off_heals_nothing() {
    let job = OpenJob::start(false).await;
    job.lose_a_turn(1, &[(&job.id, "process-submission")]).await;
    sweep(&job.host).await;
    job.ended_as(&job.id, RuntimeStatus::Failed).await;
    assert_eq!(job.rewinds().await, 0);
}

async fn sweep(host: &Host) {
    let answer = host
        .client()
        .post("/admin/functions/sweep-jobs", "{}")
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    host.logged("Executed 'Functions.sweep-jobs' (Succeeded", 1)
        .await;
}

#[tokio::test]
async fn a_job_that_was_rewound_three_times_is_failed_and_to_be_submitted_again() {
    let job = OpenJob::start(false).await;
    job.lose_a_turn(1, &[(&job.id, "process-submission")]).await;
    // As another process would have done it.
    let instance = job.hub.client().instance(PROCESS_SUBMISSION, &job.id);
    instance.rewind(LAST_REWIND).await.unwrap();
    job.host
        .logged("Executing 'Functions.query-activity'", 2)
        .await;
    job.lose_a_turn(2, &[(&job.id, "process-submission")]).await;
    let answer = job.host.client().status(&job.location).await;
    let error = (
        "HostFailure",
        "The host lost its work on the job. Submit the job again.",
    );
    assert_status(&answer, &job.id, "Failed", "null", "null", Some(error));
    job.ended_as(&job.id, RuntimeStatus::Failed).await;
    assert_eq!(job.rewinds().await, 0);
}
