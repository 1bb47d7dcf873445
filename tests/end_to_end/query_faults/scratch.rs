//! What becomes of spilled values when a job does not come to its end.

use durable_functions::RuntimeStatus;
use reqwest::Method;

use super::{
    super::support::{
        host::{Host, send_signal},
        table_service::TableService,
        task_hub::TaskHub,
    },
    END, PROCESS_SUBMISSION, SCRATCH, START, app, options, sweep, until,
};

/// A host with a job that has spilled, and whose last pages are held back.
async fn held_job() -> (TableService, Host, String, String) {
    let service = TableService::start(options()).await;
    service.hold_after(200);
    let host = app(&service).start().await;
    let (id, location) = host.client().submit(START, END).await;
    until(async || !service.entities(SCRATCH).is_empty()).await;
    // Whatever was to be written is written when nothing but pages is under way.
    service.queried(201).await;
    (service, host, id, location)
}

#[tokio::test]
async fn a_cancelled_job_removes_what_it_has_spilled() {
    let (service, host, _, location) = held_job().await;
    let answer = host.client().send_to(Method::DELETE, &location).await;
    assert_eq!(answer.json()["status"], "Terminated", "{answer:?}");
    until(async || service.entities(SCRATCH).is_empty()).await;
    service.release();
}

#[tokio::test]
async fn a_job_that_an_operator_terminates_removes_what_it_has_spilled() {
    let (service, host, id, _) = held_job().await;
    TaskHub::of(&host).await.terminate(&id, "by hand").await;
    until(async || service.entities(SCRATCH).is_empty()).await;
    service.release();
}

#[tokio::test]
async fn the_sweep_removes_what_a_terminated_job_has_left_and_leaves_a_running_job_alone() {
    let (service, host, id, location) = held_job().await;
    let spilled = service.entities(SCRATCH).len();
    sweep(&host, 1).await;
    assert!(service.entities(SCRATCH).len() >= spilled);

    // Nothing of it runs when it is terminated.
    let hub = TaskHub::of(&host).await;
    let handler = host.handlers()[0];
    send_signal(handler, "STOP");
    hub.terminate(&id, "by hand").await;
    send_signal(handler, "KILL");
    host.logged("Worker process started and initialized.", 2)
        .await;
    let job = host.client().poll(&location).await.json();
    assert_eq!(job["status"], "Terminated", "{job}");
    service.release();
    sweep(&host, 2).await;
    until(async || service.entities(SCRATCH).is_empty()).await;
}

/// Its finished slices are in the history, and their values are not.
#[tokio::test]
async fn a_failed_job_that_is_rewound_by_hand_counts_nothing_that_was_removed() {
    let service = TableService::start(options()).await;
    let host = app(&service).setting("MaxSpanDays", "1000").start().await;
    let hub = TaskHub::of(&host).await;
    // Eight slices: some have ended while others have not begun.
    let (id, location) = host.client().submit("2020-12-05", "2022-04-15").await;
    until(async || !is_empty(&hub, &id).await).await;
    service.deny_after(0);
    let job = host.client().poll(&location).await.json();
    assert_eq!(job["status"], "Failed", "{job}");
    service.admit();
    sweep(&host, 1).await;
    assert!(service.entities(SCRATCH).is_empty());

    let instance = hub.client().instance(PROCESS_SUBMISSION, &id);
    instance.rewind("by hand").await.unwrap();
    let status = instance.wait(super::TIME_LIMIT).await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Failed, "{status:?}");
    let job = host.client().status(&location).await.json();
    assert_eq!(job["error"]["code"], "ScratchLost", "{job}");
    until(async || service.entities(SCRATCH).is_empty()).await;
}

async fn is_empty(hub: &TaskHub, id: &str) -> bool {
    let history = hub
        .client()
        .instance(PROCESS_SUBMISSION, id)
        .history()
        .await;
    !history.unwrap().to_json().contains("runs")
}
