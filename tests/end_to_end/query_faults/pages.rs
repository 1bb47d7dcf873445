//! Pages that fail, come late, or not at all.

use std::time::Duration;

use super::{
    super::support::table_service::{Faults, Options, TableService},
    END, START, app, completes, expected, options, sweep, until,
};

#[tokio::test]
async fn pages_that_are_refused_cut_or_late_change_no_count() {
    for seed in [1, 2] {
        let service = TableService::start(Options {
            page_rows: 10,
            irregular: 0.05,
            faults: Faults {
                seed,
                busy: 0.05,
                cut: 0.05,
                slow: 0.05,
                slow_by: Duration::from_millis(100),
                of_writes: true,
            },
            ..options()
        })
        .await;
        service.refuse_continuation_once();
        let host = app(&service).start().await;
        let (_, location) = host.client().submit(START, END).await;
        completes(&host, &service, &location).await;
        let queries = service.queries();
        assert!(queries.iter().any(|it| it.status == Some(503)));
        assert!(queries.iter().any(|it| it.status == Some(400)));
        assert!(queries.iter().any(|it| it.is_cut));
    }
}

#[tokio::test]
async fn a_slice_whose_time_is_up_leaves_a_rest_and_no_page_is_read_twice() {
    let service = TableService::start(Options {
        page_rows: 5,
        ..options()
    })
    .await;
    let host = app(&service).setting("SLICE_MILLIS", "100").start().await;
    let (_, location) = host.client().submit(START, END).await;
    completes(&host, &service, &location).await;
    let job = host.client().status(&location).await.json();
    assert_eq!(job["customStatus"]["rows"], expected().1, "{job}");
    let read = host
        .log()
        .matches("Executed 'Functions.query-activity' (Succeeded")
        .count();
    assert!(read > 6, "{read} slices");
}

/// As a signature that expires while the job runs.
#[tokio::test]
async fn credentials_that_expire_fail_the_job_stop_its_slices_and_leave_nothing() {
    let service = TableService::start(options()).await;
    let host = app(&service).start().await;
    let (_, location) = host.client().submit(START, END).await;
    until(async || !service.entities(super::SCRATCH).is_empty()).await;
    service.deny_after(0);
    let job = host.client().poll(&location).await.json();
    assert_eq!(job["status"], "Failed", "{job}");
    assert_eq!(job["customStatus"]["stage"], "stopping", "{job}");
    let code = job["error"]["code"].as_str().unwrap();
    assert!(["AccessDenied", "ScratchDenied"].contains(&code), "{job}");
    assert_eq!(service.in_flight(), 0);
    let requests = service.requests();
    // It could not be removed when the job failed.
    sweep(&host, 1).await;
    assert_eq!(service.requests(), requests + 1, "the list of what is left");
    service.admit();
    sweep(&host, 2).await;
    assert!(service.entities(super::SCRATCH).is_empty());
}
