use axum::http::Method;
use base64::{Engine, prelude::BASE64_STANDARD};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::*;
use crate::test_api;

const URL: &str = "http://localhost:7071/api/status/1a";
const QUERYING: &str = r#"{"stage":"querying","completed":12,"total":31,"percent":38,"rows":48211,"eta":"2021-03-19T13:48:26Z"}"#;
const DONE: &str =
    r#"{"stage":"done","completed":31,"total":31,"percent":100,"rows":200000,"eta":null}"#;
const ATTACK: &str = r#"<script>alert(1)</script><img src='x' onerror="alert(1)">&amp;"#;

fn record(status: RuntimeStatus, output: Option<&str>, custom_status: Option<&str>) -> Job {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_616_161_616);
    Job {
        id: "1a".to_owned(),
        status,
        output: output.map(str::to_owned),
        custom_status: custom_status.map(str::to_owned),
        created,
        last_updated: created + Duration::from_secs(72),
    }
}

/// The page 15 seconds after the submission.
fn page(job: &Job) -> String {
    let request = test_api::request(Method::GET, URL, 2, &[], &[]);
    page_with(job, request.api().details(job))
}

fn page_with(job: &Job, details: Details) -> String {
    let request = test_api::request(Method::GET, URL, 2, &[], &[]);
    JobPage {
        job,
        details,
        error_of: request.api().error_of(),
        address: "https://jobs.example/api/status/1a",
        refresh: Refresh {
            every: 5,
            off: false,
            switch: Some("?refresh=off"),
        },
        now: job.created + Duration::from_secs(15),
    }
    .to_string()
}

fn assert_contains(page: &str, parts: &[&str]) {
    let (_, body) = page.split_once("</style>").unwrap();
    for part in parts {
        assert!(page.contains(part), "no {part} in {body}");
    }
}

fn answered(job: &Job, url: &str) -> Response {
    let request = test_api::request(Method::GET, url, 2, &[], &[]);
    super::job(&request, job, Duration::from_secs(5))
}

#[test]
fn a_running_job_shows_its_progress_its_stage_and_its_times() {
    let job = record(RuntimeStatus::Running, None, Some(QUERYING));
    assert_contains(
        &page(&job),
        &[
            "<title>38 % · Running · Job 1a</title>",
            "<h1>Running</h1>",
            r#"<progress max="100" value="38" aria-label="Progress">"#,
            "<p>Reading the table</p>",
            "12 of 31 days",
            "<dt>Rows read</dt><dd>48,211</dd>",
            "<dt>Time so far</dt><dd>15 s</dd>",
            "<dt>Time left, estimated</dt><dd>1 min 15 s</dd>",
            r#"<time datetime="2021-03-19T13:46:56Z">19 March 2021, 13:46:56 UTC</time>"#,
            "<code>https://jobs.example/api/status/1a</code>",
            r#"refreshes itself every 5 seconds. <a href="?refresh=off">"#,
        ],
    );
}

#[test]
fn an_ended_job_shows_its_result_or_its_error_and_no_bar() {
    let completed = record(RuntimeStatus::Completed, Some("1234567"), Some(DONE));
    let failure = "TableNotFound: at Secret.Stack()";
    let failed = record(RuntimeStatus::Failed, Some(failure), Some(QUERYING));
    let stopped = record(RuntimeStatus::Terminated, Some("a reason"), Some(QUERYING));
    for (job, parts) in [
        (
            completed,
            [
                "<title>Completed · Job 1a</title>",
                r#"<data value="1234567">1,234,567</data>"#,
                "<dt>Duration</dt><dd>1 min 12 s</dd>",
            ],
        ),
        (
            failed,
            [
                "<title>Failed · Job 1a</title>",
                "<p>The table does not exist.</p>",
                "<p><code>TableNotFound</code></p>",
            ],
        ),
        (
            stopped,
            [
                "<title>Canceled · Job 1a</title>",
                "<h1>Canceled</h1>",
                "<dd>12 of 31</dd>",
            ],
        ),
    ] {
        let page = page(&job);
        assert_contains(&page, &parts);
        for absent in ["<progress", "refreshes itself", "Secret", "a reason"] {
            assert!(!page.contains(absent), "{absent} in {page}");
        }
    }
}

#[test]
fn a_result_that_is_no_number_is_shown_as_text() {
    for (output, expected) in [
        (r#""Approved""#, "<p>Approved</p>"),
        ("no JSON <", "<p>no JSON &lt;</p>"),
        (r#"{"a":[1]}"#, "&quot;a&quot;: ["),
        ("-1234", r#"<data value="-1234">-1,234</data>"#),
        ("0.125", r#"<data value="0.125">0.125</data>"#),
    ] {
        let job = record(RuntimeStatus::Completed, Some(output), None);
        assert_contains(&page(&job), &[expected]);
    }
}

#[test]
fn an_app_says_stage_and_result_in_its_own_words() {
    let details = Details {
        stage: Some("Rejected: <no talk>".to_owned()),
        result: Some("Not accepted & closed".to_owned()),
        ..Details::default()
    };
    let custom = r#"{"stage":"Rejected","reason":"<no talk>"}"#;
    let job = record(RuntimeStatus::Completed, Some("false"), Some(custom));
    let page = page_with(&job, details);
    let stage = "<p>Rejected: &lt;no talk&gt;</p>";
    assert_contains(&page, &[stage, "<p>Not accepted &amp; closed</p>"]);
    assert!(!page.contains("false</pre>"), "{page}");
}

#[test]
fn a_text_with_html_in_it_is_shown_as_text() {
    let custom_status = Value::from(ATTACK).to_string();
    let mut running = record(RuntimeStatus::Running, None, Some(&custom_status));
    running.id = ATTACK.to_owned();
    let result = format!(r#"{{"a":{custom_status}}}"#);
    let pages = [
        page(&running),
        page(&record(RuntimeStatus::Running, None, Some(ATTACK))),
        page(&record(RuntimeStatus::Completed, Some(&result), None)),
        page(&record(
            RuntimeStatus::Completed,
            Some(&custom_status),
            None,
        )),
        page(&record(
            RuntimeStatus::Completed,
            Some(ATTACK),
            Some(ATTACK),
        )),
        ErrorPage {
            status: StatusCode::BAD_REQUEST,
            code: ATTACK,
            message: ATTACK,
            refresh: None,
        }
        .to_string(),
    ];
    for page in pages {
        assert_contains(
            &page,
            &["&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src="],
        );
        for tag in ["<script", "<img", "onerror=\""] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }
}

#[test]
fn only_the_page_of_a_running_job_asks_for_itself_again() {
    for (status, url, expected) in [
        (RuntimeStatus::Pending, URL, Some("5")),
        (RuntimeStatus::Running, URL, Some("5")),
        (RuntimeStatus::Suspended, URL, Some("5")),
        (RuntimeStatus::Completed, URL, None),
        (RuntimeStatus::Failed, URL, None),
        (RuntimeStatus::Terminated, URL, None),
        (RuntimeStatus::Running, &format!("{URL}?refresh=off"), None),
    ] {
        let answer = answered(&record(status, None, None), url);
        let refresh = answer.headers().get(REFRESH);
        assert_eq!(
            refresh.map(|value| value.to_str().unwrap()),
            expected,
            "{status:?} {url}"
        );
    }
}

#[test]
fn a_reader_has_some_seconds_before_the_page_is_replaced() {
    let request = test_api::request(Method::GET, URL, 2, &[], &[]);
    let job = record(RuntimeStatus::Running, None, None);
    let answer = super::job(&request, &job, Duration::from_millis(400));
    assert_eq!(answer.headers()[REFRESH], "3");
}

#[test]
fn the_link_that_switches_the_refresh_never_holds_or_drops_a_parameter_of_others() {
    for (query, off, expected) in [
        ("", false, Some("?refresh=off")),
        ("refresh=off", true, Some("?refresh=on")),
        ("Refresh=on", false, Some("?refresh=off")),
        ("code=secret", false, None),
        ("refresh=off&subscription-key=secret", true, None),
    ] {
        assert_eq!(switch(query, off), expected, "{query}");
    }
}

#[test]
fn a_page_runs_nothing_loads_nothing_and_is_not_kept() {
    let job = record(RuntimeStatus::Running, None, None);
    let error = super::error(StatusCode::NOT_FOUND, "JobNotFound", "Job not found", None);
    for answer in [answered(&job, URL), error] {
        let headers = answer.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            CONTENT_SECURITY_POLICY
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}

#[test]
fn the_policy_allows_the_style_sheet() {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let allowed = format!("style-src 'sha256-{hash}';");
    assert!(CONTENT_SECURITY_POLICY.contains(&allowed), "{allowed}");
}

#[tokio::test]
async fn an_error_has_its_status_its_text_and_its_code() {
    for (status, heading) in [
        (StatusCode::NOT_FOUND, "Not found"),
        (StatusCode::GONE, "Expired"),
        (StatusCode::BAD_REQUEST, "Not possible"),
        (StatusCode::SERVICE_UNAVAILABLE, "Not available"),
        (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
    ] {
        let answer = super::error(status, "SomeCode", "Some text.", Some(7));
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()[REFRESH], "7");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let heading = format!("<h1>{heading}</h1>");
        assert_contains(
            &body,
            &[&heading, "<p>Some text.</p>", "<code>SomeCode</code>"],
        );
    }
}

#[test]
fn a_duration_has_its_two_largest_units() {
    for (seconds, expected) in [
        (0, "under 1 s"),
        (59, "59 s"),
        (60, "1 min 0 s"),
        (3_725, "1 h 2 min"),
        (90_000, "1 d 1 h"),
    ] {
        assert_eq!(in_words(Duration::from_secs(seconds)), expected);
    }
}
