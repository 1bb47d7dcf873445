use super::*;
use axum::http::HeaderMap;
use axum::http::header;
use http_body_util::BodyExt;

const JSON: Option<&[u8]> = Some(b"application/json");

fn range(start: &str, end: &str) -> Result<DateRange, Refusal> {
    let day = |text| crate::dates::Day::parse(text).unwrap();
    Ok(DateRange::new(day(start), day(end)).unwrap())
}

fn check(
    method: &Method,
    kind: Option<&str>,
    query: &str,
    content_type: Option<&'static [u8]>,
    body: &[u8],
    max_span_days: u32,
) -> Result<DateRange, Refusal> {
    let url = format!("http://localhost/api/submit?{query}");
    let content_type = content_type.map(|text| str::from_utf8(text).unwrap());
    let headers: Vec<_> = content_type
        .map(|text| ("content-type", text))
        .into_iter()
        .collect();
    let max_span_days = max_span_days.to_string();
    let settings = [("MaxSpanDays", max_span_days.as_str())];
    let request = ApiRequest::for_test(method.clone(), &url, 1, &headers, &settings);
    super::check(&request, kind, body)
}

fn query(query: &str) -> Result<DateRange, Refusal> {
    check(&Method::GET, Some("query"), query, None, b"", 366)
}

fn post(body: &str) -> Result<DateRange, Refusal> {
    check(&Method::POST, None, "", JSON, body.as_bytes(), 366)
}

async fn answer(response: Response) -> (u16, String, HeaderMap) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        String::from_utf8(body.to_vec()).unwrap(),
        parts.headers,
    )
}

async fn refused(refusal: Result<DateRange, Refusal>) -> (u16, String) {
    let (status, body, headers) = answer(ApiRequest::refused(refusal.unwrap_err().into())).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    (status, body)
}

#[tokio::test]
async fn errors_come_in_order_and_with_their_exact_texts() {
    for (start, end, expected) in [
        ("", "", "Empty start date."),
        ("", "nonsense", "Empty start date."),
        ("nonsense", "", "Invalid start date format."),
        ("03-02-2021", "nonsense", "Invalid start date format."),
        ("2021-02-29", "2021-03-01", "Invalid start date format."),
        ("2021-02-03", "", "Empty end date."),
        ("2021-02-03", "nonsense", "Invalid end date format."),
        ("2021-02-03", "2021-02-30", "Invalid end date format."),
        ("2021-02-03", "2021-02-02", "Invalid date range."),
    ] {
        let body = format!(r#"{{"error":"{expected}"}}"#);
        assert_eq!(
            refused(query(&format!("s={start}&e={end}"))).await,
            (400, body.clone())
        );
        let json = format!(r#"{{"start":"{start}","end":"{end}"}}"#);
        assert_eq!(refused(post(&json)).await, (400, body), "{json}");
    }
}

#[tokio::test]
async fn a_bound_that_is_absent_is_empty() {
    for (asked, expected) in [
        ("", "Empty start date."),
        ("e=2021-01-01", "Empty start date."),
        ("s=2021-01-01", "Empty end date."),
    ] {
        assert_eq!(
            refused(query(asked)).await.1,
            format!(r#"{{"error":"{expected}"}}"#)
        );
    }
    for (body, expected) in [
        ("{}", "Empty start date."),
        (r#"{"start":null,"end":"2021-01-01"}"#, "Empty start date."),
        (r#"{"start":"2021-01-01"}"#, "Empty end date."),
        (
            r#"{"start":20210101,"end":"2021-01-01"}"#,
            "Invalid start date format.",
        ),
        (
            r#"{"start":"2021-01-01","end":["2021-01-01"]}"#,
            "Invalid end date format.",
        ),
    ] {
        assert_eq!(
            refused(post(body)).await.1,
            format!(r#"{{"error":"{expected}"}}"#)
        );
    }
}

#[test]
fn both_forms_give_the_range_with_both_bounds() {
    assert_eq!(
        query("s=2021-01-01&e=2021-01-31"),
        range("2021-01-01", "2021-01-31")
    );
    assert_eq!(
        query("code=key&e=2021-01-31&s=2021%2D01-01"),
        range("2021-01-01", "2021-01-31")
    );
    assert_eq!(
        post(r#"{"start":"2021-01-01","end":"2021-01-31"}"#),
        range("2021-01-01", "2021-01-31")
    );
    assert_eq!(
        post(r#" { "end" : "2021-01-01" , "start" : "2021-01-01" } "#),
        range("2021-01-01", "2021-01-01")
    );
    let posted = check(
        &Method::POST,
        Some("QUERY"),
        "s=2021-01-01&e=2021-01-02",
        JSON,
        b"ignored",
        366,
    );
    assert_eq!(posted, range("2021-01-01", "2021-01-02"));
}

#[tokio::test]
async fn the_longest_range_is_the_limit() {
    let spanning = |end: &str| {
        check(
            &Method::GET,
            Some("query"),
            &format!("s=2021-01-01&e={end}"),
            None,
            b"",
            31,
        )
    };
    assert_eq!(spanning("2021-01-31"), range("2021-01-01", "2021-01-31"));
    let body = r#"{"error":"Invalid date range.","maxSpanDays":31}"#.to_owned();
    assert_eq!(refused(spanning("2021-02-01")).await, (400, body));
}

#[tokio::test]
async fn a_parameter_given_twice_is_not_guessed_at() {
    let twice = query("s=2021-01-01&s=2021-01-02&e=2021-01-31");
    assert_eq!(
        refused(twice).await.1,
        r#"{"error":"Invalid start date format."}"#
    );
    let twice = post(r#"{"start":"2021-01-01","start":"2021-01-02","end":"2021-01-31"}"#);
    assert_eq!(
        refused(twice).await,
        (
            400,
            r#"{"error":"The member start is in the request body twice."}"#.to_owned()
        )
    );
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused_with_what_is_expected() {
    let expected = r#"Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}."#;
    for (body, text) in [
        ("", format!("The request body is empty. {expected}")),
        (" \n", format!("The request body is empty. {expected}")),
        (
            "null",
            format!("The request body must be a JSON object. {expected}"),
        ),
        (
            r#""2021-01-01""#,
            format!("The request body must be a JSON object. {expected}"),
        ),
        (
            "[1,{}]",
            format!("The request body must be a JSON object. {expected}"),
        ),
        (
            "17",
            format!("The request body must be a JSON object. {expected}"),
        ),
        (
            "{",
            "The request body is not valid JSON (line 1, column 1).".to_owned(),
        ),
        (
            "{\n\"start\":}",
            "The request body is not valid JSON (line 2, column 9).".to_owned(),
        ),
        (
            "{} x",
            "The request body is not valid JSON (line 1, column 4).".to_owned(),
        ),
        (
            "s=2021-01-01",
            "The request body is not valid JSON (line 1, column 1).".to_owned(),
        ),
        (
            r#"{"start":"2021-01-01","end":"2021-01-31","day\"first":true}"#,
            r#"Unknown member day\"first in the request body. The members are start and end."#
                .to_owned(),
        ),
    ] {
        let (status, answer) = refused(post(body)).await;
        assert_eq!(
            (status, answer),
            (400, format!(r#"{{"error":"{text}"}}"#)),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn a_body_is_read_no_further_than_to_the_first_unknown_member() {
    let unknown = |name: &str| {
        format!(
            r#"{{"error":"Unknown member {name} in the request body. The members are start and end."}}"#
        )
    };
    // What follows is not even JSON.
    let body = r#"{"start":"2021-01-01","k1":1,"k2"#;
    assert_eq!(refused(post(body)).await, (400, unknown("k1")));
    let name = "n".repeat(100);
    let body = format!(r#"{{"{name}":["#);
    assert_eq!(refused(post(&body)).await, (400, unknown(&name[..64])));
    let body = r#"{"k1":1,"start":"a","start":"b"}"#;
    assert_eq!(refused(post(body)).await, (400, unknown("k1")));
    let body = r#"{"start":"a","start":"b","k"#;
    let twice = r#"{"error":"The member start is in the request body twice."}"#.to_owned();
    assert_eq!(refused(post(body)).await, (400, twice));
}

#[tokio::test]
async fn a_body_beyond_64_kib_is_refused_with_413_whatever_is_in_it() {
    let padded = |bytes: usize| {
        let json = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
        format!("{json}{}", " ".repeat(bytes - json.len()))
    };
    assert!(post(&padded(65_536)).is_ok());
    let error = r#"{"error":"The request body is too large. The most are 65536 bytes."}"#;
    assert_eq!(
        refused(post(&padded(65_537))).await,
        (413, error.to_owned())
    );
    let query = check(
        &Method::POST,
        Some("query"),
        "s=2021-01-01&e=2021-01-31",
        None,
        padded(65_537).as_bytes(),
        366,
    );
    assert_eq!(refused(query).await.0, 413);
}

#[tokio::test]
async fn only_json_is_accepted_as_a_body() {
    let body = br#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let sent_as = |content_type| check(&Method::POST, None, "", content_type, body, 366);
    for accepted in [
        None,
        JSON,
        Some(&b"Application/JSON; charset=utf-8"[..]),
        Some(b"application/merge-patch+json"),
    ] {
        assert_eq!(sent_as(accepted), range("2021-01-01", "2021-01-31"));
    }
    for other in [
        &b"text/plain"[..],
        b"application/x-www-form-urlencoded",
        b"application/jsonp",
        b"",
    ] {
        assert_eq!(
            refused(sent_as(Some(other))).await,
            (415, r#"{"error":"The request body must be JSON: send Content-Type: application/json."}"#.to_owned())
        );
    }
}

#[tokio::test]
async fn unknown_kinds_and_methods_have_answers_of_their_own() {
    let kind = check(
        &Method::POST,
        Some("purge"),
        "s=2021-01-01&e=2021-01-01",
        JSON,
        b"{}",
        366,
    );
    assert_eq!(
        refused(kind).await,
        (
            404,
            r#"{"error":"Unknown kind of submission. The known kind is query."}"#.to_owned()
        )
    );
    let method = check(
        &Method::GET,
        None,
        "s=2021-01-01&e=2021-01-01",
        None,
        b"",
        366,
    );
    let (status, body, headers) = answer(ApiRequest::refused(method.unwrap_err().into())).await;
    assert_eq!(
        (status, body.as_str()),
        (
            405,
            r#"{"error":"Method not allowed. Use POST with a JSON body."}"#
        )
    );
    assert_eq!(headers[header::ALLOW], "POST");
}

#[tokio::test]
async fn an_accepted_job_is_answered_with_where_and_when_to_look() {
    let url = "https://app.example/api/submit";
    let request = ApiRequest::for_test(Method::POST, url, 1, &[], &[]);
    let (status, body, headers) = answer(accepted(&request, "1a")).await;
    assert_eq!(status, 202);
    assert_eq!(
        body,
        r#"{"id":"1a","statusUri":"https://app.example/api/status/1a"}"#
    );
    assert_eq!(
        headers[header::LOCATION],
        "https://app.example/api/status/1a"
    );
    assert_eq!(
        headers["operation-location"],
        "https://app.example/api/operations/1a"
    );
    assert_eq!(headers[header::RETRY_AFTER], "5");
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
}

#[tokio::test]
async fn a_profile_answers_as_the_published_api() {
    let url = "https://app.example/api/submit";
    for (profile, status, body, content_type, retry_after) in [
        (
            "date-range-query",
            200,
            r#"{"statusUri":"https://app.example/api/status/1a"}"#,
            "application/json",
            "5",
        ),
        (
            "call-for-speakers",
            202,
            "Your submission has been received. To get the status, go to: https://app.example/api/status/1a",
            "text/plain; charset=utf-8",
            "20",
        ),
        (
            "api-management",
            202,
            r#"{"id":"1a","statusUri":"https://app.example/api/status/1a"}"#,
            "application/json",
            "5",
        ),
    ] {
        let settings = [("CompatProfile", profile)];
        let request = ApiRequest::for_test(Method::POST, url, 1, &[], &settings);
        let (was, text, headers) = answer(accepted(&request, "1a")).await;
        assert_eq!((was, text.as_str()), (status, body));
        assert_eq!(headers[header::CONTENT_TYPE], content_type);
        assert_eq!(headers[header::RETRY_AFTER], retry_after);
        let location = "https://app.example/api/status/1a";
        assert_eq!(headers[header::LOCATION], location);
    }
}

#[tokio::test]
async fn the_date_range_profile_reads_the_day_first_and_wants_a_whole_day() {
    let check = |query: &str| {
        let url = format!("http://localhost/api/submit/query?{query}");
        let settings = [("CompatProfile", "date-range-query")];
        let request = ApiRequest::for_test(Method::GET, &url, 2, &[], &settings);
        super::check(&request, Some("query"), b"")
    };
    assert_eq!(
        check("s=30/01/2021&e=31-01-2021"),
        range("2021-01-30", "2021-01-31")
    );
    for same in ["2021-01-31", "31-01-2021"] {
        let refused = refused(check(&format!("s={same}&e={same}"))).await;
        assert_eq!(refused, (400, r#"{"error":"Invalid date range."}"#.into()));
    }
    let refused = refused(check("s=03-02-2021&e=31-03-2021")).await;
    assert!(refused.1.contains("Ambiguous start date"), "{refused:?}");
}
