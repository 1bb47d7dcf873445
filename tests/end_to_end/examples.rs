//! Each example does what its header says: its commands give the outputs that are shown there.
//!
//! The outputs hold no times and no ids but those of the commands, so they are compared letter by letter.

use std::{process::Stdio, time::Duration};

use axum::http::Method;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::support::{
    app_folder::AppFolder,
    build,
    console::{self, Request, Shown},
    host::{Host, TIME_LIMIT},
};

/// The address in the headers, which is the host's default.
const SHOWN_ADDRESS: &str = "http://localhost:7071";

/// The pause before a GET is sent again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Sends what the curl line sends, and compares the output.
///
/// A GET is repeated until its output is the one that is shown: it asks how far something is.
async fn run_shown(shown: &Shown, host: &Host) {
    let Shown { command, output } = shown;
    let output = output.concat();
    let request = Request::of_curl(command);
    let as_shown = async {
        loop {
            let answer = request.send(host.client(), SHOWN_ADDRESS).await;
            if request.method != Method::GET || answer.body == output {
                break answer;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let answer = tokio::time::timeout(TIME_LIMIT, as_shown).await;
    let answer = answer.unwrap_or_else(|_| panic!("{command:?} never gave {output}"));
    assert_eq!(answer.body, output, "{command:?}: {answer:?}");
    assert!(
        (200..300).contains(&answer.status),
        "{command:?}: {answer:?}"
    );
}

/// The commands of an example's header.
fn header(example: &str) -> Vec<Shown> {
    let file = build::examples().join(example).join("src/main.rs");
    let source = std::fs::read_to_string(file).unwrap();
    let comment = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let block = lines.skip_while(|line| *line != "```console").skip(1);
    console::shown(block.take_while(|line| *line != "```"))
}

/// Starts an example and runs the commands of its header.
async fn run(example: &str) -> Host {
    let host = AppFolder::example(example).start().await;
    let mut shown = header(example).into_iter();
    let start = ["cargo", "run", "-p", "local-host", "--", "--script-root"];
    let first = shown.next().unwrap();
    assert_eq!(first.command[..6], start);
    assert_eq!(first.command[6..], [format!("examples/{example}")]);
    for shown in shown {
        run_shown(&shown, &host).await;
    }
    host
}

/// The same, and local-host and the app have nothing to warn of.
async fn run_without_a_warning(example: &str) -> Host {
    let host = run(example).await;
    let log = host.log();
    assert!(!log.to_lowercase().contains("warn"), "{log}");
    host
}

/// How many invocations of a function have failed.
fn failures(host: &Host, function: &str) -> usize {
    let line = format!("Executed 'Functions.{function}' (Failed");
    host.log().matches(&line).count()
}

#[tokio::test]
async fn a_chain_passes_each_result_on() {
    run_without_a_warning("chain").await;
}

#[tokio::test]
async fn a_fan_in_has_the_results_of_all() {
    run_without_a_warning("fan-out").await;
}

#[tokio::test]
async fn a_monitor_ends_when_the_job_is_done_or_it_is_too_late() {
    run_without_a_warning("monitor").await;
}

#[tokio::test]
async fn a_decision_counts_until_the_deadline() {
    let host = run_without_a_warning("approval").await;
    let decide = async |request: &str| {
        let path = format!("/api/requests/{request}/decision");
        host.client().post(&path, "false").await.status
    };
    assert_eq!(decide("chair").await, 409, "the deadline has passed");
    assert_eq!(decide("laptop").await, 409, "it was decided");
    assert_eq!(decide("desk").await, 404);
    let unknown = host.client().get("/api/requests/desk").await;
    assert_eq!(unknown.status, 404);
    let ask = host.client().post("/api/requests/desk", "3600").await;
    assert_eq!(ask.status, 200);
    assert_eq!(decide("desk").await, 200);
    let rejected = Shown {
        command: console::words("curl http://localhost:7071/api/requests/desk"),
        output: vec![r#"{"output":"rejected","status":"Completed"}"#.to_owned()],
    };
    run_shown(&rejected, &host).await;
}

#[tokio::test]
async fn an_eternal_orchestration_loses_no_event_and_ends_when_it_is_terminated() {
    let host = run_without_a_warning("eternal").await;
    let unknown = host.client().get("/api/meters/cellar").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_counter_counts() {
    run_without_a_warning("counter").await;
}

#[tokio::test]
async fn a_transfer_under_a_lock_moves_all_or_nothing() {
    let host = run_without_a_warning("transfer").await;
    // Without a lock, some of them would find the same balance.
    let transfers = (0..10).map(|_| host.client().post("/api/transfers", r#"["ada","bob",20]"#));
    let mut answers: Vec<String> = futures::future::join_all(transfers)
        .await
        .into_iter()
        .map(|answer| answer.body)
        .collect();
    answers.sort_unstable();
    let mut expected = vec![
        "ada has 10, bob has 90",
        "ada has 30, bob has 70",
        "ada has 50, bob has 50",
    ];
    expected.extend(["refused: ada has 10"; 7]);
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn a_sub_orchestration_that_fails_is_tried_again_as_often_as_its_policy_says() {
    let host = run_without_a_warning("sub-orchestrations").await;
    // Once for the door, three times for the oven.
    assert_eq!(failures(&host, "configure"), 4, "{}", host.log());
}

#[tokio::test]
async fn a_saga_undoes_what_was_done_before_the_failure() {
    let host = run_without_a_warning("saga").await;
    assert_eq!(failures(&host, "book-part"), 1, "{}", host.log());
}

#[tokio::test]
async fn a_durable_http_call_waits_for_the_answer_after_202() {
    let host = run_without_a_warning("durable-http").await;
    let log = host.log();
    let asked = log.matches("Executed 'Functions.get-report' (Succeeded");
    assert_eq!(asked.count(), 2, "{log}");
}

#[tokio::test]
async fn a_message_that_comes_twice_starts_one_orchestration() {
    let host = run("queue-start").await;
    host.logged("Executed 'Functions.on-order' (Succeeded", 2)
        .await;
    let log = host.log();
    assert_eq!(
        log.matches("Executed 'Functions.ship' (").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn the_app_state_reaches_activities() {
    run_without_a_warning("app-state").await;
}

#[tokio::test]
async fn a_worker_runs_orchestrations_of_a_sidecar() {
    let [host, worker]: [Shown; 2] = header("worker").try_into().ok().unwrap();
    let start = ["cargo", "run", "-p", "local-host", "--"];
    assert_eq!(host.command[..5], start);
    let mut sidecar = Command::new(build::local_host())
        .args(&host.command[5..])
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(sidecar.stdout.take().unwrap()).lines();
    let address = async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some((_, address)) = line.split_once("Durable Task protocol: ") {
                break address.trim().to_owned();
            }
        }
    };
    let address = tokio::time::timeout(TIME_LIMIT, address).await.unwrap();

    let program = ["cargo", "run", "-p", "examples", "--bin", "worker"];
    assert_eq!(worker.command, program);
    let run = Command::new(build::example_app("worker"))
        .env("SIDECAR", address)
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(TIME_LIMIT, run)
        .await
        .unwrap()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    assert_eq!(
        String::from_utf8(run.stdout).unwrap().trim_end(),
        worker.output.concat()
    );
}

/// A folder without a test would not be noticed when it breaks.
#[test]
fn every_example_is_run_by_a_test_listed_and_short() {
    let examples = build::examples();
    let readme = std::fs::read_to_string(examples.join("README.md")).unwrap();
    let tests = include_str!("examples.rs");
    for name in build::example_names() {
        let run = format!("\"{name}\"");
        assert!(tests.contains(&run), "no test runs {name}");
        assert!(
            readme.contains(&format!("]({name})")),
            "{name} is not in the README"
        );
        let source = examples.join(&name).join("src/main.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let code = source.lines().map(str::trim_start);
        let code = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let lines = code.count();
        assert!(
            (20..=60).contains(&lines),
            "{name} has {lines} lines of code"
        );
    }
}
