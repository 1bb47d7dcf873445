use super::*;
use crate::test_api;
use std::time::SystemTime;

use axum::http::Method;
use http_body_util::BodyExt;

const STATES: [(RuntimeStatus, u16); 8] = [
    (RuntimeStatus::Pending, 202),
    (RuntimeStatus::Running, 202),
    (RuntimeStatus::Suspended, 202),
    (RuntimeStatus::ContinuedAsNew, 202),
    (RuntimeStatus::Completed, 200),
    (RuntimeStatus::Failed, 200),
    (RuntimeStatus::Terminated, 200),
    (RuntimeStatus::Canceled, 200),
];

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn request(query: &str, accept: Option<&'static str>, settings: &[(&str, &str)]) -> ApiRequest {
    let url = format!("https://app.example/api/status/1a{query}");
    let accept = accept.map(|accept| ("accept", accept));
    test_api::request(Method::GET, &url, 2, accept.as_slice(), settings)
}

fn job(status: RuntimeStatus, output: Option<&str>) -> Job {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_616_161_616);
    Job {
        id: "1a".to_owned(),
        status,
        output: output.map(str::to_owned),
        custom_status: Some(r#"{"stage":"querying"}"#.to_owned()),
        created,
        last_updated: created + Duration::from_secs(1),
    }
}

fn answered(request: &ApiRequest, job: Job) -> Response {
    let answer = StatusAnswer::of(request).unwrap();
    answer.response(request, job, Duration::from_secs(5))
}

async fn body(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn the_parameter_comes_first_and_the_page_is_for_apps_that_have_it() {
    let none = None;
    for (query, view, accept, expected) in [
        ("", none, None, View::Job),
        ("", none, Some("*/*"), View::Job),
        ("", none, Some(BROWSER), View::Html),
        ("", none, Some("application/json, text/html"), View::Job),
        (
            "",
            none,
            Some("text/html;q=0.5, application/json"),
            View::Job,
        ),
        ("?view=job", none, Some(BROWSER), View::Job),
        ("?VIEW=minimal", none, None, View::Minimal),
        ("?view=text", Some("id-status-result"), None, View::Text),
        ("?view=job", Some("minimal"), None, View::Job),
        ("", Some("text"), Some(BROWSER), View::Text),
        ("", Some("id-status-result"), None, View::IdStatusResult),
        ("", Some("minimal"), None, View::Minimal),
    ] {
        let view = view.map(|view| ("View", view));
        let request = request(query, accept, view.as_slice());
        assert_eq!(
            View::of(&request),
            Ok(expected),
            "{query} {view:?} {accept:?}"
        );
    }
}

#[test]
fn an_app_whose_default_is_text_can_have_the_page_for_browsers() {
    for (accept, expected) in [
        (None, View::Text),
        (Some("*/*"), View::Text),
        (Some("text/plain, text/html"), View::Text),
        (Some("text/*"), View::Text),
        (Some("application/json"), View::Text),
        (Some(BROWSER), View::Html),
    ] {
        let settings = [("View", "text"), ("PageForBrowsers", "true")];
        let request = request("", accept, &settings);
        assert_eq!(View::of(&request), Ok(expected), "{accept:?}");
    }
}

#[test]
fn an_unknown_view_is_refused_with_those_that_exist() {
    for query in ["?view=full", "?view=", "?view=Job", "?view=html"] {
        let error = View::of(&request(query, None, &[])).unwrap_err();
        let text = format!("{error:?}");
        assert!(
            text.contains("The known views are job, minimal and text."),
            "{text}"
        );
    }
}

#[test]
fn every_state_has_its_code_in_every_view() {
    for (state, code) in STATES {
        for query in ["?view=job", "?view=minimal", "?view=text"] {
            let response = answered(&request(query, None, &[]), job(state, None));
            assert_eq!(response.status(), code, "{state:?} {query}");
            let headers = response.headers();
            let running = code == 202;
            assert_eq!(headers.contains_key(header::LOCATION), running, "{state:?}");
            assert_eq!(
                headers.contains_key(header::RETRY_AFTER),
                running,
                "{state:?}"
            );
        }
        let page = answered(&request("", Some(BROWSER), &[]), job(state, None));
        assert_eq!(page.status(), code, "{state:?}");
        let view = [("View", "id-status-result")];
        let response = answered(&request("", None, &view), job(state, None));
        assert_eq!(response.status(), 200, "{state:?}");
        assert_eq!(response.headers().get(header::LOCATION), None);
        let retry_after = response.headers().contains_key(header::RETRY_AFTER);
        assert_eq!(retry_after, code == 202, "{state:?}");
    }
}

#[test]
fn a_failed_job_is_500_only_by_wish_and_then_has_a_code() {
    for (query, setting, code) in [
        ("", "false", 200),
        ("", "true", 500),
        ("?returnInternalServerErrorOnFailure=true", "false", 500),
        ("?RETURNINTERNALSERVERERRORONFAILURE=True", "false", 500),
        ("?returnInternalServerErrorOnFailure=false", "true", 200),
    ] {
        let request = request(query, None, &[("FailedJobIs500", setting)]);
        for (state, otherwise) in STATES {
            let response = answered(&request, job(state, None));
            let failed = state == RuntimeStatus::Failed;
            let expected = if failed { code } else { otherwise };
            assert_eq!(response.status(), expected, "{query} {setting} {state:?}");
            let error_code = response.headers().get(ERROR_CODE);
            assert_eq!(error_code.is_some(), expected == 500, "{query} {state:?}");
        }
    }
    let request = request("?returnInternalServerErrorOnFailure=1", None, &[]);
    assert!(StatusAnswer::of(&request).is_err());
}

#[tokio::test]
async fn the_minimal_view_has_five_members_and_no_result() {
    let request = request("?view=minimal", None, &[]);
    let response = answered(&request, job(RuntimeStatus::Completed, Some("119")));
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        body(response).await,
        r#"{"instanceId":"1a","runtimeStatus":"Completed","customStatus":{"stage":"querying"},"createdTime":"2021-03-19T13:46:56Z","lastUpdatedTime":"2021-03-19T13:46:57Z"}"#
    );
    let failed = answered(
        &request,
        job(RuntimeStatus::Failed, Some("at Secret.Stack()")),
    );
    assert!(!body(failed).await.contains("error"));
}

#[tokio::test]
async fn the_text_view_is_plain_text() {
    let request = request("?view=text", None, &[]);
    let response = answered(&request, job(RuntimeStatus::Running, None));
    let content_type = &response.headers()[header::CONTENT_TYPE];
    assert_eq!(content_type, "text/plain; charset=utf-8");
    assert_eq!(
        body(response).await,
        "Your submission is being processed. The current status is querying. To check the status later, go to: GET https://app.example/api/status/1a"
    );
}

#[tokio::test]
async fn a_failure_in_the_view_id_status_result_is_our_text() {
    let request = request("", None, &[("View", "id-status-result")]);
    for (state, output, expected) in [
        (RuntimeStatus::Running, None, r#""Running","result":null"#),
        (
            RuntimeStatus::Completed,
            Some("119"),
            r#""Completed","result":119"#,
        ),
        (
            RuntimeStatus::Failed,
            Some("at Secret.Stack()"),
            r#""Failed","result":"The job failed with an internal error.""#,
        ),
        (
            RuntimeStatus::Terminated,
            Some("a reason"),
            r#""Terminated","result":null"#,
        ),
    ] {
        let body = body(answered(&request, job(state, output))).await;
        assert_eq!(body, format!(r#"{{"id":"1a","status":{expected}}}"#));
    }
}
