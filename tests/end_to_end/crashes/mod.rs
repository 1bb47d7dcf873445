//! local-host dies at random moments while orchestrations of every kind run, and is started again on the same state.
//!
//! With `RESTARTS_AT_FULL_SIZE` in the environment it dies 200 times, with 500 instances under way each time.
#![cfg(target_os = "linux")] // It looks for processes in /proc.

mod check;
mod workload;

use std::path::Path;
use std::time::{Duration, Instant};

use check::{Ended, Expected};
use tempfile::TempDir;
use workload::{APART, KINDS, Size, Workload};

use super::support::{
    app_folder::{AppFolder, CRASH_TEST_HUB},
    host::{Host, Launch, TIME_LIMIT, send_signal},
    random::Random,
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

/// How often hosts die in a test that dies `more` times at full size.
fn deaths(few: u32, more: u32) -> u32 {
    if is_full_size() { more } else { few }
}

/// How a running host ends.
enum End {
    Kill,
    /// The handler is killed first. The host may see that.
    KillAfterHandler,
    /// A signal that asks it to end.
    Signal(&'static str),
}

/// One state on which host after host runs.
struct Run {
    random: Random,
    workload: Workload,
    state: TempDir,
    launch: Launch,
    /// 0 before the first host.
    port: u16,
    begin: Instant,
    longest_start: Duration,
}

impl Run {
    fn new(kinds: &'static [&'static str]) -> Self {
        let workload = Workload::new(size(), kinds);
        let state = tempfile::tempdir().unwrap();
        let app = AppFolder::crash_test(workload.journal());
        Self {
            random: Random::new(),
            workload,
            launch: app.launch().state(state.path()),
            state,
            port: 0,
            begin: Instant::now(),
            longest_start: Duration::ZERO,
        }
    }

    /// Starts a host, and waits until its handler is ready.
    async fn start(&mut self) -> Host {
        let begin = Instant::now();
        let host = self.launch.spawn(self.port).ready().await;
        self.longest_start = self.longest_start.max(begin.elapsed());
        self.port = host.port();
        host
    }

    /// The next host lives for a random time while clients call it.
    async fn live_until(&mut self, end: &End) {
        let mut host = self.start().await;
        let time = self.random.millis(1500);
        tokio::select! {
            lost = self.workload.keep_up(&host, &mut self.random) => {
                panic!("{lost:?}\n{}", host.log())
            }
            () = tokio::time::sleep(time) => {}
        }
        assert!(self.workload.unended() > 0, "nothing was under way");
        let handlers = host.handlers();
        assert_eq!(handlers.len(), 1, "the handler did not end by itself");
        match end {
            End::Kill => host.kill().await,
            End::KillAfterHandler => {
                send_signal(handlers[0], "KILL");
                tokio::time::sleep(self.random.millis(30)).await;
                host.kill().await;
            }
            End::Signal(signal) => assert_eq!(host.stop(signal).await, Some(0)),
        }
        self.no_process_is_left().await;
    }

    /// The next host is killed at most `millis` after its start.
    async fn die_young(&mut self, millis: u64) {
        let starting = self.launch.spawn(self.port);
        tokio::time::sleep(self.random.millis(millis)).await;
        starting.kill().await;
        self.no_process_is_left().await;
    }

    /// Waits until no handler runs.
    async fn no_process_is_left(&self) {
        let begin = Instant::now();
        loop {
            let left = processes_in(self.launch.folder());
            if left.is_empty() {
                return;
            }
            assert!(begin.elapsed() < TIME_LIMIT, "{left:?} outlived their host");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The last host ends all instances.
    async fn finish(mut self, expected: Expected) {
        let mut host = self.start().await;
        self.workload.finish(&host, &mut self.random).await;
        assert_eq!(host.stop("TERM").await, Some(0));
        println!(
            "it took {:?}; the longest start took {:?}",
            self.begin.elapsed(),
            self.longest_start
        );
        let file = format!("{}.db", CRASH_TEST_HUB.to_lowercase());
        let ended = Ended::open(&self.state.path().join(file), &self.workload);
        ended.check(&self.workload, expected);
    }
}

/// The processes that work in a folder, as handlers do in that of their app.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap();
    let names = processes.map(|entry| entry.unwrap().file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    // A process that has ended, or that is not ours, has no folder to see.
    let works_in = |name: &String| {
        let link = Path::new("/proc").join(name).join("cwd");
        std::fs::read_link(link).is_ok_and(|it| it == folder)
    };
    names.filter(works_in).collect()
}

#[tokio::test]
async fn what_ran_when_the_host_was_killed_ends_with_the_right_result() {
    let mut run = Run::new(&KINDS);
    for death in 1..=deaths(8, 200) {
        if death % 8 == 0 {
            run.die_young(300).await;
        } else {
            run.live_until(&End::Kill).await;
        }
    }
    run.finish(Expected::Success).await;
}

#[tokio::test]
async fn what_ran_when_the_host_was_told_to_end_ends_with_the_right_result() {
    let mut run = Run::new(&KINDS);
    for stop in 0..deaths(3, 40) {
        let signals = ["TERM", "INT"];
        let signal = signals[stop as usize % signals.len()];
        run.live_until(&End::Signal(signal)).await;
    }
    run.finish(Expected::Success).await;
}

#[tokio::test]
async fn what_was_not_on_the_wire_when_the_handler_was_killed_ends_with_the_right_result() {
    let mut run = Run::new(&APART);
    for _ in 0..deaths(3, 40) {
        run.live_until(&End::KillAfterHandler).await;
    }
    run.finish(Expected::FailuresOnTheWire).await;
}

#[tokio::test]
async fn a_host_that_dies_while_it_makes_its_state_leaves_one_that_the_next_can_use() {
    let mut run = Run::new(&KINDS);
    for _ in 0..deaths(20, 200) {
        run.die_young(80).await;
    }
    run.live_until(&End::Kill).await;
    run.finish(Expected::Success).await;
}

#[tokio::test]
async fn of_two_hosts_that_start_on_one_state_one_gets_it() {
    let run = Run::new(&KINDS);
    let (first, second) = (run.launch.spawn(0), run.launch.spawn(0));
    let (first, second) = tokio::join!(first.outcome(), second.outcome());
    let (mut host, (code, output)) = match (first, second) {
        (Ok(host), Err(refused)) | (Err(refused), Ok(host)) => (host, refused),
        (Ok(_), Ok(_)) => panic!("both have it"),
        (Err(first), Err(second)) => panic!("{first:?}\n{second:?}"),
    };
    assert_eq!(code, Some(1));
    assert!(output.contains("another local-host"), "{output}");
    assert_eq!(host.stop("TERM").await, Some(0));
}
