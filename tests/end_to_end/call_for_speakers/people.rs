//! Submissions that people decide.

use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::{Value, json};

use super::*;
use crate::support::key_check::KeyCheck;

/// Long enough for any test.
const A_WEEK: &str = "604800";

fn decision(stage: &str, approved: bool) -> Value {
    json!({ "stage": stage, "approved": approved })
}

async fn decide(client: &Client, id: &str, decision: &Value) -> Answer {
    let target = format!("/api/submissions/{id}/decision");
    client.post(&target, &decision.to_string()).await
}

/// The status of the answer, and the code of the error.
fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("x-ms-error-code"))
}

#[tokio::test]
async fn row_42_people_approve_stage_by_stage() {
    let host = by_people(A_WEEK).start().await;
    let client = host.client();
    let (id, location) = submit(client, REJECTED_BY_MODERATION).await;
    for stage in ["Moderation", "Shortlisting", "Selection"] {
        in_stage(client, &location, stage).await;
        let answer = decide(client, &id, &decision(stage, true)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.header("Location"), location);
        assert_eq!(answer.json(), json!({ "id": id, "stage": stage }));
    }
    let last = ended(client, &location).await;
    assert_eq!((last.status, last.body), (200, accepted(&id)));
    let late = decide(client, &id, &decision("Selection", false)).await;
    assert_eq!(code(&late), (409, "AlreadyDecided"));
    assert_eq!(succeeded(&host, "moderate"), 0, "the rules have no say");
    assert_nothing_personal(&host);
}

#[tokio::test]
async fn row_42_a_rejection_ends_the_submission_with_its_reason() {
    let host = by_people(A_WEEK).start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Moderation").await;
    let mut rejection = decision("Moderation", false);
    rejection["reason"] = json!("It is no talk.");
    assert_eq!(decide(client, &id, &rejection).await.status, 202);
    let last = ended(client, &location).await;
    assert_eq!((last.status, last.body), (200, not_accepted(&id)));
    let job = client
        .get(&format!("/api/status/{id}?view=job"))
        .await
        .json();
    assert_eq!(job["result"], false);
    let expected = json!({ "stage": "Rejected", "reason": "It is no talk." });
    assert_eq!(job["customStatus"], expected);
    let late = decide(client, &id, &decision("Shortlisting", true)).await;
    assert_eq!(code(&late), (409, "SubmissionEnded"));
}

#[tokio::test]
async fn row_42_after_a_reminder_and_the_deadline_a_submission_is_rejected_with_a_reason() {
    let host = by_people("1").start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    let last = ended(client, &location).await;
    assert_eq!((last.status, last.body), (200, not_accepted(&id)));
    let job = client
        .get(&format!("/api/status/{id}?view=job"))
        .await
        .json();
    let expected = json!({ "stage": "Rejected", "reason": "Nobody decided before the deadline." });
    assert_eq!(job["customStatus"], expected);
    let reminder = "Submission waits for a decision: half of the time has passed";
    host.logged(reminder, 1).await;
    let late = decide(client, &id, &decision("Moderation", true)).await;
    assert_eq!(code(&late), (409, "AlreadyDecided"));
}

#[tokio::test]
async fn a_decision_about_another_stage_a_second_one_and_one_without_a_submission_are_refused() {
    let host = by_people(A_WEEK).start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Moderation").await;
    for stage in ["Shortlisting", "Selection"] {
        let wrong = decide(client, &id, &decision(stage, true)).await;
        assert_eq!(code(&wrong), (409, "WrongStage"), "{stage}");
        let error = "The submission waits for a decision about Moderation.";
        assert_eq!(wrong.json()["error"], error);
    }
    let approval = decision("Moderation", true);
    assert_eq!(decide(client, &id, &approval).await.status, 202);
    // At once, so also before the orchestration has taken the first one.
    let twice = decide(client, &id, &decision("Moderation", false)).await;
    assert_eq!(code(&twice), (409, "AlreadyDecided"));
    in_stage(client, &location, "Shortlisting").await;

    // The id of the instance that has recorded the decision is no submission's either.
    for unknown in ["unknown", &format!("{id}.Moderation")] {
        let answer = decide(client, unknown, &approval).await;
        assert_eq!(code(&answer), (404, "JobNotFound"), "{unknown}");
        let status = client.get(&format!("/api/status/{unknown}")).await;
        assert_eq!(status.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn of_two_who_decide_at_the_same_moment_one_is_told_that_he_did_not() {
    let host = by_people(A_WEEK).start().await;
    let client = host.client();
    for _ in 0..5 {
        let (id, location) = submit(client, APPROVED).await;
        in_stage(client, &location, "Moderation").await;
        let (yes, no) = (decision("Moderation", true), decision("Moderation", false));
        let (yes, no) = join(decide(client, &id, &yes), decide(client, &id, &no)).await;
        let mut statuses = [yes.status, no.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{yes:?} {no:?}");
        match yes.status {
            202 => in_stage(client, &location, "Shortlisting").await,
            _ => assert_eq!(ended(client, &location).await.body, not_accepted(&id)),
        }
    }
}

/// Some come before the deadline, some after it, and some while the stage is closed. Where each falls is left to chance; what
/// its answer says must be true.
#[tokio::test]
async fn of_the_decisions_around_the_deadline_each_that_is_accepted_counts() {
    let host = by_people("1").start().await;
    let client = host.client();
    let decided = (0..40).map(|n| async move {
        let (id, location) = submit(client, APPROVED).await;
        tokio::time::sleep(Duration::from_millis(900 + 10 * n)).await;
        let answer = decide(client, &id, &decision("Moderation", true)).await;
        ended(client, &location).await;
        (id, answer)
    });
    for (id, answer) in join_all(decided).await {
        let ended_in = match code(&answer) {
            (202, _) => "Shortlisting",
            (409, "AlreadyDecided" | "SubmissionEnded") => "Moderation",
            other => panic!("{other:?}"),
        };
        let log = host.log();
        let mut lines = log.lines();
        let is_last = |line: &&str| line.contains("Submission processed") && line.contains(&id);
        let line = lines.find(is_last).unwrap();
        assert!(
            line.contains(&format!("stage=\"{ended_in}\"")),
            "{answer:?}: {line}"
        );
    }
}

#[tokio::test]
async fn a_malformed_decision_is_refused_with_what_was_expected() {
    let host = by_people(A_WEEK).start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Moderation").await;
    let with_reason = |approved: bool, reason: &str| json!({ "stage": "Moderation", "approved": approved, "reason": reason });
    for (decision, expected) in [
        (decision("moderation", true), "stage: expected"),
        (
            with_reason(true, "Good."),
            "reason: expected for a rejection only.",
        ),
        (
            with_reason(false, &"x".repeat(201)),
            "reason: expected one line",
        ),
        (with_reason(false, "a\nb"), "reason: expected one line"),
        (
            with_reason(false, "Ask bob@example.com."),
            "reason: expected a text without",
        ),
        (
            json!({ "stage": "Moderation" }),
            "The JSON is not of the expected form",
        ),
        (
            json!({ "stage": "Moderation", "approved": true, "by": "Bob" }),
            "The JSON is not of",
        ),
    ] {
        let answer = decide(client, &id, &decision).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(expected), "{error}");
    }
    // None of them counted.
    assert_eq!(
        decide(client, &id, &decision("Moderation", true))
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn the_rules_leave_nothing_to_people() {
    let host = AppFolder::example("call-for-speakers").start().await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Moderation").await;
    let answer = decide(client, &id, &decision("Moderation", true)).await;
    assert_eq!(code(&answer), (409, "NotDecidedByPeople"));
}

#[tokio::test]
async fn on_a_host_with_keys_nobody_decides_without_one() {
    let host = by_people(A_WEEK).start().await;
    let (id, location) = submit(host.client(), APPROVED).await;
    in_stage(host.client(), &location, "Moderation").await;
    let keys = KeyCheck::start(&host.client().url(""), "the-key-of-submit-decision").await;
    let client = Client::new(keys.url(""));
    let target = format!("/api/submissions/{id}/decision");
    let body = decision("Moderation", true).to_string();
    let without = client.post(&target, &body).await;
    assert_eq!(without.status, 401);
    let wrong = [("x-functions-key", "another")];
    assert_eq!(client.post_with(&target, &body, &wrong).await.status, 401);
    let key = [("x-functions-key", "the-key-of-submit-decision")];
    assert_eq!(client.post_with(&target, &body, &key).await.status, 202);
}
