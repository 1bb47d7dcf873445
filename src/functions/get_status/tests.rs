use std::time::{Duration, SystemTime};

use super::*;
use axum::http::{Method, header};
use durable_functions::RuntimeStatus;
use http_body_util::BodyExt;
use job_api::{ApiError, Job, status::response, views::StatusAnswer};

const STATES: [(RuntimeStatus, &str, u16); 8] = [
    (RuntimeStatus::Pending, "Pending", 202),
    (RuntimeStatus::Running, "Running", 202),
    (RuntimeStatus::Suspended, "Suspended", 202),
    (RuntimeStatus::ContinuedAsNew, "ContinuedAsNew", 202),
    (RuntimeStatus::Completed, "Completed", 200),
    (RuntimeStatus::Failed, "Failed", 200),
    (RuntimeStatus::Terminated, "Terminated", 200),
    (RuntimeStatus::Canceled, "Canceled", 200),
];

const URL: &str = "https://app.example/api/status/1a";

fn job(status: RuntimeStatus, output: Option<&str>, custom_status: Option<&str>) -> Job {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_616_161_616);
    Job {
        id: "1a".to_owned(),
        status,
        output: output.map(str::to_owned),
        custom_status: custom_status.map(str::to_owned),
        created,
        last_updated: created + Duration::from_micros(1_250_500),
    }
}

async fn answered(job: Job) -> (u16, axum::http::HeaderMap, String) {
    let request = ApiRequest::for_test(Method::GET, URL, 2, &[], &[]);
    let (parts, body) = {
        let answer = StatusAnswer::of(&request).unwrap();
        request.answer(Ok(response(&request, answer, job)))
    }
    .into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        parts.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn failed(output: Option<&str>) -> String {
    let (status, _, body) = answered(job(RuntimeStatus::Failed, output, None)).await;
    assert_eq!(status, 200);
    let (head, error) = body.split_once(r#","error":"#).unwrap();
    assert!(head.contains(r#""result":null"#), "{body}");
    error.strip_suffix('}').unwrap().to_owned()
}

#[tokio::test]
async fn every_state_has_its_status_code_and_headers() {
    for (state, name, code) in STATES {
        let (status, headers, body) = answered(job(state, None, None)).await;
        assert_eq!(status, code, "{name}");
        assert!(body.contains(&format!(r#""status":"{name}""#)), "{body}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let location = headers
            .get(header::LOCATION)
            .map(|value| value.to_str().unwrap());
        assert_eq!(location, (code == 202).then_some(URL), "{name}");
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .map(|value| value.to_str().unwrap().parse().unwrap());
        let as_set = retry_after.is_some_and(|seconds: u64| (3..=5).contains(&seconds));
        assert_eq!(as_set, code == 202, "{name}: {retry_after:?}");
        assert_eq!(
            body.contains(r#""error":"#),
            state == RuntimeStatus::Failed,
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_members_and_their_order_are_fixed() {
    let running = job(
        RuntimeStatus::Running,
        None,
        Some(r#"{"stage":"querying","progress":0}"#),
    );
    assert_eq!(
        answered(running).await.2,
        r#"{"id":"1a","status":"Running","result":null,"customStatus":{"stage":"querying","progress":0},"createdTime":"2021-03-19T13:46:56Z","lastUpdatedTime":"2021-03-19T13:46:57.2505Z"}"#
    );
    let completed = job(RuntimeStatus::Completed, Some("119"), None);
    assert_eq!(
        answered(completed).await.2,
        r#"{"id":"1a","status":"Completed","result":119,"customStatus":null,"createdTime":"2021-03-19T13:46:56Z","lastUpdatedTime":"2021-03-19T13:46:57.2505Z"}"#
    );
}

#[tokio::test]
async fn only_a_completed_job_has_a_result() {
    for (state, name, _) in STATES {
        let body = answered(job(state, Some(r#""operator's reason""#), None))
            .await
            .2;
        assert_eq!(
            body.contains("reason"),
            state == RuntimeStatus::Completed,
            "{name}: {body}"
        );
    }
}

#[tokio::test]
async fn a_custom_status_that_is_null_or_no_json_is_still_an_answer() {
    for (text, expected) in [
        ("null", "null"),
        ("plain \"text\"", r#""plain \"text\"""#),
        ("", r#""""#),
    ] {
        let body = answered(job(RuntimeStatus::Running, None, Some(text)))
            .await
            .2;
        assert!(
            body.contains(&format!(r#""customStatus":{expected},"#)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn our_own_failures_keep_their_code_and_get_our_text() {
    for error in crate::audit::AuditError::ALL {
        let expected = format!(r#"{{"code":"{}","message":"{error}"}}"#, error.code());
        assert_eq!(
            failed(Some(&format!("{}: {error}", error.code()))).await,
            expected
        );
        let with_more = format!("{}: at Secret.Stack() AccountKey=abc", error.code());
        assert_eq!(failed(Some(&with_more)).await, expected);
    }
}

#[tokio::test]
async fn any_other_failure_is_internal_and_shows_nothing() {
    let internal = r#"{"code":"Internal","message":"The job failed with an internal error."}"#;
    for output in [
        None,
        Some(""),
        Some("TableNotFound"),
        Some("ActivityPanicked: index out of bounds at src/secret.rs:7"),
        Some(
            r#"{"message":"Function 'x' failed with an unhandled exception.","details":"   at Secret.Stack()"}"#,
        ),
        Some(r#""TableNotFound: quoted""#),
    ] {
        assert_eq!(failed(output).await, internal, "{output:?}");
    }
}

#[tokio::test]
async fn a_job_that_its_host_failed_for_good_says_so_and_asks_for_a_new_submission() {
    let expected = r#"{"code":"HostFailure","message":"The host lost its work on the job. Submit the job again."}"#;
    for output in [
        r#"{"message":"Function 'process-submission' failed with an unhandled exception.","details":"Microsoft.Azure.WebJobs.Host.FunctionInvocationException: Exception while executing function: Functions.process-submission\n ---> System.Net.Http.HttpRequestException: An error occurred while sending the request.\n ---> System.Net.Http.HttpIOException: The response ended prematurely. (ResponseEnded)\n   at Secret.Stack()"}"#,
        "Microsoft.Azure.WebJobs.Host.FunctionInvocationException: Exception while executing function: Functions.query-activity",
    ] {
        assert_eq!(failed(Some(output)).await, expected);
    }
}

#[tokio::test]
async fn an_activity_that_reached_the_function_timeout_took_too_long() {
    let expected =
        r#"{"code":"ScanTimeout","message":"The query took too long. Ask for fewer days."}"#;
    for output in [
        "ActivityTimeout: 'query-activity' did not end within 00:09:59 of functionTimeout 00:10:00",
        "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException: Timeout value of 00:10:00 was exceeded by function: Functions.query-activity",
    ] {
        assert_eq!(failed(Some(output)).await, expected);
    }
}

#[tokio::test]
async fn not_found_has_its_exact_text() {
    let (parts, body) = ApiRequest::refused(ApiError::job_not_found()).into_parts();
    assert_eq!(parts.status, 404);
    assert_eq!(parts.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        body.collect().await.unwrap().to_bytes(),
        r#"{"error":"Job not found"}"#
    );
}
