//! Submissions that the rules decide.

use futures::future::join_all;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a1_1_a_submission_is_accepted_with_the_address_of_its_status() {
    let host = by_rules().start().await;
    let client = host.client();
    let answer = client.post("/api/submit", &submission(APPROVED)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.header("Retry-After"), "20");
    assert_eq!(answer.header("Content-Type"), "text/plain; charset=utf-8");
    let location = answer.header("Location");
    let id = location.strip_prefix(&client.url("/api/status/")).unwrap();
    assert!(!id.is_empty() && !id.contains('/'), "{location}");
    assert_eq!(
        answer.body,
        format!("Your submission has been received. To get the status, go to: {location}")
    );
    host.logged("Submission received via Http", 1).await;
    ended(client, location).await;
}

#[tokio::test]
async fn a1_2_the_stages_are_seen_in_their_order_and_then_the_outcome() {
    let host = by_rules().start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    // Before the first turn the sentence has the state of the instance.
    let order = [
        "Pending",
        "Running",
        "Moderation",
        "Shortlisting",
        "Selection",
    ];
    let mut seen = Vec::new();
    let last = poll(client, &location, |answer| {
        if answer.status != 202 {
            return true;
        }
        assert_eq!(answer.header("Location"), location);
        assert_eq!(answer.header("Retry-After"), "20");
        let place = order
            .iter()
            .position(|stage| answer.body == running(stage, &location));
        seen.push(place.unwrap_or_else(|| panic!("{answer:?}")));
        false
    })
    .await;
    assert_eq!((last.status, last.body), (200, accepted(&id)));
    assert!(seen.is_sorted(), "{seen:?}");
    assert_nothing_personal(&host);
}

#[tokio::test]
async fn a1_3_each_stage_can_reject_and_those_after_it_are_not_invoked() {
    let host = by_rules().start().await;
    let client = host.client();
    for (title, approved) in [
        (APPROVED, true),
        (REJECTED_BY_MODERATION, false),
        (REJECTED_BY_SHORTLISTING, false),
        (REJECTED_BY_SELECTION, false),
    ] {
        let (id, location) = submit(client, title).await;
        let last = ended(client, &location).await;
        let sentence = if approved {
            accepted(&id)
        } else {
            not_accepted(&id)
        };
        assert_eq!((last.status, last.body), (200, sentence), "{title}");
        assert_eq!(last.headers.get("Location"), None);
        let as_text = client.get(&format!("/api/status/{id}?view=text")).await;
        assert_eq!(as_text.status, 200);
        let job = client
            .get(&format!("/api/status/{id}?view=job"))
            .await
            .json();
        assert_eq!(job["result"], approved, "{title}");
        let outcome = if approved { "Approved" } else { "Rejected" };
        assert_eq!(job["customStatus"], outcome, "{title}");
    }
    let invoked = ["moderate", "shortlist", "select"].map(|stage| succeeded(&host, stage));
    assert_eq!(invoked, [4, 3, 2]);
    let tracked = host.log();
    let tracked = tracked
        .lines()
        .filter(|line| line.contains("isTrackingEvent=true"));
    // Each line is there twice: from the handler's output, and from its answer.
    assert!(tracked.count() >= 4);
    assert_nothing_personal(&host);
}

#[tokio::test]
async fn the_json_views_are_those_of_the_app_of_this_repository() {
    let host = by_rules().start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    ended(client, &location).await;
    let members =
        |body: &Value| -> Vec<String> { body.as_object().unwrap().keys().cloned().collect() };
    let job = client.get(&format!("/api/status/{id}?view=job")).await;
    assert_eq!(
        job.header("Content-Type"),
        "application/json; charset=utf-8"
    );
    let times = [
        job.json()["createdTime"].clone(),
        job.json()["lastUpdatedTime"].clone(),
    ];
    assert_eq!(
        job.json(),
        json!({
            "id": id, "status": "Completed", "result": true, "customStatus": "Approved",
            "createdTime": times[0], "lastUpdatedTime": times[1]
        })
    );
    let minimal = client
        .get(&format!("/api/status/{id}?view=minimal"))
        .await
        .json();
    let expected = [
        "createdTime",
        "customStatus",
        "instanceId",
        "lastUpdatedTime",
        "runtimeStatus",
    ];
    let mut found = members(&minimal);
    found.sort_unstable();
    assert_eq!(found, expected);
    let unknown = client.get(&format!("/api/status/{id}?view=raw")).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn a1_4_the_failure_of_a_stage_is_shown_as_one() {
    let host = by_rules().start().await;
    let client = host.client();
    // Whoever operates the host can start an instance with any input.
    let incomplete = json!({
        "submission": {
            "speaker": { "name": "Ada", "email": EMAIL, "country": "UK" },
            "title": "", "description": "Notes", "track": "Engines"
        },
        "review": { "by": "rules", "millis": [0, 0, 0] }
    });
    let start = client.url("/runtime/webhooks/durabletask/orchestrators/process-submission/broken");
    let json_type = Some("application/json");
    let body = incomplete.to_string();
    let started = client
        .request_unsearched(reqwest::Method::POST, &start, json_type, &body)
        .await;
    assert_eq!(started.status, 202, "{started:?}");
    let location = client.url("/api/status/broken");
    let last = ended(client, &location).await;
    assert_eq!(last.status, 200, "{last:?}");
    assert_eq!(
        last.body,
        "We are sorry! Unfortunately your submission with id 'broken' could not be processed. The submission is not \
         complete."
    );
    let job = client.get("/api/status/broken?view=job").await.json();
    assert_eq!(job["status"], "Failed");
    assert_eq!(job["result"], Value::Null);
    let error =
        json!({ "code": "InvalidSubmission", "message": "The submission is not complete." });
    assert_eq!(job["error"], error);
    assert_nothing_personal(&host);
}

#[tokio::test]
async fn a1_5_an_unknown_id_has_its_sentence() {
    let host = by_rules().start().await;
    let client = host.client();
    for id in ["unknown", "0b66bb8f-d7cb-4a5b-b0e3-a7c6c7a9dd53"] {
        for query in ["", "?view=text"] {
            let answer = client.get(&format!("/api/status/{id}{query}")).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (404, not_found(id).as_str())
            );
            assert_eq!(answer.header("Content-Type"), "text/plain; charset=utf-8");
        }
        let answer = client.get(&format!("/api/status/{id}?view=job")).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, r#"{"error":"Job not found"}"#);
    }
}

/// How many threads a process has.
#[cfg(target_os = "linux")]
fn threads(process: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    line.unwrap().trim().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a1_7_a_thousand_submissions_wait_at_the_same_time_and_none_has_a_thread() {
    const MANY: usize = 1_000;
    // One after the other they would take more than an hour, and the test has two minutes.
    let host = AppFolder::example("call-for-speakers")
        .setting("ModerationSeconds", "2")
        .setting("ShortlistingSeconds", "2")
        .setting("SelectionSeconds", "2")
        .start()
        .await;
    let client = host.client();
    let submissions = join_all((0..MANY).map(|_| submit(client, APPROVED))).await;
    let waiting = threads(host.handlers()[0]);
    assert!(waiting < 100, "{waiting} threads");
    host.logged("isTrackingEvent=true", MANY).await;
    for (id, location) in &submissions {
        let last = ended(client, location).await;
        assert_eq!((last.status, last.body), (200, accepted(id)));
    }
    assert_eq!(succeeded(&host, "select"), MANY);
}
