//! The answers of get-status that both apps share: forms by header, `ETag`, waiting, errors, withdrawal.
//!
//! In most tests people decide, so that a submission stays as it is until the test decides.

use reqwest::Method;
use serde_json::{Value, json};

use super::*;

/// The header `Accept` of a browser.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const A_WEEK: &str = "604800";

/// A host on which people decide, and a submission in its first stage: its id and the address of its status.
async fn in_moderation() -> (Host, String, String) {
    let app = by_people(A_WEEK).setting("RUST_LOG", "info,job_api=debug");
    let host = app.start().await;
    let (id, location) = submit(host.client(), APPROVED).await;
    in_stage(host.client(), &location, "Moderation").await;
    (host, id, location)
}

async fn decide(client: &Client, id: &str, decision: Value) {
    let target = format!("/api/submissions/{id}/decision");
    let answer = client.post(&target, &decision.to_string()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn rejection() -> Value {
    json!({ "stage": "Moderation", "approved": false, "reason": "It is no <talk>." })
}

#[tokio::test]
async fn a_browser_gets_the_page_and_every_other_client_the_sentence() {
    let (host, id, location) = in_moderation().await;
    let client = host.client();
    for accept in [
        "*/*",
        "text/plain",
        "application/json",
        "text/plain, text/html",
    ] {
        let answer = client.get_with(&location, &[("Accept", accept)]).await;
        assert_eq!(answer.body, running("Moderation", &location), "{accept}");
    }
    let page = client.get_with(&location, &[("Accept", BROWSER)]).await;
    assert_eq!(page.status, 202, "{page:?}");
    assert_eq!(page.header("Content-Type"), "text/html; charset=utf-8");
    assert!(
        page.header("Content-Security-Policy")
            .starts_with("default-src 'none'")
    );
    assert_eq!(page.header("Refresh"), "20");
    for part in ["<h1>Running</h1>", "<p>Moderation</p>", id.as_str()] {
        assert!(page.body.contains(part), "no {part} in {page:?}");
    }
    // The parameter wins over the header.
    let url = format!("{location}?view=text");
    let text = client.get_with(&url, &[("Accept", BROWSER)]).await;
    assert_eq!(text.body, running("Moderation", &location));

    decide(client, &id, rejection()).await;
    ended(client, &location).await;
    let page = client.get_with(&location, &[("Accept", BROWSER)]).await;
    assert_eq!((page.status, page.header("Refresh")), (200, ""));
    let outcome = "<p>The talk is not accepted.</p>";
    let reason = "<p>Rejected: It is no &lt;talk&gt;.</p>";
    for part in ["<h1>Completed</h1>", outcome, reason] {
        assert!(page.body.contains(part), "no {part} in {page:?}");
    }
    let unknown = client.url("/api/status/unknown");
    let page = client.get_with(&unknown, &[("Accept", BROWSER)]).await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("<h1>Not found</h1>"), "{page:?}");
}

#[tokio::test]
async fn a_client_that_has_the_state_gets_304_until_it_changes() {
    let (host, id, location) = in_moderation().await;
    let client = host.client();
    for view in ["text", "job", "minimal"] {
        let url = format!("{location}?view={view}");
        let first = client.get_with(&url, &[]).await;
        let tag = first.header("ETag");
        assert!(tag.starts_with('"'), "{first:?}");
        let same = client.get_with(&url, &[("If-None-Match", tag)]).await;
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{view}");
        assert_eq!(same.header("ETag"), tag);
        assert_eq!(same.header("Retry-After"), "20");
        assert_eq!(same.header("Location"), location);
    }
    let tag = client.status(&location).await.header("ETag").to_owned();
    decide(client, &id, rejection()).await;
    ended(client, &location).await;
    let changed = client.get_with(&location, &[("If-None-Match", &tag)]).await;
    assert_eq!((changed.status, changed.body), (200, not_accepted(&id)));
}

/// Asks with these headers, and returns when the answer is held back.
async fn held_back(
    host: &Host,
    url: String,
    header: Option<(&'static str, String)>,
) -> tokio::task::JoinHandle<Answer> {
    const HELD: &str = "the answer is held back";
    let before = host.log().matches(HELD).count();
    let client = host.client().clone();
    let answer = tokio::spawn(async move {
        let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
        client.get_with(&url, header.as_slice()).await
    });
    host.logged(HELD, before + 1).await;
    answer
}

#[tokio::test]
async fn a_client_that_waits_is_answered_at_the_end_or_at_the_next_change() {
    let (host, id, location) = in_moderation().await;
    let client = host.client();
    let tag = client.status(&location).await.header("ETag").to_owned();
    let prefer = ("Prefer", "wait=60".to_owned());
    let until_end = held_back(&host, location.clone(), Some(prefer)).await;
    let url = format!("{location}?wait=60&until=change");
    let until_change = held_back(&host, url, None).await;
    let known = ("If-None-Match", tag);
    let since_known = held_back(&host, format!("{location}?wait=60"), Some(known)).await;
    assert!(!until_end.is_finished() && !until_change.is_finished());

    let approval = json!({ "stage": "Moderation", "approved": true });
    decide(client, &id, approval).await;
    for answer in [until_change, since_known] {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.body, running("Shortlisting", &location));
        // The next request may follow at once.
        assert_eq!(answer.header("Retry-After"), "1");
    }
    assert!(!until_end.is_finished());
    let rejection = json!({ "stage": "Shortlisting", "approved": false });
    decide(client, &id, rejection).await;
    let answer = until_end.await.unwrap();
    assert_eq!(answer.header("Preference-Applied"), "wait=60");
    assert_eq!((answer.status, answer.body), (200, not_accepted(&id)));
}

#[tokio::test]
async fn the_wait_has_the_bound_of_the_setting() {
    let app = by_people(A_WEEK).setting("MaxWaitSeconds", "1");
    let host = app.start().await;
    let client = host.client();
    let (_, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Moderation").await;
    let wait = [("Prefer", "wait=600")];
    let answer = client.get_with(&location, &wait).await;
    assert_eq!(answer.body, running("Moderation", &location));
    assert_eq!(answer.header("Preference-Applied"), "wait=1");
    let answer = client.get_with(&format!("{location}?wait=soon"), &[]).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.header("x-ms-error-code"), "InvalidWait");
}

#[tokio::test]
async fn an_error_has_the_form_that_the_client_asks_for() {
    let host = by_rules().start().await;
    let client = host.client();
    let unknown = client.url("/api/status/unknown");
    let problem = [("Accept", "application/problem+json")];
    let answer = client.get_with(&unknown, &problem).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(
        answer
            .header("Content-Type")
            .starts_with("application/problem+json")
    );
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["code"]),
        (&404.into(), &"JobNotFound".into())
    );
    assert_eq!(body["title"], "Not Found");
    let instance = body["instance"].as_str().unwrap();
    assert!(instance.starts_with("urn:uuid:"), "{instance}");

    let object = [("Accept", "application/json;error=object")];
    let answer = client.get_with(&unknown, &object).await;
    let expected = json!({ "error": { "code": "JobNotFound", "message": not_found("unknown") } });
    assert_eq!(answer.json(), expected);

    let unknown_view = client.url("/api/status/unknown?view=raw");
    let answer = client.get_with(&unknown_view, &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        r#"{"error":"Unknown view. The known views are job, minimal and text."}"#
    );
}

#[tokio::test]
async fn a_submission_is_withdrawn_by_delete_and_no_stage_follows() {
    let (host, id, location) = in_moderation().await;
    let client = host.client();
    let withdrawn = format!("Your submission with id '{id}' has been cancelled.");
    // Again is the same.
    for _ in 0..2 {
        let answer = client.send_to(Method::DELETE, &location).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, &*withdrawn));
    }
    let status = client.status(&location).await;
    assert_eq!((status.status, status.body), (200, withdrawn));
    let job = client.status(&format!("{location}?view=job")).await.json();
    assert_eq!(
        (&job["status"], &job["result"]),
        (&"Terminated".into(), &Value::Null)
    );

    let target = format!("/api/submissions/{id}/decision");
    let late = client.post(&target, &rejection().to_string()).await;
    assert_eq!(late.status, 409, "{late:?}");
    assert_eq!(late.header("x-ms-error-code"), "SubmissionEnded");
    let nobody = client.url("/api/status/unknown");
    let unknown = client.send_to(Method::DELETE, &nobody).await;
    assert_eq!((unknown.status, unknown.body), (404, not_found("unknown")));
}

#[tokio::test]
async fn a_submission_that_has_ended_is_not_withdrawn() {
    let host = by_rules().start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    ended(client, &location).await;
    let answer = client.send_to(Method::DELETE, &location).await;
    assert_eq!(answer.header("x-ms-error-code"), "JobEnded");
    assert_eq!((answer.status, answer.body), (409, accepted(&id)));
    let status = client.status(&location).await;
    assert_eq!((status.status, status.body), (200, accepted(&id)));
}
