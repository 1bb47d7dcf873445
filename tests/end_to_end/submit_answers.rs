//! Every answer of submit to a request that it refuses or accepts.

use std::collections::BTreeSet;

use functions_handler::open_files;
use futures::future::join_all;
use reqwest::Method;

use super::support::{
    app_folder::{AppFolder, RETRY_AFTER},
    fake_table::{FakeTable, Step},
    host::Host,
    http::{Answer, JSON},
};

const EMPTY_START: &str = r#"{"error":"Empty start date."}"#;
const MALFORMED_START: &str = r#"{"error":"Invalid start date format."}"#;
const EMPTY_END: &str = r#"{"error":"Empty end date."}"#;
const MALFORMED_END: &str = r#"{"error":"Invalid end date format."}"#;
const INVALID_RANGE: &str = r#"{"error":"Invalid date range."}"#;
const TOO_LONG: &str = r#"{"error":"Invalid date range.","maxSpanDays":31}"#;

/// Both bounds, as in a query and in JSON, and the expected error. Checks run in this order: start empty, start
/// malformed, end empty, end malformed, range.
const REFUSED: [(&str, &str, &str); 22] = [
    ("", "", EMPTY_START),
    ("", "x", EMPTY_START),
    ("", "2021-01-31", EMPTY_START),
    ("x", "", MALFORMED_START),
    ("x", "y", MALFORMED_START),
    ("x", "2021-01-31", MALFORMED_START),
    // Day-first dates are never guessed.
    ("01-02-2021", "2021-01-31", MALFORMED_START),
    ("01/02/2021", "2021-01-31", MALFORMED_START),
    ("2021/01/01", "2021-01-31", MALFORMED_START),
    ("2021-1-1", "2021-01-31", MALFORMED_START),
    ("20210101", "2021-01-31", MALFORMED_START),
    ("2021-02-29", "2021-03-31", MALFORMED_START),
    ("2021-01-01T00:00:00", "2021-01-31", MALFORMED_START),
    ("2021-01-01 00:00:00Z", "2021-01-31", MALFORMED_START),
    ("2021-01-01' or '1' eq '1", "2021-01-31", MALFORMED_START),
    ("2021-01-01", "", EMPTY_END),
    ("2021-01-01", "x", MALFORMED_END),
    ("2021-01-01", "31-01-2021", MALFORMED_END),
    ("2021-01-01", "2021-02-30", MALFORMED_END),
    ("2021-01-02", "2021-01-01", INVALID_RANGE),
    ("2021-01-01", "2021-02-01", TOO_LONG),
    ("0001-01-01", "9999-12-31", TOO_LONG),
];

/// A host whose table has two distinct values, and whose jobs may cover 31 days.
async fn start() -> (Host, FakeTable) {
    let table = FakeTable::start(vec![Step::page(&["1", "2", "1"])]).await;
    let app = AppFolder::product(&table.connection_string()).setting("MaxSpanDays", "31");
    (app.start().await, table)
}

/// Asserts that no job was started.
fn assert_nothing_started(host: &Host, table: &FakeTable) {
    assert!(!host.log().contains("'Functions.process-submission'"));
    assert_eq!(table.connections(), 0);
}

#[tokio::test]
async fn row_01_02_07_09_a_range_is_refused_with_the_first_thing_that_is_wrong_with_it() {
    let (host, table) = start().await;
    let client = host.client();
    for (start, end, expected) in REFUSED {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("s", start).append_pair("e", end).finish();
        let target = format!("/api/submit/query?{query}");
        let json = serde_json::json!({ "start": start, "end": end }).to_string();
        for answer in [
            client.get(&target).await,
            client.send(Method::POST, &target, None, "").await,
            client.post("/api/submit", &json).await,
        ] {
            assert_eq!(answer.status, 400, "{start} {end}: {answer:?}");
            assert_eq!(answer.body, expected, "{start} {end}");
            assert_eq!(answer.header("Content-Type"), JSON);
            assert_eq!(answer.header("Location"), "");
        }
    }
    assert_nothing_started(&host, &table);
}

#[tokio::test]
async fn row_07_a_request_that_is_not_as_documented_is_refused_with_a_reason() {
    let (host, table) = start().await;
    let client = host.client();

    for (target, expected) in [
        ("/api/submit/query", EMPTY_START),
        ("/api/submit/query?s=", EMPTY_START),
        ("/api/submit/query?e=2021-01-31", EMPTY_START),
        ("/api/submit/query?s=2021-01-01", EMPTY_END),
        // Other parameter names, and parameters given twice.
        (
            "/api/submit/query?start=2021-01-01&end=2021-01-02",
            EMPTY_START,
        ),
        (
            "/api/submit/query?s=2021-01-01&s=2021-01-02&e=2021-01-03",
            MALFORMED_START,
        ),
    ] {
        let answer = client.get(target).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, expected),
            "{target}"
        );
    }

    for (body, expected) in [
        ("{}", EMPTY_START),
        (r#"{"start":null}"#, EMPTY_START),
        (r#"{"start":20210101,"end":"2021-01-31"}"#, MALFORMED_START),
        (r#"{"start":"2021-01-01"}"#, EMPTY_END),
        (
            r#"{"start":"2021-01-01","end":["2021-01-31"]}"#,
            MALFORMED_END,
        ),
        (
            r#"{"start":"2021-01-01","#,
            r#"{"error":"The request body is not valid JSON (line 1, column 22)."}"#,
        ),
        (
            "start=2021-01-01",
            r#"{"error":"The request body is not valid JSON (line 1, column 1)."}"#,
        ),
        (
            "",
            r#"{"error":"The request body is empty. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}."}"#,
        ),
        (
            r#"["2021-01-01","2021-01-31"]"#,
            r#"{"error":"The request body must be a JSON object. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}."}"#,
        ),
        (
            r#"{"start":"2021-01-01","end":"2021-01-31","table":"other"}"#,
            r#"{"error":"Unknown member table in the request body. The members are start and end."}"#,
        ),
        (
            r#"{"start":"2021-01-01","start":"2021-01-02","end":"2021-01-31"}"#,
            r#"{"error":"The member start is in the request body twice."}"#,
        ),
    ] {
        let answer = client.post("/api/submit", body).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, expected),
            "{body}"
        );
        assert_eq!(answer.header("Content-Type"), JSON);
    }

    let answer = client.get("/api/submit").await;
    assert_eq!((answer.status, answer.header("Allow")), (405, "POST"));
    assert_eq!(
        answer.body,
        r#"{"error":"Method not allowed. Use POST with a JSON body."}"#
    );

    let answer = client
        .get("/api/submit/report?s=2021-01-01&e=2021-01-31")
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.body,
        r#"{"error":"Unknown kind of submission. The known kind is query."}"#
    );
    assert_nothing_started(&host, &table);
}

#[tokio::test]
async fn row_08_ranges_of_one_day_and_of_the_longest_span_are_accepted() {
    let (host, _table) = start().await;
    let client = host.client();
    for (start, end) in [("2021-01-01", "2021-01-01"), ("2021-01-01", "2021-01-31")] {
        let (_, location) = client.submit(start, end).await;
        let answer = client.poll(&location).await;
        assert_eq!(answer.json()["result"], 2, "{answer:?}");
    }
    // `Query` and a slash at the end are the same route, and the address of the status does not depend on it.
    let answer = client
        .get("/api/submit/Query/?s=2021-01-01&e=2021-01-01")
        .await;
    client.accepted(&answer);
}

#[tokio::test]
async fn row_05_the_status_address_is_the_public_one_when_that_is_set() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::product(&table.connection_string())
        .setting("PublicBaseUrl", "https://api.example.com/jobs/")
        .start()
        .await;
    let answer = host
        .client()
        .get("/api/submit/query?s=2021-01-01&e=2021-01-01")
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let location = format!("https://api.example.com/jobs/status/{id}");
    assert_eq!(answer.header("Location"), location);
    assert_eq!(answer.json()["statusUri"], location);
}

#[tokio::test]
async fn row_01_02_04_05_06_an_accepted_job_is_answered_with_where_and_when_to_look() {
    let (host, _table) = start().await;
    let client = host.client();
    let query = "/api/submit/query?s=2021-01-01&e=2021-01-31";
    let json = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    for answer in [
        client.post("/api/submit", json).await,
        client.send(Method::POST, query, None, "").await,
        client.get(query).await,
    ] {
        // With the whole body, `Location` and `Retry-After`.
        let (id, location) = client.accepted(&answer);
        let operation = client.url(&format!("/api/operations/{id}"));
        assert_eq!(answer.header("Operation-Location"), operation);
        let answer = client.poll(&location).await;
        assert_eq!(answer.json()["result"], 2, "{answer:?}");
    }
}

#[tokio::test]
async fn row_02_get_starts_no_job_when_that_is_switched_off() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let app = AppFolder::product(&table.connection_string()).setting("SubmitByGet", "false");
    let host = app.start().await;
    let query = "/api/submit/query?s=2021-01-01&e=2021-01-31";
    let answer = host.client().get(query).await;
    assert_eq!((answer.status, answer.header("Allow")), (405, "POST"));
    assert_eq!(answer.body, r#"{"error":"Method not allowed. Use POST."}"#);
    assert_nothing_started(&host, &table);
    let answer = host.client().send(Method::POST, query, None, "").await;
    host.client().accepted(&answer);
}

#[tokio::test]
async fn row_08_an_instant_is_the_day_on_which_it_falls_in_utc() {
    let (host, table) = start().await;
    let json = r#"{"start":"2021-02-01T00:30:00+02:00","end":"2021-02-03T23:00:00-02:00"}"#;
    let answer = host.client().post("/api/submit", json).await;
    let (_, location) = host.client().accepted(&answer);
    host.client().poll(&location).await;
    let request = table.requests().join("\n");
    for day in ["2021-01-31", "2021-02-04"] {
        assert!(request.contains(day), "{request}");
    }
}

#[tokio::test]
async fn row_08_a_date_with_the_day_first_is_read_by_option_unless_it_is_ambiguous() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let app = AppFolder::product(&table.connection_string()).setting("DateFormat", "day-first");
    let host = app.start().await;
    let client = host.client();
    for (query, expected) in [
        (
            "s=03-02-2021&e=28-02-2021",
            r#"{"error":"Ambiguous start date: 03-02-2021 may be 3 February or 2 March. Send 2021-02-03 or 2021-03-02."}"#,
        ),
        (
            "s=28/01/2021&e=1/2/2021",
            r#"{"error":"Ambiguous end date: 1/2/2021 may be 1 February or 2 January. Send 2021-02-01 or 2021-01-02."}"#,
        ),
        ("s=01-31-2021&e=2021-02-01", MALFORMED_START),
    ] {
        let answer = client.get(&format!("/api/submit/query?{query}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, expected));
    }
    assert_nothing_started(&host, &table);
    let answer = client
        .get("/api/submit/query?s=28.01.2021&e=2021-02-03")
        .await;
    let (_, location) = client.accepted(&answer);
    client.poll(&location).await;
    let request = table.requests().join("\n");
    for day in ["2021-01-28", "2021-02-03"] {
        assert!(request.contains(day), "{request}");
    }
}

#[tokio::test]
async fn row_14_a_body_that_is_too_large_or_no_json_or_of_unknown_length_is_refused() {
    let (host, table) = start().await;
    let client = host.client();
    let query = "/api/submit/query?s=2021-01-01&e=2021-01-31";
    let json = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;

    let too_large = format!("{json}{}", " ".repeat(65_536));
    let answer = client.post("/api/submit", &too_large).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(
        answer.body,
        r#"{"error":"The request body is too large. The most are 65536 bytes."}"#
    );

    // What a form of any page can send.
    for form in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
    ] {
        for target in ["/api/submit", query] {
            let answer = client.send(Method::POST, target, Some(form), json).await;
            assert_eq!(answer.status, 415, "{answer:?}");
            assert_eq!(
                answer.body,
                r#"{"error":"The request body must be JSON: send Content-Type: application/json."}"#
            );
        }
    }
    let cross_site = [("Sec-Fetch-Site", "cross-site")];
    let answer = client.send_with(Method::POST, query, &cross_site, "").await;
    assert_eq!(answer.status, 403, "{answer:?}");

    let answer = client.post_chunked("/api/submit", json).await;
    assert_eq!(answer.status, 411, "{answer:?}");
    assert_nothing_started(&host, &table);
}

#[tokio::test]
async fn a2_1_row_04_79_the_date_range_profile_answers_with_200_and_the_status_uri_alone() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let app = AppFolder::product(&table.connection_string());
    let host = app
        .setting("CompatProfile", "date-range-query")
        .start()
        .await;
    let client = host.client();
    for (query, expected) in [
        ("", EMPTY_START),
        ("s=x", MALFORMED_START),
        ("s=2021-01-01", EMPTY_END),
        ("s=2021-01-01&e=x", MALFORMED_END),
        ("s=2021-01-01&e=2021-01-01", INVALID_RANGE),
        ("s=2021-01-02&e=2021-01-01", INVALID_RANGE),
        (
            "s=03-02-2021&e=2021-03-31",
            r#"{"error":"Ambiguous start date: 03-02-2021 may be 3 February or 2 March. Send 2021-02-03 or 2021-03-02."}"#,
        ),
    ] {
        let answer = client.get(&format!("/api/submit/query?{query}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, expected));
    }
    assert_nothing_started(&host, &table);

    let answer = client
        .get("/api/submit/query?s=30/01/2021&e=31-01-2021")
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let location = answer.header("Location").to_owned();
    assert_eq!(answer.body, format!(r#"{{"statusUri":"{location}"}}"#));
    assert_eq!(answer.header("Content-Type"), JSON);
    let completed = |answer: &Answer| answer.body.contains("Completed");
    client.poll_until(&location, completed).await;
    // A request for each day.
    assert_eq!(table.requests().len(), 2);
    let request = table.requests().join("\n");
    for day in ["2021-01-30", "2021-01-31"] {
        assert!(request.contains(day), "{request}");
    }
}

#[tokio::test]
async fn a1_1_row_04_06_79_the_call_for_speakers_profile_answers_with_a_sentence() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let app = AppFolder::product(&table.connection_string());
    let host = app
        .setting("CompatProfile", "call-for-speakers")
        .start()
        .await;
    let json = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let answer = host.client().post("/api/submit", json).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let location = answer.header("Location");
    assert!(location.starts_with(&host.client().url("/api/status/")));
    assert_eq!(
        answer.body,
        format!("Your submission has been received. To get the status, go to: {location}")
    );
    assert_eq!(answer.header("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("Retry-After"), "20");
}

/// Of many at once some are refused, and each of them says when to try again.
#[tokio::test]
async fn row_14_submissions_beyond_the_limit_in_flight_are_answered_with_429() {
    const AT_ONCE: usize = 200;
    open_files::raise_limit();
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let app = AppFolder::product(&table.connection_string()).setting("MaxSubmitsInFlight", "1");
    let host = app.start().await;
    let json = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let submissions = (0..AT_ONCE).map(|_| host.client().post("/api/submit", json));
    let (mut accepted, mut refused) = (BTreeSet::new(), 0);
    for answer in join_all(submissions).await {
        if answer.status == 429 {
            assert_eq!(answer.header("Retry-After"), RETRY_AFTER);
            assert_eq!(answer.header("x-ms-error-code"), "TooManySubmissions");
            refused += 1;
        } else {
            accepted.insert(host.client().accepted(&answer).0);
        }
    }
    assert!(!accepted.is_empty());
    assert!(refused > 0);
    // A refused one has started nothing, and the place is free again.
    let (last, _) = host.client().submit("2021-01-01", "2021-01-31").await;
    accepted.insert(last);
    for id in &accepted {
        host.logged(&format!("job started id=\"{id}\""), 1).await;
    }
    // The log has an event of an invocation more than once.
    let log = host.log();
    let started = log.split("job started id=\"").skip(1);
    let started: BTreeSet<_> = started.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(started, accepted.iter().map(String::as_str).collect());
}
