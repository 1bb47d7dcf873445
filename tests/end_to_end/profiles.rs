//! The profiles: the answers of the status under each of them, byte for byte.

use super::{
    status_answers::held_table,
    support::{
        app_folder::AppFolder,
        host::Host,
        http::{Client, JSON},
    },
    views::{TABLE_NOT_FOUND, TEXT, no_table},
};

/// What browsers send. A profile does not read it.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn start(profile: &str, storage: &str) -> Host {
    AppFolder::product(storage)
        .setting("CompatProfile", profile)
        .start()
        .await
}

/// Submits a job; the answer to the submission differs from profile to profile. Its id and the address of its status.
async fn submit(client: &Client) -> (String, String) {
    let body = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let answer = client.post("/api/submit", body).await;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    let seen = format!("{} {}", answer.header("Location"), answer.body);
    let (_, rest) = seen.split_once("/api/status/").unwrap();
    let id: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c))
        .collect();
    let location = client.url(&format!("/api/status/{id}"));
    (id, location)
}

#[tokio::test]
async fn row_79_call_for_speakers_answers_with_its_sentences() {
    let (table, gate) = held_table().await;
    let host = start("call-for-speakers", &table.connection_string()).await;
    let client = host.client();
    let (id, location) = submit(client).await;
    table.requested(1).await;

    let running = client.get_with(&location, &[("Accept", BROWSER)]).await;
    assert_eq!(running.status, 202);
    assert_eq!(running.header("Location"), location);
    assert_eq!(running.header("Retry-After"), "20");
    assert_eq!(running.header("Content-Type"), TEXT);
    assert_eq!(
        running.body,
        format!(
            "Your submission is being processed. The current status is querying. To check the status later, go to: GET {location}"
        )
    );
    gate.open();
    let ended = client.status(&format!("{location}?wait=60")).await;
    assert_eq!(ended.status, 200);
    assert_eq!(
        ended.body,
        format!("Your submission with id '{id}' has been processed. The result is 2.")
    );

    let unknown = client.get("/api/status/7").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("Content-Type"), TEXT);
    assert_eq!(
        unknown.body,
        "Whoops! Something went wrong. Please check if your submission Id is correct. Submission '7' not found."
    );
}

#[tokio::test]
async fn row_79_a2_2_date_range_query_answers_with_three_members() {
    let (table, gate) = held_table().await;
    let host = start("date-range-query", &table.connection_string()).await;
    let client = host.client();
    let (id, location) = submit(client).await;
    table.requested(1).await;

    let running = client.get_with(&location, &[("Accept", BROWSER)]).await;
    let body = format!(r#"{{"id":"{id}","status":"Running","result":null}}"#);
    assert_eq!((running.status, &running.body), (200, &body));
    // More than the published API says, so that its clients need not poll blindly.
    assert!(!running.header("Retry-After").is_empty());
    assert_eq!(running.header("Location"), "");
    gate.open();
    let ended = client.status(&format!("{location}?wait=60")).await;
    let body = format!(r#"{{"id":"{id}","status":"Completed","result":2}}"#);
    assert_eq!((ended.status, &ended.body), (200, &body));
    assert_eq!(ended.header("Content-Type"), JSON);
    for absent in ["Location", "Retry-After"] {
        assert_eq!(ended.header(absent), "");
    }

    let unknown = client.get("/api/status/7").await;
    assert_eq!(
        (unknown.status, unknown.body.as_str()),
        (404, "Job not found")
    );
    assert_eq!(unknown.header("Content-Type"), TEXT);
}

#[tokio::test]
async fn row_79_a_failure_under_date_range_query_is_200_with_a_text_that_hides_the_inside() {
    let table = no_table().await;
    let host = start("date-range-query", &table.connection_string()).await;
    let client = host.client();
    let (id, location) = submit(client).await;
    let ended = client.status(&format!("{location}?wait=60")).await;
    let body = format!(r#"{{"id":"{id}","status":"Failed","result":"{TABLE_NOT_FOUND}"}}"#);
    assert_eq!((ended.status, ended.body), (200, body));
}

#[tokio::test]
async fn row_79_a3_1_api_management_answers_with_five_members() {
    let (table, gate) = held_table().await;
    let host = start("api-management", &table.connection_string()).await;
    let client = host.client();
    let (id, location) = submit(client).await;
    table.requested(1).await;
    gate.open();
    let job = client.status(&format!("{location}?view=job&wait=60")).await;
    let job = job.json();
    let text = |name: &str| job[name].as_str().unwrap().to_owned();
    let ended = client.status(&location).await;
    let custom_status = serde_json::to_string(&job["customStatus"]).unwrap();
    let (before, rest) = ended.body.split_once(r#""customStatus":"#).unwrap();
    assert_eq!(
        before,
        format!(r#"{{"instanceId":"{id}","runtimeStatus":"Completed","#)
    );
    let (shown, times) = rest.split_once(r#","createdTime":"#).unwrap();
    let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    assert_eq!(serde_json::to_string(&shown).unwrap(), custom_status);
    let (created, updated) = (text("createdTime"), text("lastUpdatedTime"));
    assert_eq!(
        times,
        format!(r#""{created}","lastUpdatedTime":"{updated}"}}"#)
    );

    let unknown = client.get("/api/status/7").await;
    let body = r#"{"error":"Job not found"}"#;
    assert_eq!((unknown.status, unknown.body.as_str()), (404, body));
}
