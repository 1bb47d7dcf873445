//! What is checked before anything starts.

use reqwest::Method;
use serde_json::json;

use super::*;

#[tokio::test]
async fn row_7_all_problems_of_a_submission_are_told_at_once_and_nothing_starts() {
    let host = by_rules().start().await;
    let client = host.client();
    let wrong = json!({
        "speaker": { "name": "Ada", "email": "ada", "bio": "", "twitter": "@ada" },
        "title": "x".repeat(201), "track": 7
    });
    let answer = client.post("/api/submit", &wrong.to_string()).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.header("x-ms-error-code"), "InvalidSubmission");
    assert_eq!(
        answer.json(),
        json!({
            "error": "The submission is not valid.",
            "fields": {
                "description": "is missing",
                "speaker.country": "is missing",
                "speaker.email": "expected an e-mail address",
                "speaker.twitter": "unknown field. The known fields are name, email, bio, country",
                "title": "expected at most 200 characters",
                "track": "expected a string"
            }
        })
    );
    let refused = async |body: &str| client.post("/api/submit", body).await;
    let null = refused("null").await;
    assert_eq!(
        null.json()["fields"],
        json!({ "": "expected a JSON object" })
    );
    for (body, status, code) in [
        ("", 400, "EmptyBody"),
        ("{", 400, "InvalidJson"),
        (&" ".repeat((64 << 10) + 1), 413, "TooLarge"),
    ] {
        let answer = refused(body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("x-ms-error-code"), code);
    }
    // A form of another site can send this without being asked.
    let text = Some("text/plain");
    let answer = client
        .send(Method::POST, "/api/submit", text, &submission(APPROVED))
        .await;
    assert_eq!(answer.status, 415, "{answer:?}");
    // A real host takes a body without a length for an empty one.
    let chunked = client
        .post_chunked("/api/submit", &submission(APPROVED))
        .await;
    assert_eq!(chunked.status, 411, "{chunked:?}");
    assert_eq!(succeeded(&host, "process-submission"), 0);
    assert!(
        !host
            .log()
            .contains("Executing 'Functions.process-submission'")
    );
}

#[tokio::test]
async fn an_answer_has_the_address_that_clients_can_reach() {
    let host = by_rules()
        .setting("PublicBaseUrl", "https://api.example.com/talks")
        .start()
        .await;
    let answer = host
        .client()
        .post("/api/submit", &submission(APPROVED))
        .await;
    let location = answer.header("Location");
    assert!(
        location.starts_with("https://api.example.com/talks/status/"),
        "{location}"
    );
    assert!(answer.body.ends_with(location), "{answer:?}");
}
