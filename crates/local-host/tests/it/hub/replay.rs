//! The hub against recorded traffic. With the same starts, events and answers of the handler, the requests to
//! the handler and the final states for clients must be the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use durable_protocol::messages::{
    CreateInstanceRequest, GetEntityRequest, GetEntityResponse, OrchestrationIdReusePolicy,
    OrchestrationState, OrchestrationStatus, RaiseEventRequest, RaiseEventResponse, ResumeRequest,
    ResumeResponse, RewindInstanceRequest, RewindInstanceResponse, SignalEntityRequest,
    SignalEntityResponse, SuspendRequest, SuspendResponse, TerminateRequest, TerminateResponse,
};
use local_host::hub::{Extension, Hub};
use prost_types::Timestamp;
use serde_json::Value;

use super::app::functions;
use super::fixture::{Exchange, Final, load};
use super::recorded::Recorded;
use super::support::{Client, Log, options};

/// Cases whose recorded batches depend on the timing of the real host's queues.
const RACES: &[&str] = &[
    "action-ids",
    "can-carryover",
    "can-carryover-all",
    "event-buffered",
    "event-burst",
    "return-values",
    "timers-odd",
];

macro_rules! cases {
    ($($test:ident: $case:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                replay($case).await;
            }
        )*
    };
}

cases! {
    action_ids: "action-ids",
    activity_answers: "activity-answers",
    activity_crash: "activity-crash",
    activity_failure_reason: "activity-failure-reason",
    activity_failure_text: "activity-failure-text",
    activity_inputs: "activity-inputs",
    activity_timeout: "activity-timeout",
    bad_answers: "bad-answers",
    can_activity: "can-activity",
    can_carryover: "can-carryover",
    can_carryover_all: "can-carryover-all",
    can_no_carryover: "can-no-carryover",
    can_pending: "can-pending",
    can_version: "can-version",
    case_names: "case-names",
    chain: "chain",
    completion_status: "completion-status",
    custom_status_kinds: "custom-status-kinds",
    duplicate_id: "duplicate-id",
    entity_bad_answers: "entity-bad-answers",
    entity_batch: "entity-batch",
    entity_call_labelled: "entity-call-labelled",
    entity_call_unlabelled: "entity-call-unlabelled",
    entity_lock_labelled: "entity-lock-labelled",
    entity_missing_labelled: "entity-missing-labelled",
    entity_scheduled: "entity-scheduled",
    entity_signal: "entity-signal",
    entity_signal_action: "entity-signal-action",
    event: "event",
    event_buffered: "event-buffered",
    event_burst: "event-burst",
    event_early: "event-early",
    inputs_grpc: "inputs-grpc",
    odd_actions: "odd-actions",
    one_activity: "one-activity",
    open_at_end: "open-at-end",
    orchestrator_crash: "orchestrator-crash",
    orchestrator_timeout: "orchestrator-timeout",
    outputs: "outputs",
    redeliver: "redeliver",
    return_values: "return-values",
    reuse_policy: "reuse-policy",
    rewind: "rewind",
    rewind_host_failure: "rewind-host-failure",
    rewind_open_activity: "rewind-open-activity",
    rewind_own_failure: "rewind-own-failure",
    rewind_sub: "rewind-sub",
    scheduled_start: "scheduled-start",
    send_event: "send-event",
    send_event_no_instance: "send-event-no-instance",
    send_event_nobody: "send-event-nobody",
    sub: "sub",
    sub_duplicate: "sub-duplicate",
    sub_fails: "sub-fails",
    sub_http_500: "sub-http-500",
    sub_missing: "sub-missing",
    sub_terminated: "sub-terminated",
    suspend_activity: "suspend-activity",
    suspend_naive: "suspend-naive",
    suspend_resume: "suspend-resume",
    suspend_terminate: "suspend-terminate",
    tags: "tags",
    task_after_completion: "task-after-completion",
    terminate_activity: "terminate-activity",
    terminate_idle: "terminate-idle",
    terminate_no_reason: "terminate-no-reason",
    terminate_recursive: "terminate-recursive",
    timer: "timer",
    timer_race: "timer-race",
    timers_odd: "timers-odd",
    version: "version",
}

async fn replay(case: &str) {
    let fixture = load(case);
    let handler = Recorded::new(case, &fixture);
    let mut options = options();
    // Most were recorded with it, and the others do not differ in what is compared here.
    options.extension = Extension::V3_14;
    options.default_version.clone_from(&fixture.default_version);
    let hub = Hub::start(
        options,
        functions(&fixture),
        Arc::new(handler.clone()),
        Log::default().sink(),
    )
    .await
    .unwrap();
    let client = Client::connect(&hub).await;
    let mut turns = std::collections::HashMap::<String, usize>::new();
    for exchange in fixture.exchanges {
        match exchange {
            Exchange::Turn { instance, .. } => *turns.entry(instance).or_default() += 1,
            Exchange::Activity { .. } | Exchange::Batch { .. } => {}
            Exchange::Entity {
                id,
                include_state,
                exists,
                state,
            } => compare_entity(&hub, &client, &id, include_state, exists, state).await,
            operation => {
                let before = turns.get(operation.id()).copied().unwrap_or_default();
                handler.reached(operation.id(), before).await;
                operate(&hub, &client, operation, before).await;
            }
        }
    }
    for id in turns.keys() {
        handler.reached(id, handler.turns(id)).await;
    }
    for expected in &fixture.finals {
        compare_final(case, &hub, &client, expected).await;
    }
    handler.all_ran().await;
    handler.assert_sound();
    let differing = handler.not_aligned();
    assert!(
        RACES.contains(&case) || differing.is_empty(),
        "{case}: other batches than recorded for {differing:?}"
    );
    hub.stop().await;
}

impl Exchange {
    fn id(&self) -> &str {
        match self {
            Self::Start { id, .. }
            | Self::Raise { id, .. }
            | Self::Terminate { id, .. }
            | Self::Suspend { id, .. }
            | Self::Resume { id, .. }
            | Self::Rewind { id, .. }
            | Self::Signal { id, .. } => id,
            Self::Turn { .. }
            | Self::Activity { .. }
            | Self::Batch { .. }
            | Self::Entity { .. } => unreachable!(),
        }
    }
}

async fn operate(hub: &Hub, client: &Client, operation: Exchange, turns: usize) {
    let (outcome, expect) = match operation {
        Exchange::Start {
            id,
            name,
            input,
            version,
            tags,
            scheduled,
            replaceable,
            expect,
        } => {
            if turns > 0 && expect == "OK" {
                wait(hub, &id, is_terminal).await;
            }
            let request = CreateInstanceRequest {
                instance_id: id,
                name,
                input,
                version,
                tags,
                scheduled_start_timestamp: scheduled.map(|_| soon()),
                orchestration_id_reuse_policy: replaceable.map(|names| {
                    OrchestrationIdReusePolicy {
                        replaceable_status: names.iter().map(|name| status(name)).collect(),
                    }
                }),
                ..CreateInstanceRequest::default()
            };
            (client.start_with(request).await.map(|_| ()), expect)
        }
        Exchange::Raise {
            id,
            name,
            input,
            expect,
        } => {
            if expect != "OK" {
                wait(hub, &id, is_terminal).await;
            }
            let request = RaiseEventRequest {
                instance_id: id,
                name,
                input,
            };
            let outcome = client.call::<_, RaiseEventResponse>("RaiseEvent", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Terminate { id, reason, expect } => {
            if expect != "OK" {
                wait(hub, &id, is_terminal).await;
            }
            let request = TerminateRequest {
                instance_id: id,
                output: reason,
                recursive: true,
            };
            let outcome = client.call::<_, TerminateResponse>("TerminateInstance", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Suspend { id, reason, expect } => {
            if expect != "OK" {
                wait(hub, &id, |state| is_terminal(state) || is_suspended(state)).await;
            }
            let request = SuspendRequest {
                instance_id: id,
                reason,
            };
            let outcome = client.call::<_, SuspendResponse>("SuspendInstance", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Resume { id, reason, expect } => {
            // An operation may have been refused because it came too late: a worker that ignores suspension
            // ends the instance.
            let refused = expect != "OK";
            wait(hub, &id, move |state| {
                is_terminal(state) || (!refused && is_suspended(state))
            })
            .await;
            let request = ResumeRequest {
                instance_id: id,
                reason,
            };
            let outcome = client.call::<_, ResumeResponse>("ResumeInstance", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Rewind { id, reason, expect } => {
            if expect == "OK" {
                wait(hub, &id, is_terminal).await;
            }
            let request = RewindInstanceRequest {
                instance_id: id,
                reason,
            };
            let outcome = client.call::<_, RewindInstanceResponse>("RewindInstance", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Signal {
            id,
            name,
            input,
            request_id,
            scheduled,
            expect,
        } => {
            let request = SignalEntityRequest {
                instance_id: id,
                name,
                input,
                request_id,
                scheduled_time: scheduled.map(|_| soon()),
                ..SignalEntityRequest::default()
            };
            let outcome = client.call::<_, SignalEntityResponse>("SignalEntity", request);
            (outcome.await.map(|_| ()), expect)
        }
        Exchange::Turn { .. }
        | Exchange::Activity { .. }
        | Exchange::Batch { .. }
        | Exchange::Entity { .. } => unreachable!(),
    };
    let code = match outcome {
        Ok(()) => "Ok".to_owned(),
        Err(status) => format!("{:?}", status.code()),
    };
    assert_eq!(code.to_uppercase(), expect.replace('_', ""));
}

fn soon() -> Timestamp {
    Timestamp::from(SystemTime::now() + Duration::from_millis(50))
}

/// The entity was recorded after all work had ended, so this waits for the same state.
async fn compare_entity(
    hub: &Hub,
    client: &Client,
    id: &str,
    include_state: bool,
    exists: bool,
    state: Option<String>,
) {
    let awaited = state.clone();
    let settled = hub.wait_for_entity(id, move |seen| {
        if include_state {
            seen.serialized_state == awaited
        } else {
            seen.serialized_state.is_some() == exists
        }
    });
    tokio::time::timeout(Duration::from_secs(30), settled)
        .await
        .unwrap_or_else(|_| panic!("{id} did not come to {state:?}"));
    let request = GetEntityRequest {
        instance_id: id.into(),
        include_state,
    };
    let reply: GetEntityResponse = client.call("GetEntity", request).await.unwrap();
    assert_eq!(reply.exists, exists);
    assert_eq!(reply.entity.is_some(), exists);
    if let Some(seen) = reply.entity {
        assert_eq!(seen.serialized_state, state);
        assert_eq!(seen.instance_id, id);
        assert!(seen.last_modified_time.is_some());
    }
}

async fn wait(
    hub: &Hub,
    id: &str,
    condition: impl FnMut(&OrchestrationState) -> bool + Send + 'static,
) -> OrchestrationState {
    match tokio::time::timeout(Duration::from_secs(30), hub.wait_for(id, condition)).await {
        Ok(state) => state,
        Err(_) => panic!("'{id}' is {:?}", hub.wait_for(id, |_| true).await),
    }
}

fn is_terminal(state: &OrchestrationState) -> bool {
    use OrchestrationStatus::{Canceled, Completed, Failed, Terminated};
    matches!(
        state.orchestration_status(),
        Completed | Failed | Canceled | Terminated
    )
}

fn is_suspended(state: &OrchestrationState) -> bool {
    state.orchestration_status() == OrchestrationStatus::Suspended
}

/// From the name in protobuf's JSON form.
fn status(name: &str) -> i32 {
    let name = name.trim_start_matches("ORCHESTRATION_STATUS_");
    (0..=7)
        .find(|number| {
            let status = OrchestrationStatus::try_from(*number).unwrap();
            format!("{status:?}").to_uppercase() == name.replace('_', "")
        })
        .unwrap()
}

async fn compare_final(case: &str, hub: &Hub, client: &Client, expected: &Final) {
    let status = expected.status.clone();
    wait(hub, &expected.id, move |state| {
        format!("{:?}", state.orchestration_status()) == status
    })
    .await;
    let state = client.get(&expected.id).await.unwrap();
    for (what, ours, theirs) in [
        ("input", state.input, &expected.input),
        ("output", state.output, &expected.output),
        (
            "custom status",
            state.custom_status,
            &expected.custom_status,
        ),
    ] {
        let ours = match ours {
            None => Value::Null,
            Some(text) if expected.texts => Value::String(text),
            Some(text) => as_shown(text),
        };
        assert_eq!(
            without_stack(&ours),
            without_stack(theirs),
            "{case}: {what} of '{}'",
            expected.id
        );
    }
}

/// A stored text as the management API shows it.
fn as_shown(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The output of an instance that the host failed, without what depends on .NET.
fn without_stack(value: &Value) -> Value {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        value => value.clone(),
    };
    let Some(message) = parsed.get("message").and_then(Value::as_str) else {
        return value.clone();
    };
    let Some(details) = parsed.get("details") else {
        return value.clone();
    };
    let message = message.split(" Additional info").next().unwrap();
    let details = details.as_str().unwrap_or("null");
    let details = details.split("\n   ").next().unwrap();
    let details = match details.split_once("Protocol message ") {
        Some((before, _)) => before,
        None => details.split("Invalid HttpResponseMessage").next().unwrap(),
    };
    serde_json::json!({"message": message, "details": details})
}
