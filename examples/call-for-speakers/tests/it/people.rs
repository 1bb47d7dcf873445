//! Stages that people decide.

use std::time::Duration;

use call_for_speakers::{
    Decision, Stage,
    functions::{
        close_stage::CLOSE_STAGE,
        process_submission::{NO_DECISION, PROCESS_SUBMISSION, Review},
        record_decision::{RECORD_DECISION, RecordedDecision},
    },
};
use durable_functions::{Event, testing::TestHub};
use serde_json::{Value, json};

use super::{A_WEEK, custom_status, hub, input};

/// A hub with the submission `a`, whose stages people decide within a week.
async fn started() -> TestHub {
    let mut hub = hub();
    // It needs a host, to which it records that there is no decision.
    hub.mock(CLOSE_STAGE, |_| Ok(rejection(NO_DECISION)));
    let deadline_millis = u64::try_from(A_WEEK.as_millis()).unwrap();
    let input = input("Talk", Review::People { deadline_millis });
    hub.start(PROCESS_SUBMISSION, &input)
        .with_id("a")
        .await
        .unwrap();
    hub.advance(Duration::ZERO).await.unwrap();
    hub
}

fn rejection(reason: &str) -> Decision {
    Decision {
        approved: false,
        reason: Some(reason.to_owned()),
    }
}

/// Brings a decision as `submit-decision` does.
async fn decide(hub: &mut TestHub, stage: Stage, approved: bool, reason: Option<&str>) {
    let record = RecordedDecision {
        submission: "a".to_owned(),
        stage,
        decision: Decision {
            approved,
            reason: reason.map(str::to_owned),
        },
    };
    let id = RecordedDecision::id("a", stage);
    hub.start(RECORD_DECISION, &record)
        .with_id(id)
        .await
        .unwrap();
    hub.advance(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_submission_is_approved_when_every_stage_was() {
    let mut hub = started().await;
    for stage in Stage::ALL {
        assert_eq!(custom_status(&hub, "a"), format!("\"{}\"", stage.name()));
        decide(&mut hub, stage, true, None).await;
    }
    assert_eq!(custom_status(&hub, "a"), "\"Approved\"");
    assert!(hub.output::<bool>("a").unwrap());
}

#[tokio::test]
async fn the_first_rejection_ends_the_process_with_its_reason() {
    let mut hub = started().await;
    decide(&mut hub, Stage::Moderation, true, None).await;
    decide(&mut hub, Stage::Shortlisting, false, Some("too short")).await;
    assert_eq!(
        custom_status(&hub, "a"),
        r#"{"reason":"too short","stage":"Rejected"}"#
    );
    assert!(!hub.output::<bool>("a").unwrap());
}

#[tokio::test]
async fn each_stage_has_the_whole_deadline_and_then_rejects_with_a_reason() {
    let mut hub = started().await;
    hub.advance(A_WEEK - A_WEEK / 7).await.unwrap();
    decide(&mut hub, Stage::Moderation, true, None).await;
    hub.advance(A_WEEK - A_WEEK / 7).await.unwrap();
    assert_eq!(custom_status(&hub, "a"), "\"Shortlisting\"");
    hub.advance(A_WEEK / 7).await.unwrap();
    assert_eq!(
        custom_status(&hub, "a"),
        format!(r#"{{"reason":"{NO_DECISION}","stage":"Rejected"}}"#)
    );
    assert!(!hub.output::<bool>("a").unwrap());
}

/// The deadline and a decision come at the same moment, and the decision was recorded first. Or its event was lost.
#[tokio::test]
async fn a_decision_that_was_recorded_before_the_stage_was_closed_counts() {
    let mut hub = started().await;
    let approval = Decision {
        approved: true,
        reason: None,
    };
    hub.mock(CLOSE_STAGE, move |_| Ok(approval.clone()));
    hub.advance(A_WEEK).await.unwrap();
    assert_eq!(custom_status(&hub, "a"), "\"Shortlisting\"");
    // It comes late, and is of no stage that waits.
    decide(&mut hub, Stage::Moderation, true, None).await;
    assert_eq!(custom_status(&hub, "a"), "\"Shortlisting\"");
}

/// Whoever has a key of the task hub can raise any event.
#[tokio::test]
async fn an_event_that_is_no_decision_ends_nothing() {
    let mut hub = started().await;
    let event: Event<Value> = Event::new(Stage::Moderation.name());
    for content in [json!(null), json!("yes"), json!({ "approved": "yes" })] {
        hub.raise("a", event, &content).unwrap();
    }
    hub.advance(A_WEEK / 2).await.unwrap();
    hub.raise("a", event, &json!([])).unwrap();
    hub.advance(Duration::ZERO).await.unwrap();
    assert_eq!(custom_status(&hub, "a"), "\"Moderation\"");
    decide(&mut hub, Stage::Moderation, true, None).await;
    assert_eq!(custom_status(&hub, "a"), "\"Shortlisting\"");
}
