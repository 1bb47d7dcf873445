//! One job in every view, and errors in every form.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::{
    status_answers::{held_table, until},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Step},
        http::{Answer, Client, JSON},
        task_hub::TaskHub,
    },
};

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
const PROBLEM: &str = "application/problem+json; charset=utf-8";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// What clients may see of an error.
pub(crate) const TABLE_NOT_FOUND: &str =
    "The audit table does not exist. Check the setting AuditTable.";

/// A table that every job counts two values in.
pub(crate) async fn table() -> FakeTable {
    FakeTable::start(vec![Step::page(&["1", "2", "2"])]).await
}

/// A table without which every job fails.
pub(crate) async fn no_table() -> FakeTable {
    let headers = vec![("x-ms-error-code", "TableNotFound")];
    FakeTable::start(vec![Step::Status(404, headers, "")]).await
}

/// The answer to a request for a path of the app with this `Accept`.
async fn accepting(client: &Client, target: &str, accept: &str) -> Answer {
    let headers = [("Accept", accept)];
    client.get_with(&client.url(target), &headers).await
}

/// The names of a JSON object's members, in their order.
fn names(body: &str) -> Vec<String> {
    let members: serde_json::Map<String, Value> = serde_json::from_str(body).unwrap();
    let mut names: Vec<_> = members.keys().cloned().collect();
    names.sort_by_key(|name| body.find(&format!("\"{name}\":")));
    names
}

#[tokio::test]
async fn row_27_a_decision_is_told_in_the_words_of_its_domain() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let decided = async |day: &str| {
        let (id, location) = client.submit(day, day).await;
        client.poll(&location).await;
        let answer = client.get(&format!("/api/status/{id}?view=text")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.replace(&id, "ID")
    };
    assert_eq!(
        decided("1999-12-29").await,
        "Congratulations, your presentation with id 'ID' has been accepted!"
    );
    assert_eq!(
        decided("1999-12-30").await,
        "We are sorry! Unfortunately your presentation with id 'ID' has not been accepted."
    );
    assert!(table.requests().is_empty());
}

#[tokio::test]
async fn row_16_17_18_19_22_28_30_36_a3_1_a_job_is_shown_in_the_view_that_is_asked_for() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    let job = until(client, &location, "Running").await;
    let of = |view: &str| format!("/api/status/{id}?view={view}");

    let text = client.get(&of("text")).await;
    assert_eq!(
        text.body,
        format!(
            "Your submission is being processed. The current status is querying. To check the status later, go to: GET {location}"
        )
    );
    assert_eq!(text.header("Content-Type"), TEXT);
    let minimal = client.get(&of("minimal")).await;
    assert_eq!(
        names(&minimal.body),
        [
            "instanceId",
            "runtimeStatus",
            "customStatus",
            "createdTime",
            "lastUpdatedTime"
        ]
    );
    let (minimal_json, job_json) = (minimal.json(), job.json());
    assert_eq!(minimal_json["instanceId"], id);
    assert_eq!(minimal_json["runtimeStatus"], "Running");
    assert_eq!(minimal_json["customStatus"]["stage"], "querying");
    assert_eq!(minimal_json["createdTime"], job_json["createdTime"]);
    // The whole of the five members is five members: none hides another.
    assert_eq!(minimal.json().as_object().unwrap().len(), 5);
    let headers = |answer: &Answer| -> BTreeSet<String> {
        answer.headers.keys().map(ToString::to_string).collect()
    };
    for answer in [&text, &minimal] {
        assert_eq!(answer.status, 202);
        assert_eq!(answer.header("Location"), location);
        assert!(!answer.header("Retry-After").is_empty());
        assert_eq!(headers(answer), headers(&job));
    }

    gate.open();
    let job = client.poll(&location).await;
    let text = client.get(&of("text")).await;
    assert_eq!(
        text.body,
        format!("Your submission with id '{id}' has been processed. The result is 2.")
    );
    let minimal = client.get(&of("minimal")).await;
    assert_eq!(minimal.json()["runtimeStatus"], "Completed");
    assert_eq!(minimal.json().as_object().unwrap().len(), 5);
    for answer in [&text, &minimal] {
        assert_eq!(answer.status, 200);
        assert_eq!(headers(answer), headers(&job));
    }
    assert_eq!(client.get(&of("job")).await.body, job.body);

    let unknown = client.get(&of("full")).await;
    let expected = r#"{"error":"Unknown view. The known views are job, minimal and text."}"#;
    assert_eq!((unknown.status, unknown.body.as_str()), (400, expected));
    assert_eq!(unknown.header("x-ms-error-code"), "UnknownView");
}

#[tokio::test]
async fn row_17_25_a1_5_a3_3_an_unknown_job_has_the_words_of_its_view() {
    let table = table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    for (target, content_type, body) in [
        ("/api/status/7", JSON, r#"{"error":"Job not found"}"#),
        (
            "/api/status/7?view=job",
            JSON,
            r#"{"error":"Job not found"}"#,
        ),
        (
            "/api/status/7?view=minimal",
            JSON,
            r#"{"error":"Job not found"}"#,
        ),
        (
            "/api/status/7?view=text",
            TEXT,
            "Whoops! Something went wrong. Please check if your submission Id is correct. Submission '7' not found.",
        ),
        (
            "/api/operations/7",
            JSON,
            r#"{"error":{"code":"JobNotFound","message":"Job not found"}}"#,
        ),
    ] {
        let answer = client.get(target).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, body),
            "{target}"
        );
        assert_eq!(answer.header("Content-Type"), content_type, "{target}");
        assert_eq!(answer.header("x-ms-error-code"), "JobNotFound", "{target}");
    }
    let page = accepting(client, "/api/status/7", BROWSER).await;
    assert_eq!(page.status, 404);
    assert_eq!(page.header("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-ms-error-code"), "JobNotFound");
}

#[tokio::test]
async fn row_09_an_error_has_the_form_that_accept_names() {
    let table = table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let long = "/api/submit/query?s=2001-01-01&e=2021-01-01";

    let answer = client.get(long).await;
    let text = r#"{"error":"Invalid date range.","maxSpanDays":366}"#;
    assert_eq!((answer.status, answer.body.as_str()), (400, text));
    assert_eq!(answer.header("Content-Type"), JSON);
    assert_eq!(answer.header("x-ms-error-code"), "InvalidDateRange");

    for target in [
        long,
        "/api/status/7",
        "/api/operations/7",
        "/api/status/7?view=text",
    ] {
        let plain = client.get(target).await;
        let answer = accepting(client, target, "application/json, application/problem+json").await;
        assert_eq!(answer.header("Content-Type"), PROBLEM, "{target}");
        assert_eq!(answer.status, plain.status);
        let problem = answer.json();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], answer.status);
        let title = if answer.status == 400 {
            "Bad Request"
        } else {
            "Not Found"
        };
        assert_eq!(problem["title"], title);
        let code = answer.header("x-ms-error-code");
        assert_eq!(code, plain.header("x-ms-error-code"));
        assert_eq!(problem["code"], code);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        // The one occurrence, which the log names as well.
        let instance = problem["instance"].as_str().unwrap();
        let (_, id) = instance.split_once("urn:uuid:").unwrap();
        assert_eq!(answer.header("x-ms-request-id"), id);
    }

    for accept in [
        "application/json;error=object",
        "application/json; error=\"object\", */*;q=0.1",
    ] {
        let answer = accepting(client, long, accept).await;
        let object = r#"{"error":{"code":"InvalidDateRange","message":"Invalid date range.","maxSpanDays":366}}"#;
        assert_eq!((answer.status, answer.body.as_str()), (400, object));
        assert_eq!(answer.header("Content-Type"), JSON);
    }
}

#[tokio::test]
async fn row_23_24_a1_4_a_failed_job_is_no_error_of_the_request_unless_the_client_wants_it() {
    let table = no_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    let failed = client.poll(&location).await;
    assert_eq!(failed.status, 200);
    assert_eq!(failed.json()["error"]["code"], "TableNotFound");
    let text = client.get(&format!("/api/status/{id}?view=text")).await;
    let sentence = format!(
        "We are sorry! Unfortunately your submission with id '{id}' could not be processed. {TABLE_NOT_FOUND}"
    );
    assert_eq!((text.status, text.body), (200, sentence));
    let operation = client.get(&format!("/api/operations/{id}")).await;
    assert_eq!(operation.status, 200);
    assert_eq!(operation.json()["status"], "Failed");
    assert_eq!(operation.json()["error"], failed.json()["error"]);

    let wish = format!("{location}?returnInternalServerErrorOnFailure=true");
    let answer = client.status(&wish).await;
    assert_eq!((answer.status, &answer.body), (500, &failed.body));
    assert_eq!(answer.header("x-ms-error-code"), "TableNotFound");
    let nonsense = format!("{location}?returnInternalServerErrorOnFailure=2");
    assert_eq!(client.status(&nonsense).await.status, 400);
}

#[tokio::test]
async fn row_24_the_code_of_a_failed_job_can_be_set_for_all_requests() {
    let table = no_table().await;
    let host = AppFolder::product(&table.connection_string())
        .setting("FailedJobIs500", "true")
        .start()
        .await;
    let client = host.client();
    let (_, location) = client.submit("2021-01-01", "2021-01-31").await;
    let answer = client.poll(&location).await;
    assert_eq!(answer.status, 500);
    let otherwise = format!("{location}?returnInternalServerErrorOnFailure=false");
    let otherwise = client.status(&otherwise).await;
    assert_eq!((otherwise.status, otherwise.body), (200, answer.body));
}

#[tokio::test]
async fn row_20_21_30_36_an_operation_is_always_200_and_has_azures_states() {
    let (table, gate) = held_table().await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let client = host.client();
    let hub = TaskHub::of(&host).await;
    let of = |id: &str| format!("/api/operations/{id}");

    let input = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    hub.start_in_an_hour("process-submission", "pending", input)
        .await;
    let pending = client.get(&of("pending")).await;
    assert_eq!(pending.json()["status"], "NotStarted");

    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    let job = until(client, &location, "Running").await;
    let running = client.get(&of(&id)).await;
    assert_eq!(
        names(&running.body),
        [
            "id",
            "status",
            "percentComplete",
            "createdDateTime",
            "lastUpdatedDateTime"
        ]
    );
    assert_eq!(running.json()["id"], id);
    assert_eq!(running.json()["status"], "Running");
    assert_eq!(running.json()["percentComplete"], 0);
    assert_eq!(running.json()["createdDateTime"], job.json()["createdTime"]);
    hub.suspend(&id, "a reason").await;
    until(client, &location, "Suspended").await;
    let suspended = client.get(&of(&id)).await;
    assert_eq!(suspended.json()["status"], "Running");
    for answer in [&pending, &running, &suspended] {
        assert_eq!(answer.status, 200);
        assert!(answer.header("Retry-After").parse::<u32>().unwrap() >= 1);
    }
    hub.resume(&id).await;

    gate.open();
    client.poll(&location).await;
    let succeeded = client.get(&of(&id)).await;
    assert_eq!(
        names(&succeeded.body),
        [
            "id",
            "status",
            "percentComplete",
            "createdDateTime",
            "lastUpdatedDateTime",
            "result"
        ]
    );
    assert_eq!(succeeded.json()["status"], "Succeeded");
    assert_eq!(succeeded.json()["percentComplete"], 100);
    assert_eq!(succeeded.json()["result"], 2);
    assert_eq!(succeeded.status, 200);
    assert_eq!(succeeded.header("Retry-After"), "");
}

#[tokio::test]
async fn row_39_an_operation_is_cancelled_by_its_own_address() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    until(client, &location, "Running").await;
    let operation = client.url(&format!("/api/operations/{id}"));
    let cancel = format!("{operation}:cancel");

    // Not by another POST.
    let refused = client.send_to(Method::POST, &operation).await;
    assert_eq!((refused.status, refused.header("Allow")), (405, "GET"));
    assert_eq!(refused.json()["error"]["code"], "MethodNotAllowed");
    assert_eq!(client.status(&location).await.json()["status"], "Running");

    let cancelled = client.send_to(Method::POST, &cancel).await;
    assert_eq!(cancelled.status, 200);
    assert_eq!(cancelled.json()["status"], "Canceled");
    let again = client.send_to(Method::POST, &cancel).await;
    assert_eq!((again.status, &again.body), (200, &cancelled.body));
    assert_eq!(client.status(&operation).await.body, cancelled.body);

    gate.open();
    let (id, location) = client.submit("2021-01-01", "2021-01-31").await;
    client.poll(&location).await;
    let operation = client.url(&format!("/api/operations/{id}"));
    let ended = client
        .send_to(Method::POST, &format!("{operation}:cancel"))
        .await;
    assert_eq!(ended.status, 409);
    assert_eq!(ended.header("x-ms-error-code"), "JobEnded");
    assert_eq!(ended.body, client.status(&operation).await.body);
    let unknown = client.url("/api/operations/7:cancel");
    assert_eq!(client.send_to(Method::POST, &unknown).await.status, 404);
}

#[tokio::test]
async fn row_35_no_view_shows_the_input_or_the_history() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let (id, location) = client.submit("1987-06-05", "1987-06-07").await;
    until(client, &location, "Running").await;
    let targets = [
        format!("/api/status/{id}"),
        format!("/api/status/{id}?view=minimal"),
        format!("/api/status/{id}?view=text"),
        format!("/api/status/{id}?showInput=true&showHistory=true&showHistoryOutput=true"),
        format!("/api/operations/{id}"),
    ];
    for ended in [false, true] {
        if ended {
            gate.open();
            client.poll(&location).await;
        }
        for target in &targets {
            for accept in ["*/*", BROWSER] {
                let answer = accepting(client, target, accept).await;
                let seen = format!("{answer:?}").to_lowercase();
                // The whole date: four digits are in one random id of a few hundred.
                for hidden in ["1987-06-0", "history", "input", "query-activity", "taskhub"] {
                    assert!(!seen.contains(hidden), "{hidden} in {answer:?}");
                }
            }
        }
    }
}
