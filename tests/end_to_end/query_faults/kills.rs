//! Processes that die while a job runs.
//!
//! With `KILLS_AT_FULL_SIZE` in the environment the handler dies 50 times, twice on each host; without it four times.

use durable_functions::RuntimeStatus;
use reqwest::Method;

use super::{
    super::support::{
        host::{Host, send_signal},
        random::Random,
        table_service::TableService,
        task_hub::TaskHub,
    },
    END, START, app, completes, finished_days, options, until,
};

const READY: &str = "Worker process started and initialized.";
const EXITED: &str = "Language Worker Process exited";

/// How often the handler of one host dies. A host stops at the third time.
const OF_A_HOST: usize = 2;
/// How many requests lie between two deaths, at most. A job makes about a thousand.
const REQUESTS: u64 = 300;

fn hosts() -> usize {
    match std::env::var_os("KILLS_AT_FULL_SIZE") {
        Some(_) => 25,
        None => 2,
    }
}

/// Waits until the service has got so many more requests, or the job has ended.
async fn more_requests(host: &Host, service: &TableService, location: &str, more: u64) {
    let due = service.requests() + more;
    until(async || service.requests() >= due || has_ended(host, location).await).await;
}

/// Waits until a slice of the job has ended and others have not, or the job has ended.
async fn some_slice(host: &Host, hub: &TaskHub, id: &str, location: &str) {
    until(async || has_ended(host, location).await || !finished_days(hub, id).await.is_empty())
        .await;
}

/// Asks for the job, which heals it.
async fn has_ended(host: &Host, location: &str) -> bool {
    let client = host.client();
    let status = client.try_request(Method::GET, location, None, "").await;
    status.is_ok_and(|answer| answer.status == 200)
}

/// Days of slices that had ended before are not asked for after this many queries.
fn assert_not_read_again(
    service: &TableService,
    from: usize,
    days: &std::collections::HashSet<String>,
) {
    for query in service
        .queries()
        .iter()
        .skip(from)
        .filter(|it| it.table == "audit")
    {
        let day = query.from.as_deref().unwrap();
        assert!(!days.contains(day), "{day} is read again");
    }
}

#[tokio::test]
async fn a_job_survives_kills_of_the_handler_and_reads_no_finished_slice_again() {
    let mut random = Random::new();
    let (mut in_time, mut finished) = (0, 0);
    for _ in 0..hosts() {
        let service = TableService::start(options()).await;
        let host = app(&service).start().await;
        let hub = TaskHub::of(&host).await;
        let (id, location) = host.client().submit(START, END).await;
        let mut deaths = Vec::new();
        for number in 0..OF_A_HOST {
            host.logged(READY, number + 1).await;
            if number > 0 {
                some_slice(&host, &hub, &id, &location).await;
            }
            more_requests(&host, &service, &location, random.below(REQUESTS)).await;
            let days = finished_days(&hub, &id).await;
            let before = service.queries().len();
            let had_ended = hub.client().instance(super::PROCESS_SUBMISSION, &id);
            let had_ended = had_ended.status().await.unwrap().unwrap().runtime_status;
            send_signal(host.handlers()[number], "KILL");
            host.logged(EXITED, number + 1).await;
            in_time += usize::from(had_ended != RuntimeStatus::Completed);
            finished += days.len();
            deaths.push((before, days));
        }
        host.logged(READY, OF_A_HOST + 1).await;
        completes(&host, &service, &location).await;
        for (before, days) in deaths {
            assert_not_read_again(&service, before, &days);
        }
    }
    println!("{in_time} kills while the job ran, {finished} days had been finished before them");
    assert!(in_time > hosts() && finished > 0, "{in_time} {finished}");
}

#[tokio::test]
async fn a_job_survives_kills_of_the_host_and_reads_no_finished_slice_again() {
    let mut random = Random::new();
    let service = TableService::start(options()).await;
    let state = tempfile::tempdir().unwrap();
    let launch = app(&service).launch().state(state.path());
    let mut host = launch.start().await;
    let (id, _) = host.client().submit(START, END).await;
    let mut deaths = Vec::new();
    for number in 0..2 {
        let location = host.client().url(&format!("/api/status/{id}"));
        let hub = TaskHub::of(&host).await;
        if number > 0 {
            some_slice(&host, &hub, &id, &location).await;
        }
        more_requests(&host, &service, &location, random.below(REQUESTS)).await;
        let days = finished_days(&hub, &id).await;
        deaths.push((service.queries().len(), days));
        host.kill().await;
        host = launch.start().await;
    }
    let location = host.client().url(&format!("/api/status/{id}"));
    completes(&host, &service, &location).await;
    for (before, days) in deaths {
        assert_not_read_again(&service, before, &days);
    }
}
