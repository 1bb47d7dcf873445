//! The health of the service, over a job.

use serde_json::Value;

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
};

#[tokio::test]
async fn row_73_a_service_that_can_take_jobs_says_so_and_what_it_has_done() {
    let table = FakeTable::start(vec![Step::page(&["1", "2", "2"])]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (_, location) = client.submit("2021-01-01", "2021-01-01").await;
    client.poll(&location).await;

    let answer = client.get("/api/health").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), "no-store");
    let health = answer.json();
    assert_eq!(health["status"], "Ready");
    assert_eq!(health["taskHub"], "Ready");
    let counters = &health["counters"];
    assert_eq!(counters["jobsStarted"], 1, "{counters}");
    assert_eq!(counters["jobsCancelled"], 0, "{counters}");
    assert_eq!(counters["rowsScanned"], 3, "{counters}");
    assert_eq!(counters["waitsOpen"], 0, "{counters}");
    let requests = counters["statusRequests"].as_u64();
    assert!(requests.is_some_and(|count| count >= 1), "{counters}");
    assert!(counters["rowsPerSecond"].is_u64(), "{counters}");

    // The members that the document names, and no others.
    let document: Value = client.get("/api/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    for (schema, value) in [("Health", &health), ("Counters", counters)] {
        let mut members: Vec<_> = value.as_object().unwrap().keys().collect();
        members.sort();
        let properties: Vec<_> = schemas[schema]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(members, properties, "{schema}");
    }
}
