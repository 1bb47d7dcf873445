//! Timers and scheduled starts, on a clock that the tests move.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateInstanceRequest, CreateTimerAction, EventType,
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorRequest,
    OrchestratorResponse,
};
use futures::future::BoxFuture;
use prost::Message;
use prost_types::Timestamp;

use super::{DurableFunction, DurableKind, Hub, HubOptions};
use crate::invoke::{InvocationAnswer, Invoke, InvokeError};
use crate::json::{Json, JsonObject};

/// Completes at once or, with a time, when a timer for that time has fired. The output is the time of the
/// last turn in seconds.
struct Sleeper {
    until: Option<Timestamp>,
    turns: Mutex<usize>,
}

impl Invoke for Sleeper {
    fn invoke(
        &self,
        _: &str,
        data: JsonObject,
        _: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        *self.turns.lock().expect("lock") += 1;
        let text: String =
            serde_json::from_str(data.get("context").and_then(Json::as_text).expect("text"))
                .expect("JSON");
        let request =
            OrchestratorRequest::decode(&*STANDARD.decode(text).expect("base64")).expect("turn");
        let fired = request
            .new_events
            .iter()
            .any(|event| matches!(event.event_type, Some(EventType::TimerFired(_))));
        let kind = if self.until.is_some() && !fired {
            OrchestratorActionType::CreateTimer(CreateTimerAction {
                fire_at: self.until,
            })
        } else {
            let now = request.new_events[0].timestamp.expect("time");
            OrchestratorActionType::CompleteOrchestration(Box::new(CompleteOrchestrationAction {
                orchestration_status: OrchestrationStatus::Completed.into(),
                result: Some(now.seconds.to_string()),
                ..CompleteOrchestrationAction::default()
            }))
        };
        let response = OrchestratorResponse {
            actions: vec![OrchestratorAction {
                id: 0,
                orchestrator_action_type: Some(kind),
            }],
            ..OrchestratorResponse::default()
        };
        let return_value = Some(Json::from(STANDARD.encode(response.encode_to_vec())));
        Box::pin(async move {
            Ok(InvocationAnswer {
                outputs: None,
                return_value,
            })
        })
    }
}

async fn hub(until: Option<Timestamp>) -> (Hub, Arc<Sleeper>) {
    let handler = Arc::new(Sleeper {
        until,
        turns: Mutex::new(0),
    });
    let options = HubOptions {
        task_hub_name: "MyHub".into(),
        base_url: "http://localhost:7071".into(),
        function_timeout: None,
        default_version: None,
        base64_queue_messages: false,
        finished_instances: 10_000,
    };
    let functions = vec![DurableFunction {
        folder: "sleeper".into(),
        name: "sleeper".into(),
        kind: DurableKind::Orchestrator,
        binding: "context".into(),
    }];
    let hub = Hub::start(
        options,
        functions,
        Arc::clone(&handler) as Arc<dyn Invoke>,
        Arc::new(|_, _| {}),
    )
    .await
    .expect("a free port");
    (hub, handler)
}

fn ahead(seconds: u64) -> Timestamp {
    Timestamp::from(SystemTime::now() + Duration::from_secs(seconds))
}

fn request(scheduled: Option<Timestamp>) -> CreateInstanceRequest {
    CreateInstanceRequest {
        instance_id: "s".into(),
        name: "sleeper".into(),
        scheduled_start_timestamp: scheduled,
        ..CreateInstanceRequest::default()
    }
}

fn completed(state: &durable_protocol::messages::OrchestrationState) -> bool {
    state.orchestration_status() == OrchestrationStatus::Completed
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_a_fired_timer_never_begins_before_its_time() {
    let time = ahead(3_600);
    let (hub, _) = hub(Some(time)).await;
    hub.inner.start_instance(request(None)).expect("started");
    let state = hub.wait_for("s", completed).await;
    let ended: i64 = state.output.expect("output").parse().expect("seconds");
    assert!(ended >= time.seconds);
    hub.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_start_is_pending_until_its_time() {
    let (hub, handler) = hub(None).await;
    hub.inner
        .start_instance(request(Some(ahead(3_600))))
        .expect("started");
    tokio::time::advance(Duration::from_secs(3_500)).await;
    assert_eq!(
        hub.instance("s").expect("there").orchestration_status(),
        OrchestrationStatus::Pending
    );
    assert!(hub.inner.start_instance(request(None)).is_err());
    assert_eq!(*handler.turns.lock().expect("lock"), 0);
    hub.wait_for("s", completed).await;
    hub.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_start_that_was_terminated_still_runs_at_its_time() {
    let (hub, _) = hub(None).await;
    hub.inner
        .start_instance(request(Some(ahead(3_600))))
        .expect("started");
    hub.inner
        .terminate("s", Some("early".into()))
        .expect("terminated");
    let state = hub.instance("s").expect("there");
    assert_eq!(
        state.orchestration_status(),
        OrchestrationStatus::Terminated
    );
    assert_eq!(state.output.as_deref(), Some("early"));
    hub.wait_for("s", completed).await;
    hub.stop().await;
}
