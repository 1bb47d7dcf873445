//! The recorded failures of activities, with the marker that ours write.
//!
//! The recorded activity wrote its marker in square brackets, at which the host's redaction does not
//! stop. The markers differ from ours in nothing else.

use durable_protocol::messages::{
    EventType, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
    TaskFailureDetails,
};
use prost::Message;
use serde_json::{Value, json};

use crate::captures::case::{self, Turn};
use crate::captures::replay;

/// What the host said of the failed activity, in the turn that brought it.
fn inner(request: &mut OrchestratorRequest) -> Option<&mut TaskFailureDetails> {
    request.new_events.iter_mut().find_map(|event| {
        let Some(EventType::TaskFailed(failed)) = &mut event.event_type else {
            return None;
        };
        failed
            .failure_details
            .as_mut()?
            .inner_failure
            .as_deref_mut()
    })
}

/// Our answer to the turn when the host's message is `message`.
fn answer(turn: &Turn, message: String) -> OrchestratorResponse {
    let mut request = turn.decoded_request();
    inner(&mut request).unwrap().error_message = message;
    replay::answer(turn, &request.encode_to_vec())
}

/// What the orchestrator ended with.
fn output(response: &OrchestratorResponse) -> Value {
    match response.actions[0].orchestrator_action_type.as_ref() {
        Some(OrchestratorActionType::CompleteOrchestration(end)) => {
            serde_json::from_str(end.result.as_ref().unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// The turns in which the orchestrator catches a failure, with the host's message.
fn caught(case: &str) -> Vec<(Turn, String)> {
    let turns = case::load(case).turns.into_iter();
    let turns = turns.filter(|turn| turn.function.ends_with("Caught"));
    turns
        .filter_map(|turn| {
            let message = inner(&mut turn.decoded_request())?.error_message.clone();
            Some((turn, message))
        })
        .collect()
}

fn with_our_marker(message: &str) -> String {
    message
        .replace("[activityFailure ", "<activityFailure ")
        .replace("19]", "19>")
}

#[test]
fn every_recorded_report_gives_the_orchestrator_type_and_message() {
    let mut checked = 0;
    for case in ["activity-failure-text", "activity-failure-reason"] {
        for (turn, message) in caught(case) {
            let output = output(&answer(&turn, with_our_marker(&message)));
            if message.ends_with("[Hidden Credential]") {
                // The host hid the recorded marker.
                assert_eq!(
                    output["message"],
                    "Exception while executing function: Functions.busy"
                );
                continue;
            }
            checked += 1;
            assert_eq!(
                output,
                json!({
                    "caught": "TaskFailed",
                    "message": "try 1",
                    "failure": {"errorType": "Busy", "errorMessage": "try 1"},
                }),
                "{case} {}",
                turn.n
            );
        }
    }
    assert_eq!(checked, 7);
}

/// The recorded ones had 100 KB before the marker, and 100 KB inside it.
#[test]
fn a_report_of_any_size_gives_the_orchestrator_type_and_message() {
    let (turn, message) = caught("activity-failure-text").swap_remove(0);
    let long = "L".repeat(102_400);
    let message = with_our_marker(&message).replace("try 1", &format!("try 1 {long}"));
    let output = output(&answer(&turn, message));
    assert_eq!(output["failure"]["errorType"], "Busy");
}
