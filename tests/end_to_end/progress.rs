//! The progress of a job in its custom status, and its retries.

use function_app::jobs::progress::{Progress, Stage};

use super::{
    status_body::{DONE, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        http::Answer,
    },
};

fn progress(answer: &Answer) -> Option<Progress> {
    Progress::read(&answer.json()["customStatus"].to_string())
}

#[tokio::test]
async fn row_28_29_a_client_sees_days_rows_percent_and_the_estimated_end() {
    let gate = Gate::closed();
    let table = FakeTable::start(vec![
        Step::day_page("2021-01-01", &["1", "2"], Some("a")),
        // A page may be empty, and a key longer than a day.
        Step::day_page("", &[], Some("b")),
        Step::day_page("2021-01-11T08:00", &["2"], Some("c")),
        Step::Held(
            gate.clone(),
            Box::new(Step::day_page("2021-01-31", &["3"], None)),
        ),
    ])
    .await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;

    let has_begun = |answer: &Answer| progress(answer).is_some_and(|progress| progress.done > 0);
    let answer = client.poll_until(&location, has_begun).await;
    let body = answer.json();
    let status = &body["customStatus"];
    let eta = status["eta"].as_str().unwrap();
    let expected = format!(
        r#""customStatus":{{"stage":"querying","done":10,"total":31,"percent":32,"rows":3,"eta":"{eta}"}},"#
    );
    assert!(answer.body.contains(&expected), "{answer:?}");
    // In whole seconds of UTC, and later than what is known of the job.
    assert_eq!(eta.len(), "2026-11-28T18:20:05Z".len(), "{eta}");
    let updated = body["lastUpdatedTime"].as_str().unwrap();
    assert!(eta[..19] >= updated[..19], "{answer:?}");

    gate.open();
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "3", DONE, None);
    let at_the_end = Progress {
        stage: Stage::Done,
        done: 31,
        total: 31,
        percent: 100,
        rows: 4,
        eta: None,
    };
    assert_eq!(progress(&answer), Some(at_the_end));
}

/// Longer than the table client repeats a request by itself.
#[tokio::test]
async fn row_45_a_table_that_is_busy_for_a_while_does_not_fail_the_job() {
    const ATTEMPTS: usize = 6;
    let busy = Step::Status(503, vec![("x-ms-error-code", "ServerBusy")], "");
    let mut steps = vec![busy; ATTEMPTS];
    steps.push(Step::page(&["1", "2", "2"]));
    let table = FakeTable::start(steps).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    assert_eq!(table.requests().len(), ATTEMPTS + 1);
    host.logged("Executed 'Functions.query-activity' (Failed", 1)
        .await;
    host.logged("Executed 'Functions.query-activity' (Succeeded", 1)
        .await;
}
