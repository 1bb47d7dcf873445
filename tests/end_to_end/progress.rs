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

/// A table whose first day has two pages. It holds back the second, and with it the first slice of a job; the other slices
/// are read meanwhile.
async fn table_with_a_held_page(gate: &Gate) -> FakeTable {
    FakeTable::answering({
        let gate = gate.clone();
        move |head| {
            let is_first_day = head.contains("2021-01-01");
            if head.contains("NextPartitionKey") {
                Step::Held(gate.clone(), Box::new(Step::page(&["3"])))
            } else if is_first_day {
                Step::page_then(&["1", "2"], "a", None)
            } else {
                Step::page(&["2"])
            }
        }
    })
    .await
}

#[tokio::test]
async fn row_28_29_a_client_sees_days_rows_percent_and_the_estimated_end() {
    let gate = Gate::closed();
    let table = table_with_a_held_page(&gate).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-06-09").await;

    // All but the first slice.
    let is_held = |answer: &Answer| progress(answer).is_some_and(|it| it.completed == 96);
    let answer = client.poll_until(&location, is_held).await;
    let body = answer.json();
    let status = &body["customStatus"];
    let eta = status["eta"].as_str().unwrap();
    let expected = format!(
        r#""customStatus":{{"stage":"querying","completed":96,"total":160,"percent":60,"rows":96,"eta":"{eta}"}},"#
    );
    assert!(answer.body.contains(&expected), "{answer:?}");
    // In whole seconds of UTC, and no earlier than what is known of the job.
    assert_eq!(eta.len(), "2026-11-28T18:20:05Z".len(), "{eta}");
    let created = body["createdTime"].as_str().unwrap();
    assert!(eta[..19] >= created[..19], "{answer:?}");

    gate.open();
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "3", DONE, None);
    let at_the_end = Progress {
        stage: Stage::Done,
        completed: 160,
        total: 160,
        percent: 100,
        rows: 162,
        eta: None,
    };
    assert_eq!(progress(&answer), Some(at_the_end));
}

/// Longer than the table client repeats a request by itself.
#[tokio::test]
async fn row_45_a_table_that_fails_for_a_while_does_not_fail_the_job() {
    const ATTEMPTS: usize = 6;
    let failed = Step::Status(500, vec![("x-ms-error-code", "InternalError")], "");
    let mut steps = vec![failed; ATTEMPTS];
    steps.push(Step::page(&["1", "2", "2"]));
    let table = FakeTable::start(steps).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-01").await;
    let answer = client.poll(&location).await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
    assert_eq!(table.requests().len(), ATTEMPTS + 1);
    host.logged("Executed 'Functions.query-activity' (Failed", 1)
        .await;
    host.logged("Executed 'Functions.query-activity' (Succeeded", 1)
        .await;
}
