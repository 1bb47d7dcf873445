//! Work that would hang or vanish on a real host fails at once here, with a message that says so.

use durable_protocol::messages::{
    CreateInstanceRequest, CreateSubOrchestrationAction, CreateTimerAction, EventType,
    OrchestrationInstance, OrchestrationState, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorResponse, ScheduleTaskAction, SendEntityMessageAction,
    SendEventAction,
};
use local_host::log::LogLevel;
use prost_types::Timestamp;
use serde_json::Value;

use super::support::{Log, action, complete, decide, hub_with, orchestrator, response};

/// Runs an orchestrator whose first turn decides `actions`.
async fn run(actions: Vec<OrchestratorAction>) -> (OrchestrationState, Log) {
    let log = Log::default();
    let (hub, client) = hub_with(vec![orchestrator("bad")], &log, move |_, _| {
        decide(actions.clone())
    })
    .await;
    client.start("bad", "bad", "null").await.unwrap();
    let state = client.completion("bad").await;
    hub.stop().await;
    (state, log)
}

/// The instance fails with texts that contain `what` and `real_host`; the log has the same texts.
async fn refuses(actions: Vec<OrchestratorAction>, what: &str, real_host: &str) {
    let (state, log) = run(actions).await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Failed);
    let output: Value = serde_json::from_str(&state.output.unwrap()).unwrap();
    let (message, details) = (&output["message"], &output["details"]);
    assert!(message.as_str().unwrap().contains(what), "{message}");
    assert!(details.as_str().unwrap().contains(real_host), "{details}");
    assert!(log.contains(LogLevel::Error, what));
}

fn child(id: i32, instance: &str) -> OrchestratorAction {
    action(
        id,
        OrchestratorActionType::CreateSubOrchestration(Box::new(CreateSubOrchestrationAction {
            instance_id: instance.into(),
            name: "child".into(),
            ..CreateSubOrchestrationAction::default()
        })),
    )
}

fn event_to(instance: &str) -> OrchestratorAction {
    action(
        0,
        OrchestratorActionType::SendEvent(Box::new(SendEventAction {
            instance: Some(OrchestrationInstance {
                instance_id: instance.into(),
                execution_id: None,
            }),
            name: "op".into(),
            data: None,
        })),
    )
}

fn timer(days: i64) -> OrchestratorAction {
    let now = Timestamp::from(std::time::SystemTime::now());
    action(
        0,
        OrchestratorActionType::CreateTimer(CreateTimerAction {
            fire_at: Some(Timestamp {
                seconds: now.seconds + days * 86_400,
                nanos: 0,
            }),
        }),
    )
}

#[tokio::test]
async fn a_timer_of_eight_days_is_refused_and_one_of_six_is_not() {
    refuses(vec![timer(8)], "seven days", "delivered again for ever").await;
    let end = complete(1, OrchestrationStatus::Completed, "1");
    let (state, _) = run(vec![timer(6), end]).await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
}

#[tokio::test]
async fn a_child_without_an_id_is_refused() {
    refuses(vec![child(0, "")], "without an instance id", "stay Running").await;
}

#[tokio::test]
async fn a_child_with_the_id_of_a_running_instance_is_refused() {
    let text = "of an instance that is running";
    refuses(vec![child(0, "bad")], text, "overwrite each other").await;
    refuses(vec![child(0, "c"), child(1, "c")], text, "overwrite").await;
}

#[tokio::test]
async fn a_bad_action_behind_the_completion_is_refused() {
    let terminate = OrchestratorActionType::TerminateOrchestration(Box::default());
    refuses(
        vec![
            complete(0, OrchestrationStatus::Completed, "1"),
            action(1, terminate),
        ],
        "behind the completion",
        "one turn in ten seconds",
    )
    .await;
}

#[tokio::test]
async fn a_completion_that_is_no_end_is_refused() {
    for status in [
        OrchestrationStatus::Running,
        OrchestrationStatus::Pending,
        OrchestrationStatus::Suspended,
    ] {
        refuses(
            vec![complete(0, status, "1")],
            "is not an end",
            "never run again",
        )
        .await;
    }
}

#[tokio::test]
async fn a_message_that_no_entity_can_read_is_refused() {
    let event = |name: &str, data: &str| {
        let mut action = event_to("@counter@a");
        if let Some(OrchestratorActionType::SendEvent(event)) = &mut action.orchestrator_action_type
        {
            event.name = name.into();
            event.data = Some(data.into());
        }
        action
    };
    let ignore = "could not process the message";
    refuses(vec![event("op", "{}")], "cannot be read", ignore).await;
    refuses(vec![event("other", "{}")], "not 'other'", ignore).await;
    let signal = r#"{"op":"add","signal":true,"id":"1"}"#;
    let far = vec![event("op@2999-01-01T00:00:00.0000000Z", signal)];
    refuses(far, "seven days", "delivered again for ever").await;
    refuses(vec![child(0, "@counter@a")], "begins with '@'", "entities").await;
    let nothing = OrchestratorActionType::SendEntityMessage(Box::new(SendEntityMessageAction {
        entity_message_type: None,
    }));
    let (state, _) = run(vec![action(0, nothing)]).await;
    assert!(state.output.unwrap().contains("NullReferenceException"));
}

#[tokio::test]
async fn a_built_in_activity_that_no_host_has_is_logged() {
    let task = OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
        name: "BuiltIn::Other".into(),
        ..ScheduleTaskAction::default()
    }));
    let end = complete(1, OrchestrationStatus::Completed, "1");
    let log = Log::default();
    let (hub, client) = hub_with(vec![orchestrator("o")], &log, move |_, request| {
        decide(if request.past_events.is_empty() {
            vec![action(0, task.clone())]
        } else {
            vec![end.clone()]
        })
    })
    .await;
    client.start("o", "o", "null").await.unwrap();
    client.completion("o").await;
    assert!(log.contains(LogLevel::Error, "no such activity"));
    hub.stop().await;
}

#[tokio::test]
async fn a_version_above_the_apps_is_refused() {
    let log = Log::default();
    let (hub, client) = hub_with(vec![orchestrator("v")], &log, |_, _| decide(Vec::new())).await;
    let request = CreateInstanceRequest {
        instance_id: "v".into(),
        name: "v".into(),
        version: Some("1.0".into()),
        ..CreateInstanceRequest::default()
    };
    client.start_with(request).await.unwrap();
    let state = client.completion("v").await;
    assert!(state.output.unwrap().contains("never run"));
    hub.stop().await;
}

#[tokio::test]
async fn a_start_with_an_entity_id_is_refused() {
    let log = Log::default();
    let (hub, client) = hub_with(Vec::new(), &log, |_, _| decide(Vec::new())).await;
    let status = client.start("@counter@a", "x", "1").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(log.contains(LogLevel::Error, "begins with '@'"));
    hub.stop().await;
}

#[tokio::test]
async fn an_event_for_an_unknown_instance_is_logged() {
    let end = complete(1, OrchestrationStatus::Completed, "1");
    let (state, log) = run(vec![event_to("nobody"), end]).await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
    assert!(log.contains(LogLevel::Warning, "'nobody' does not exist"));
}

#[tokio::test]
async fn the_parent_of_a_canceled_child_is_notified() {
    let log = Log::default();
    let (hub, client) = hub_with(
        vec![orchestrator("parent"), orchestrator("child")],
        &log,
        |name, request| {
            let failed = super::support::count(&request, |event| {
                matches!(event, EventType::SubOrchestrationInstanceFailed(_))
            });
            decide(match (name, failed) {
                ("child", _) => vec![complete(0, OrchestrationStatus::Canceled, "1")],
                (_, 0) => vec![child(0, "the-child")],
                _ => vec![complete(1, OrchestrationStatus::Completed, "\"told\"")],
            })
        },
    )
    .await;
    client.start("parent", "parent", "null").await.unwrap();
    let state = client.completion("parent").await;
    assert_eq!(state.output.as_deref(), Some("\"told\""));
    assert!(log.contains(LogLevel::Error, "waits for ever"));
    hub.stop().await;
}

#[tokio::test]
async fn a_custom_status_of_8192_utf_16_units_is_taken_and_a_longer_one_fails() {
    for (status, taken) in [
        (format!("\"{}\"", "x".repeat(8_190)), true),
        (format!("\"{}\"", "x".repeat(8_191)), false),
        (format!("\"{}\"", "😀".repeat(4_095)), true),
        (format!("\"{}x\"", "😀".repeat(4_095)), false),
    ] {
        let sent = status.clone();
        let (hub, client) = hub_with(vec![orchestrator("s")], &Log::default(), move |_, _| {
            Ok(response(&OrchestratorResponse {
                actions: vec![complete(0, OrchestrationStatus::Completed, "1")],
                custom_status: Some(sent.clone()),
                ..OrchestratorResponse::default()
            }))
        })
        .await;
        client.start("s", "s", "null").await.unwrap();
        let state = client.completion("s").await;
        if taken {
            assert_eq!(state.custom_status, Some(status));
        } else {
            assert_eq!(state.orchestration_status(), OrchestrationStatus::Failed);
            assert!(state.output.unwrap().contains(
                "System.ArgumentException: CustomStatus is too large: limit = 16 KB (UTF-16), \
                 actual = 16.00 KB."
            ));
        }
        hub.stop().await;
    }
}
