//! local-host dies at random moments while orchestrations of every kind run, and is started again on the same state.
//!
//! With `RESTARTS_AT_FULL_SIZE` in the environment it dies 200 times, with 500 instances under way each time.

mod check;
mod random;
mod workload;

use std::path::Path;
use std::time::{Duration, Instant};

use check::Ended;
use random::Random;
use workload::{Size, Workload};

use super::support::{
    app_folder::{AppFolder, CRASH_TEST_HUB},
    host::{Launch, TIME_LIMIT},
};

fn is_full_size() -> bool {
    std::env::var_os("RESTARTS_AT_FULL_SIZE").is_some()
}

fn size() -> Size {
    if is_full_size() {
        Size {
            running: 500,
            count: 6,
            pause: 8000,
        }
    } else {
        Size {
            running: 60,
            count: 4,
            pause: 300,
        }
    }
}

fn kills() -> u32 {
    if is_full_size() { 200 } else { 8 }
}

/// Waits until a process that is not a child of this one has ended.
async fn ended(process: u32) {
    let begin = Instant::now();
    while is_running(process) {
        assert!(begin.elapsed() < TIME_LIMIT, "the handler {process} lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One that nobody has waited for has ended too.
fn is_running(process: u32) -> bool {
    let state = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &process.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(state.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn launch(workload: &Workload, state: &Path) -> Launch {
    AppFolder::crash_test(workload.journal())
        .launch()
        .state(state)
}

#[tokio::test]
async fn what_ran_when_the_host_was_killed_ends_with_the_right_result() {
    let mut random = Random::new();
    let mut workload = Workload::new(size());
    let state = tempfile::tempdir().unwrap();
    let launch = launch(&workload, state.path());
    let begin = Instant::now();
    let mut longest_start = Duration::ZERO;
    let mut port = 0;
    let mut killed = 0;
    while killed < kills() {
        killed += 1;
        let started = Instant::now();
        let starting = launch.spawn(port);
        if killed % 8 == 0 {
            // In the middle of its start.
            tokio::time::sleep(random.millis(300)).await;
            for handler in starting.kill().await {
                ended(handler).await;
            }
            continue;
        }
        let mut host = starting.ready().await;
        longest_start = longest_start.max(started.elapsed());
        port = host.port();
        let moment = random.millis(1500);
        tokio::select! {
            lost = workload.keep_up(&host, &mut random) => panic!("{lost:?}\n{}", host.log()),
            () = tokio::time::sleep(moment) => {}
        }
        assert!(workload.unended() > 0, "nothing was under way");
        let handlers = host.handlers();
        host.kill().await;
        assert_eq!(handlers.len(), 1, "the handler did not end by itself");
        ended(handlers[0]).await;
    }
    let mut host = launch.spawn(port).ready().await;
    workload.finish(&host, &mut random).await;
    assert_eq!(host.stop("TERM").await, Some(0));
    println!(
        "killed {killed} times in {:?}; the longest start took {longest_start:?}",
        begin.elapsed()
    );
    let file = format!("{}.db", CRASH_TEST_HUB.to_lowercase());
    Ended::open(&state.path().join(file), &workload).check(&workload);
}
