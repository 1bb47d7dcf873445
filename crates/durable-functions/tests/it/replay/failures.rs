//! How the failure of an activity reaches the orchestrator.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{Failure, OrchestrationContext, Result, TaskError};
use durable_protocol::messages::{EventType, TaskFailedEvent, TaskFailureDetails};

use super::retries::retried;
use super::{SQUARE, chain};
use crate::support::{Host, actions, failure, orchestrator};

#[test]
fn the_failure_of_an_activity_ends_the_orchestration_with_its_type() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    host.turn();
    let failure = failure(&host.failed(0, "NotFound", "no such town").turn());
    assert_eq!(failure.error_type, "NotFound");
    assert_eq!(
        failure.error_message,
        "activity 'echo' (#0) failed: no such town"
    );
}

/// What the host makes of the answer of a failed activity.
fn host_failure(text: &str) -> EventType {
    EventType::TaskFailed(Box::new(TaskFailedEvent {
        task_scheduled_id: 0,
        failure_details: Some(TaskFailureDetails {
            error_type: "Microsoft.Azure.WebJobs.Host.FunctionInvocationException".to_owned(),
            error_message: "Exception while executing function: Functions.square".to_owned(),
            inner_failure: Some(Box::new(TaskFailureDetails {
                error_type: "System.InvalidOperationException".to_owned(),
                error_message: format!("Invalid HttpResponseMessage:\nStatusCode: 200\n {text}"),
                ..Default::default()
            })),
            ..Default::default()
        }),
    }))
}

/// The text with which an activity fails its invocation.
fn report(record: &str) -> String {
    format!(
        "Throttled: busy <activityFailure {}>",
        STANDARD.encode(record)
    )
}

async fn what_failed(ctx: OrchestrationContext, (): ()) -> Result<(String, bool, Option<String>)> {
    match ctx.call(SQUARE, 1).await {
        Err(TaskError::Failed { failure, .. }) => Ok((
            failure.to_string(),
            failure.is_non_retriable(),
            failure.cause().map(Failure::to_string),
        )),
        other => panic!("{other:?}"),
    }
}

const RECORD: &str = r#"{"activityFailure":{"errorType":"Throttled","errorMessage":"busy","isNonRetriable":true,"innerFailure":{"errorType":"Http","errorMessage":"503"}}}"#;

#[test]
fn a_failed_activity_is_a_failure_with_type_flag_and_cause() {
    let mut host = Host::new(orchestrator(what_failed), None);
    host.turn();
    host.deliver(host_failure(&report(RECORD)));
    assert_eq!(
        actions(&host.turn()),
        [r#"#1 Completed(["Throttled: busy",true,"Http: 503"])"#]
    );
}

#[test]
fn a_report_that_did_not_arrive_whole_leaves_the_failure_of_the_host() {
    let whole = report(RECORD);
    for text in [
        "[Hidden Credential]".to_owned(),
        whole.replace('<', "["),
        whole[..whole.len() - 10].to_owned(),
        report("{}"),
        report(r#"{"activityFailure":{"errorType":7}}"#),
    ] {
        let mut host = Host::new(orchestrator(what_failed), None);
        host.turn();
        host.deliver(host_failure(&text));
        let [end] = actions(&host.turn()).try_into().unwrap();
        assert!(
            end.starts_with(
                r#"#1 Completed(["Microsoft.Azure.WebJobs.Host.FunctionInvocationException: Exception while executing function: Functions.square",false,"#
            ),
            "{end}"
        );
    }
}

#[test]
fn a_retry_policy_retries_a_reported_failure_and_stops_at_one_that_must_not_be() {
    let mut host = Host::new(orchestrator(retried), None);
    host.turn();
    let busy = r#"{"activityFailure":{"errorType":"Throttled","errorMessage":"busy"}}"#;
    host.deliver(host_failure(&report(busy)));
    assert_eq!(actions(&host.turn()), ["#1 timer +3"]);

    let mut host = Host::new(orchestrator(retried), None);
    host.turn();
    host.deliver(host_failure(&report(RECORD)));
    assert_eq!(failure(&host.turn()).error_type, "Throttled");
}

#[test]
fn a_failure_that_an_earlier_version_stored_as_a_result_is_a_failure_with_type_flag_and_cause() {
    let stored = r#""{\"activityFailure\":{\"errorType\":\"Throttled\",\"errorMessage\":\"busy\",\"isNonRetriable\":true,\"innerFailure\":{\"errorType\":\"Http\",\"errorMessage\":\"503\"}}}""#;
    let mut host = Host::new(orchestrator(what_failed), None);
    host.turn();
    assert_eq!(
        actions(&host.completed(0, stored).turn()),
        [r#"#1 Completed(["Throttled: busy",true,"Http: 503"])"#]
    );
}

#[test]
fn a_failure_without_details_is_an_unknown_failure() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    host.turn();
    host.deliver(EventType::TaskFailed(Default::default()));
    assert_eq!(failure(&host.turn()).error_type, "UnknownFailure");
}

#[test]
fn a_result_of_another_type_names_the_task_and_the_type() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    host.turn();
    let failure = failure(&host.completed(0, "[1]").turn());
    assert_eq!(failure.error_type, "UnexpectedResult");
    assert!(failure.error_message.contains("activity 'echo' (#0)"));
    assert!(failure.error_message.contains("String"));
}

#[test]
fn an_input_of_another_type_fails_the_instance() {
    let failure = failure(&Host::new(orchestrator(chain), Some("7")).turn());
    assert_eq!(failure.error_type, "InvalidInput");
    assert!(
        failure
            .error_message
            .contains("orchestrator 'orchestrator'")
    );
}
