use super::*;

use axum::http::Method;
use http_body_util::BodyExt;

use crate::test_api;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn request(
    function: &'static str,
    query: &str,
    accept: Option<&'static str>,
    settings: &[(&str, &str)],
) -> ApiRequest {
    let url = format!("https://app.example/api/status/1a{query}");
    let accept = accept.map(|accept| ("accept", accept));
    let request = test_api::request(Method::GET, &url, 2, accept.as_slice(), settings);
    test_api::of_function(request, function)
}

fn form(function: &'static str, query: &str, accept: Option<&'static str>) -> ErrorForm {
    let request = request(function, query, accept, &[]);
    ErrorForm::of(&request, StatusCode::NOT_FOUND)
}

async fn sent(response: Response) -> (StatusCode, String, String, String) {
    let (parts, body) = response.into_parts();
    let text = |name: HeaderName| parts.headers[name].to_str().unwrap().to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status,
        text(header::CONTENT_TYPE),
        text(ERROR_CODE),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

fn too_many_days() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "InvalidDateRange",
        "Invalid date range.",
    )
    .with_member("maxSpanDays", 366)
}

#[test]
fn accept_names_the_form_and_weighs_it() {
    for (accept, expected) in [
        (None, ErrorForm::Text),
        (Some("*/*"), ErrorForm::Text),
        (Some("application/*"), ErrorForm::Text),
        (Some("application/json"), ErrorForm::Text),
        (Some("application/problem+json"), ErrorForm::Problem),
        (
            Some("application/json, application/problem+json"),
            ErrorForm::Problem,
        ),
        (
            Some("application/json, application/problem+json;q=0.5"),
            ErrorForm::Text,
        ),
        (
            Some("application/problem+json;q=0.5, */*;q=0.1"),
            ErrorForm::Problem,
        ),
        (Some("application/problem+json;q=0"), ErrorForm::Text),
        (Some("application/json;error=object"), ErrorForm::Object),
        (
            Some("application/json;error=object;q=0.4, application/json"),
            ErrorForm::Text,
        ),
        (
            Some("application/json;error=object, application/problem+json;q=0.9"),
            ErrorForm::Object,
        ),
        (Some("application/json;error=other"), ErrorForm::Text),
    ] {
        assert_eq!(form("submit", "", accept), expected, "{accept:?}");
    }
}

#[test]
fn the_route_decides_when_accept_does_not() {
    assert_eq!(form("get-operation", "", None), ErrorForm::Object);
    assert_eq!(form("GET-OPERATION", "", Some("*/*")), ErrorForm::Object);
    let problem = Some("application/problem+json");
    assert_eq!(form("get-operation", "", problem), ErrorForm::Problem);
    assert_eq!(form("get-status", "?view=text", None), ErrorForm::Plain);
    assert_eq!(
        form("get-status", "?view=text", problem),
        ErrorForm::Problem
    );
    assert_eq!(form("get-status", "?view=minimal", None), ErrorForm::Text);
    assert_eq!(form("get-status", "?view=none", None), ErrorForm::Text);
    assert_eq!(form("get-status", "", Some(BROWSER)), ErrorForm::Page);
    // Only the status has a page.
    assert_eq!(form("submit", "", Some(BROWSER)), ErrorForm::Text);
}

#[test]
fn only_an_unknown_job_is_plain_text_in_the_view_id_status_result() {
    let settings = [("View", "id-status-result")];
    let request = request("get-status", "", None, &settings);
    let of = |status| ErrorForm::of(&request, status);
    assert_eq!(of(StatusCode::NOT_FOUND), ErrorForm::Plain);
    assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE), ErrorForm::Text);
}

#[tokio::test]
async fn every_form_has_its_body_content_type_and_code() {
    for (form, content_type, body) in [
        (
            ErrorForm::Text,
            "application/json",
            r#"{"error":"Invalid date range.","maxSpanDays":366}"#,
        ),
        (
            ErrorForm::Problem,
            "application/problem+json",
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"Invalid date range.","instance":"urn:uuid:7c9e6679-7425-40de-944b-e07fc1f90ae7","code":"InvalidDateRange","maxSpanDays":366}"#,
        ),
        (
            ErrorForm::Object,
            "application/json",
            r#"{"error":{"code":"InvalidDateRange","message":"Invalid date range.","maxSpanDays":366}}"#,
        ),
        (
            ErrorForm::Plain,
            "text/plain; charset=utf-8",
            "Invalid date range.",
        ),
    ] {
        let instance = Some("urn:uuid:7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned());
        let response = too_many_days().in_form(form, instance);
        let (status, sent_type, code, sent_body) = sent(response).await;
        assert_eq!(status, 400);
        assert_eq!(sent_type, content_type);
        assert_eq!(code, "InvalidDateRange");
        assert_eq!(sent_body, body);
    }
    let page = too_many_days().in_form(ErrorForm::Page, None);
    let (status, content_type, code, body) = sent(page).await;
    assert_eq!((status.as_u16(), code.as_str()), (400, "InvalidDateRange"));
    assert_eq!(content_type, "text/html; charset=utf-8");
    assert!(body.contains("Invalid date range."), "{body}");
}

#[test]
fn the_headers_of_an_error_are_in_every_form() {
    for form in [
        ErrorForm::Text,
        ErrorForm::Problem,
        ErrorForm::Object,
        ErrorForm::Plain,
        ErrorForm::Page,
    ] {
        let response = ApiError::unavailable("Try again later.", 7).in_form(form, None);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7", "{form:?}");
        let types = response.headers().get_all(header::CONTENT_TYPE).iter();
        assert_eq!(types.count(), 1, "{form:?}");
    }
}

#[tokio::test]
async fn a_problem_without_an_invocation_has_no_instance() {
    let response = too_many_days().in_form(ErrorForm::Problem, None);
    assert!(!sent(response).await.3.contains("instance"));
}
