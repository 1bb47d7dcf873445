//! Jobs over a real table: from the submission to the result.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::Method;

use super::{
    status_body::{DONE, STOPPING, assert_status},
    support::{
        app_folder::AppFolder,
        azurite::{ACCOUNT_KEY, Azurite},
        fake_table::{FakeTable, Step},
        http::Client,
        sample::{self, FIRST_DAY, LAST_DAY, Row},
        sdk_transport,
    },
};

const FAILS_WITHOUT_A_TABLE: (&str, &str) = (
    "TableNotFound",
    "The audit table does not exist. Check the setting AuditTable.",
);
const FAILS_WITH_A_WRONG_KEY: (&str, &str) = (
    "AccessDenied",
    "The table service refused the credentials of the app. Check the setting AuditStorage.",
);

/// An Azurite with the sample in the table `audit`.
async fn azurite_with_sample() -> (Azurite, Vec<Row>) {
    let azurite = Azurite::start();
    let rows = sample::rows();
    sample::load(&sdk_transport::service(&azurite.endpoint()), "audit", &rows).await;
    (azurite, rows)
}

/// Polls a job to its end and compares the result with the count of the loaded rows.
async fn assert_counted(client: &Client, job: &(String, String), expected: u64) {
    let (id, location) = job;
    let answer = client.poll(location).await;
    assert_status(&answer, id, "Completed", &expected.to_string(), DONE, None);
}

#[tokio::test]
async fn a_submitted_job_counts_what_a_real_table_holds() {
    let (azurite, rows) = azurite_with_sample().await;
    assert!(rows.len() > 5_000);
    let host = AppFolder::product(&azurite.connection_string())
        .start()
        .await;
    let client = host.client();

    // Every way to submit, with ranges of one day, of several pages, beyond the data, and without any.
    let ranges = [
        (FIRST_DAY, LAST_DAY),
        ("2021-03-03", "2021-03-03"),
        ("2021-02-01", "2021-04-30"),
        ("2020-01-01", "2020-12-31"),
    ];
    let mut jobs = Vec::new();
    for (start, end) in ranges {
        let target = format!("/api/submit/query?s={start}&e={end}");
        let body = format!(r#"{{"start":"{start}","end":"{end}"}}"#);
        for answer in [
            client.get(&target).await,
            client.send(Method::POST, &target, None, "").await,
            client.post("/api/submit", &body).await,
        ] {
            let expected = sample::expected(&rows, start, end);
            jobs.push((client.accepted(&answer), expected));
        }
    }
    for (job, expected) in &jobs {
        assert_counted(client, job, *expected).await;
    }
    let counts: BTreeSet<_> = jobs.iter().map(|(_, count)| count).collect();
    assert_eq!(
        counts.len(),
        ranges.len(),
        "the ranges are to be told apart"
    );
    assert_eq!(host.handlers().len(), 1);
    assert!(!host.log().contains(ACCOUNT_KEY), "the key is in the log");
}

/// The result alone does not show it: 0 is a valid count.
#[tokio::test]
async fn a_counted_column_that_no_entity_has_is_logged() {
    let (azurite, rows) = azurite_with_sample().await;
    let host = AppFolder::product(&azurite.connection_string())
        .setting("AuditCountColumn", "nosuch")
        .start()
        .await;
    let client = host.client();
    let job = client.submit(FIRST_DAY, LAST_DAY).await;
    assert!(sample::expected(&rows, FIRST_DAY, LAST_DAY) > 0);
    assert_counted(client, &job, 0).await;
    host.logged("check the setting AuditCountColumn", 1).await;
    assert!(host.log().contains("column=\"nosuch\""));
}

#[tokio::test]
async fn two_hundred_jobs_at_once_all_get_their_own_result() {
    const JOBS: usize = 200;
    let (azurite, rows) = azurite_with_sample().await;
    let host = AppFolder::product(&azurite.connection_string())
        .start()
        .await;
    let client = host.client();
    let a = ("2021-03-01", "2021-03-02");
    let b = ("2021-03-09", "2021-03-10");
    let [count_a, count_b] = [a, b].map(|(start, end)| sample::expected(&rows, start, end));
    assert_ne!(count_a, count_b, "a mix-up is to be seen");

    let jobs = (0..JOBS).map(|n| async move {
        let ((start, end), expected) = if n % 2 == 0 {
            (a, count_a)
        } else {
            (b, count_b)
        };
        let job = client.submit(start, end).await;
        assert_counted(client, &job, expected).await;
        job.0
    });
    let ids: BTreeSet<_> = join_all(jobs).await.into_iter().collect();
    assert_eq!(ids.len(), JOBS);
    assert_eq!(host.handlers().len(), 1);
}

/// The binding of the task hub holds the key of its management API. It comes with each request of a client and with each
/// activity.
#[tokio::test]
async fn row_64_no_level_of_the_log_shows_a_key() {
    let table = FakeTable::start(vec![Step::page(&["1", "2"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .setting("RUST_LOG", "trace")
        .start()
        .await;
    let client = host.client();
    let url = client.url("/api/client-binding");
    let binding = client.request_unsearched(Method::GET, &url, None, "").await;
    let binding = binding.json();
    let key = binding["requiredQueryStringParameters"].as_str().unwrap();
    let (_, key) = key.split_once("code=").unwrap();

    let (_, location) = client.submit("2021-01-01", "2021-01-31").await;
    client.poll(&location).await;
    client.send_to(Method::DELETE, &location).await;
    let log = host.log();
    assert!(log.contains("TRACE"), "{log}");
    for secret in [
        key,
        ACCOUNT_KEY,
        "requiredQueryStringParameters",
        "SharedKey",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn a_missing_table_and_a_wrong_key_fail_the_job_with_errors_of_their_own() {
    let azurite = Azurite::start();
    for (storage, error) in [
        (azurite.connection_string(), FAILS_WITHOUT_A_TABLE),
        (
            azurite.connection_string_with_key("d3Jvbmcga2V5"),
            FAILS_WITH_A_WRONG_KEY,
        ),
    ] {
        let host = AppFolder::product(&storage).start().await;
        let (id, location) = host.client().submit(FIRST_DAY, LAST_DAY).await;
        let answer = host.client().poll(&location).await;
        assert_status(&answer, &id, "Failed", "null", STOPPING, Some(error));
        // Service, table and stack frames belong in the log, not in an answer.
        let seen = format!("{answer:?}");
        for internal in [
            "d3Jvbmcga2V5",
            "devstoreaccount1",
            "/src/",
            "query-activity",
        ] {
            assert!(!seen.contains(internal), "{internal} in {answer:?}");
        }
    }
}
