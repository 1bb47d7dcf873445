//! A handler that stops or dies while jobs run: every job that a client polls completes.
//!
//! With `RESTARTS_AT_FULL_SIZE` in the environment the same tests run with 200 jobs, ten stops and ten hosts.
#![cfg(unix)]

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt, future::join_all, join, stream};

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::{Host, send_signal},
        http::Answer,
        random::Random,
    },
};

/// How long the table takes for a page: long enough that queries are under way at every signal.
const LATENCY: Duration = Duration::from_millis(200);
/// How long it takes for the first pages: longer than a stopping handler waits for its functions.
const LONG_LATENCY: Duration = Duration::from_secs(3);
const LONG: usize = 10;

struct Size {
    jobs: usize,
    stops: usize,
    hosts: usize,
}

fn size() -> Size {
    if std::env::var_os("RESTARTS_AT_FULL_SIZE").is_some() {
        Size {
            jobs: 200,
            stops: 10,
            hosts: 10,
        }
    } else {
        Size {
            jobs: 50,
            stops: 3,
            hosts: 2,
        }
    }
}

/// Starts a host, submits the jobs, and lets the table answer once all are accepted. Returns id and status address of
/// each job.
async fn with_jobs_in_flight(jobs: usize) -> (Host, FakeTable, Vec<(String, String)>) {
    let gate = Gate::closed();
    let page = |latency| {
        let page = Step::Slow(latency, Box::new(Step::page(&["1", "2", "2", "3"])));
        Step::Held(gate.clone(), Box::new(page))
    };
    let mut steps = vec![page(LONG_LATENCY); LONG];
    steps.push(page(LATENCY));
    let table = FakeTable::start(steps).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let submitted = (0..jobs).map(|_| client.submit("2021-01-01", "2021-01-31"));
    let submitted = join_all(submitted).await;
    gate.open();
    (host, table, submitted)
}

/// Waits until the host has started the handler for so many times, and is ready to call it.
async fn handler_started(host: &Host, times: usize) {
    host.logged("Worker process started and initialized.", times)
        .await;
}

/// Stops the running handler `times` times. Each time it waits until the new handler is ready and more queries have
/// begun.
async fn stop_the_handler(host: &Host, times: usize, jobs: usize) {
    for time in 1..=times {
        handler_started(host, time).await;
        let queries = LONG + jobs * (time - 1) / (times + 1);
        host.logged("Executing 'Functions.query-activity'", queries)
            .await;
        send_signal(host.handlers()[time - 1], "TERM");
    }
}

/// Kills the running handler `times` times, at random moments while jobs run.
async fn kill_the_handler(host: &Host, times: usize, jobs: usize, random: &mut Random) {
    // A job has two turns at least. The first ones are done when the table begins to answer.
    let most = u64::try_from(jobs * 3 / 4).unwrap();
    let mut moments: Vec<u64> = (0..times).map(|_| random.below(most)).collect();
    moments.sort_unstable();
    for (time, turns) in (1..).zip(moments) {
        handler_started(host, time).await;
        let turns = jobs + usize::try_from(turns).unwrap();
        host.logged("Executing 'Functions.process-submission'", turns)
            .await;
        // Between two turns as well.
        tokio::time::sleep(random.millis(100)).await;
        send_signal(host.handlers()[time - 1], "KILL");
    }
    handler_started(host, times + 1).await;
}

/// Polls until a job has ended. The handler may stop or die in the meantime.
async fn ended(host: &Host, location: &str) -> Answer {
    let ended = |answer: &Answer| answer.status == 200;
    host.client().poll_until(location, ended).await
}

#[tokio::test]
async fn row_46_74_jobs_in_flight_survive_every_stop_of_the_handler() {
    let Size { jobs, stops, .. } = size();
    let (host, _table, submitted) = with_jobs_in_flight(jobs).await;
    stop_the_handler(&host, stops, jobs).await;
    for (id, location) in &submitted {
        let answer = ended(&host, location).await;
        assert_status(&answer, id, "Completed", "3", DONE, None);
    }
    let log = host.log();
    assert!(log.contains("Language Worker Process exited and needs to be restarted."));
    assert!(!log.contains("exited with code"), "a stop is no crash");
    assert_eq!(host.handlers().len(), stops + 1);
}

/// Polls all jobs, some at a time, until each has completed.
async fn all_complete(host: &Host, submitted: &[(String, String)]) {
    const AT_A_TIME: usize = 8;
    let polls = stream::iter(submitted).map(async |(id, location)| {
        let answer = ended(host, location).await;
        assert_status(&answer, id, "Completed", "3", DONE, None);
    });
    polls.buffer_unordered(AT_A_TIME).collect::<()>().await;
}

#[tokio::test]
async fn row_46_every_job_completes_that_a_client_polls_though_the_handler_is_killed_at_random_moments()
 {
    // The third crash within half an hour stops a host.
    const KILLS: usize = 2;
    const LENGTH_OF_ID_AND_NUMBER: usize =
        r#"id="00000000-0000-4000-8000-000000000000" number=1"#.len();
    let Size { jobs, hosts, .. } = size();
    let mut random = Random::new();
    for _ in 0..hosts {
        let (host, _table, submitted) = with_jobs_in_flight(jobs).await;
        join!(
            kill_the_handler(&host, KILLS, jobs, &mut random),
            all_complete(&host, &submitted)
        );
        let log = host.log();
        // A line of the handler can be there twice, from its output and from its answer.
        let healed: HashSet<_> = log
            .lines()
            .filter_map(|line| line.split_once("job rewound: its host had failed it "))
            .filter_map(|(_, fields)| fields.get(..LENGTH_OF_ID_AND_NUMBER))
            .collect();
        // The clients have polled for all of them.
        let healed = healed.len();
        let failed = log.matches("(process-submission) failed: ").count();
        assert_eq!(healed, failed);
        println!("{healed} of {jobs} jobs were failed by the host and healed");
        assert_eq!(host.handlers().len(), KILLS + 1);
    }
}
