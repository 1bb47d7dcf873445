//! Entities from orchestrators against recorded traffic: the requests of a real host get the
//! messages that its entities took, apart from ids and times.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use durable_functions::proto::{
    EntityMessageType, EventType, HistoryEvent, OrchestratorActionType, OrchestratorRequest,
    OrchestratorResponse,
};
use durable_functions::{
    Entity, Operation, OrchestrationContext, Orchestrator, OrchestratorFunction, TaskError, execute,
};
use prost::Message;
use serde_json::{Value, json};

const COUNTER: Entity<i64> = Entity::new("Counter");
const ADD: Operation<i64, ()> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");

/// The turns of a recorded orchestrator: request and answer.
fn turns(case: &str) -> Vec<(OrchestratorRequest, OrchestratorResponse)> {
    let case: Value = serde_json::from_str(case).unwrap();
    let turns = case["turns"].as_array().unwrap().iter();
    let bytes = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    turns
        .map(|turn| {
            let (request, answer) = (bytes(&turn["request"]), bytes(&turn["answer"]));
            (
                OrchestratorRequest::decode(request.as_slice()).unwrap(),
                OrchestratorResponse::decode(answer.as_slice()).unwrap(),
            )
        })
        .collect()
}

/// Runs all turns. The recorded worker drew other request ids: in each request they become ours,
/// which are found by the number of the action.
fn replay(
    function: &OrchestratorFunction,
    turns: &[(OrchestratorRequest, OrchestratorResponse)],
) -> Vec<OrchestratorResponse> {
    let mut ids = HashMap::<String, String>::new();
    let mut answers = Vec::new();
    for (request, theirs) in turns {
        let mut request = request.clone();
        for event in request
            .past_events
            .iter_mut()
            .chain(&mut request.new_events)
        {
            rename(event, &ids);
        }
        let answer = execute(function, &Bytes::from(request.encode_to_vec())).unwrap();
        let ours = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        for (our, their) in messages(&ours).iter().zip(&messages(theirs)) {
            if let (Some(our), Some(their)) = (our["id"].as_str(), their["id"].as_str()) {
                ids.insert(their.to_owned(), our.to_owned());
            }
        }
        answers.push(ours);
    }
    answers
}

fn rename(event: &mut HistoryEvent, ids: &HashMap<String, String>) {
    match event.event_type.as_mut().unwrap() {
        EventType::EventRaised(raised) => {
            if let Some(id) = ids.get(&raised.name) {
                raised.name.clone_from(id);
            }
        }
        EventType::EventSent(sent) => {
            let input = sent.input.as_mut().unwrap();
            for (their, our) in ids {
                *input = input.replace(their, our);
            }
        }
        _ => {}
    }
}

/// What an answer sends, by action: the target, the name and the members of the message. The
/// translated form of an entity action is what the host makes of it.
fn messages(answer: &OrchestratorResponse) -> Vec<Value> {
    let actions = answer.actions.iter();
    actions
        .map(
            |action| match action.orchestrator_action_type.as_ref().unwrap() {
                OrchestratorActionType::SendEvent(sent) => {
                    let data = sent.data.as_deref().unwrap();
                    let mut message: Value = serde_json::from_str(data).unwrap();
                    message["target"] = json!(sent.instance.as_ref().unwrap().instance_id);
                    message["event"] = json!(sent.name);
                    message
                }
                OrchestratorActionType::SendEntityMessage(message) => {
                    match message.entity_message_type.as_ref().unwrap() {
                        EntityMessageType::EntityOperationSignaled(signal) => json!({
                            "target": signal.target_instance_id,
                            "op": signal.operation,
                            "signal": true,
                            "input": signal.input,
                            "id": signal.request_id,
                        }),
                        // A call in this form is dropped by the entity: nothing to compare.
                        _ => json!({}),
                    }
                }
                _ => json!({ "action": action.id }),
            },
        )
        .collect()
}

/// The messages without what may differ.
fn comparable(answer: &OrchestratorResponse) -> Vec<Value> {
    let mut messages = messages(answer);
    for message in &mut messages {
        for member in ["id", "Timestamp", "Predecessor"] {
            if let Some(member) = message.get_mut(member) {
                *member = json!("…");
            }
        }
    }
    messages
}

fn result(answer: &OrchestratorResponse) -> Value {
    let last = answer.actions.last().unwrap();
    match last.orchestrator_action_type.as_ref().unwrap() {
        OrchestratorActionType::CompleteOrchestration(end) => {
            assert_eq!(end.failure_details, None);
            serde_json::from_str(end.result.as_ref().unwrap()).unwrap()
        }
        other => panic!("no completion: {other:?}"),
    }
}

fn error_type<T: std::fmt::Debug>(outcome: std::result::Result<T, TaskError>) -> String {
    outcome.unwrap_err().into_failure().error_type().to_owned()
}

#[test]
fn calls_signals_and_failures_are_those_of_the_host() {
    let function = OrchestratorFunction::new(
        Orchestrator::new("entityLabelled"),
        async |ctx: OrchestrationContext, (): ()| {
            let counter = COUNTER.id(ctx.instance_id());
            ctx.call_entity(&counter, ADD, 5).await?;
            let first = ctx.call_entity(&counter, GET, ()).await?;
            ctx.signal_entity(&counter, ADD, 10)?;
            let second = ctx.call_entity(&counter, GET, ()).await?;
            let fail: Operation<(), ()> = Operation::new("fail");
            let failed = ctx.call_entity(&counter, fail, ()).await;
            let missing: Operation<(), ()> = Operation::new("noSuchOperation");
            let unknown = ctx.call_entity(&counter, missing, ()).await;
            Ok((first, second, error_type(failed), error_type(unknown)))
        },
    );
    let turns = turns(include_str!("fixtures/durable/entity-call-labelled.json"));
    let ours = replay(&function, &turns);
    assert_eq!(ours.len(), 6);
    for (ours, (_, theirs)) in ours.iter().zip(&turns) {
        assert_eq!(comparable(ours), comparable(theirs));
    }
    let end = json!([5, 15, "CounterError", "NotFound"]);
    assert_eq!(result(ours.last().unwrap()), end);

    // Every label names the one before and is later, also within one turn.
    let sent: Vec<_> = ours.iter().flat_map(messages).collect();
    let mut before = json!("0001-01-01T00:00:00");
    for message in &sent[..6] {
        assert_eq!(message["Predecessor"], before);
        assert!(message["Timestamp"].as_str() > before.as_str());
        before = message["Timestamp"].clone();
    }
    assert_eq!(sent[0]["Timestamp"], "2026-11-21T06:24:48.6306754Z");
}

#[test]
fn a_lock_and_its_release_are_those_of_the_host() {
    let function = OrchestratorFunction::new(
        Orchestrator::new("entityLockLabelled"),
        async |ctx: OrchestrationContext, (): ()| {
            let id = ctx.instance_id();
            let (a, b) = (COUNTER.id(format!("{id}.a")), COUNTER.id(format!("{id}.b")));
            let lock = ctx.lock([&b, &a, &b]).await?;
            ctx.call_entity(&b, ADD, 1).await?;
            ctx.call_entity(&a, ADD, 2).await?;
            let value = ctx.call_entity(&a, GET, ()).await?;
            lock.release();
            Ok(value)
        },
    );
    let turns = turns(include_str!("fixtures/durable/entity-lock-labelled.json"));
    let ours = replay(&function, &turns);
    assert_eq!(ours.len(), 5);
    for (ours, (_, theirs)) in ours.iter().zip(&turns) {
        assert_eq!(comparable(ours), comparable(theirs));
    }
    assert_eq!(result(ours.last().unwrap()), json!(2));
}

#[test]
fn a_call_of_an_entity_that_no_function_implements_fails() {
    let function = OrchestratorFunction::new(
        Orchestrator::new("entityMissingLabelled"),
        async |ctx: OrchestrationContext, (): ()| {
            let missing = Entity::<i64>::new("noSuchEntity").id("k");
            let failure = ctx
                .call_entity(missing, GET, ())
                .await
                .unwrap_err()
                .into_failure();
            Ok((failure.error_type().to_owned(), failure.is_non_retriable()))
        },
    );
    let turns = turns(include_str!(
        "fixtures/durable/entity-missing-labelled.json"
    ));
    let ours = replay(&function, &turns);
    assert_eq!(comparable(&ours[0]), comparable(&turns[0].1));
    assert_eq!(result(&ours[1]), json!(["EntityFunctionNotFound", true]));
}

/// The recorded worker sent the signal as an entity action, which the host translates. We send the
/// event ourselves, and add sender and label, so that it keeps its order among calls.
#[test]
fn a_signal_says_what_the_recorded_entity_action_said() {
    let function = OrchestratorFunction::new(
        Orchestrator::new("entitySignalOnly"),
        async |ctx: OrchestrationContext, (): ()| {
            ctx.signal_entity(COUNTER.id(ctx.instance_id()), ADD, 4)?;
            Ok("signalled")
        },
    );
    let turns = turns(include_str!("fixtures/durable/entity-signal-action.json"));
    let ours = replay(&function, &turns);
    let mut signal = comparable(&ours[0]).remove(0);
    let members = signal.as_object_mut().unwrap();
    assert_eq!(members.remove("event"), Some(json!("op")));
    assert_eq!(
        members.remove("parent"),
        Some(json!("entity-signal-action"))
    );
    assert!(members.remove("parentExecution").is_some());
    assert!(members.remove("Timestamp").is_some());
    assert!(members.remove("Predecessor").is_some());
    assert_eq!(signal, comparable(&turns[0].1)[0]);
    assert_eq!(result(&ours[0]), json!("signalled"));
}

/// The same for a scheduled signal, whose translation the history shows.
#[test]
fn a_scheduled_signal_is_that_of_the_host() {
    let function = OrchestratorFunction::new(
        Orchestrator::new("entityScheduled"),
        async |ctx: OrchestrationContext, (): ()| {
            let counter = COUNTER.id(ctx.instance_id());
            // To the millisecond, as the recorded worker.
            let now = ctx.now() - Duration::from_nanos(966_600);
            ctx.signal_entity_at(&counter, ADD, 3, now + Duration::from_secs(2))?;
            ctx.sleep_until(now + Duration::from_millis(4500)).await;
            Ok(ctx.call_entity(&counter, GET, ()).await?)
        },
    );
    let turns = turns(include_str!("fixtures/durable/entity-scheduled.json"));
    let ours = replay(&function, &turns);
    let sent = turns[1]
        .0
        .past_events
        .iter()
        .find_map(|event| match &event.event_type {
            Some(EventType::EventSent(sent)) => Some(sent),
            _ => None,
        });
    let sent = sent.unwrap();
    let mut signal = messages(&ours[0]).remove(0);
    let members = signal.as_object_mut().unwrap();
    assert_eq!(members.remove("event"), Some(json!(sent.name)));
    assert_eq!(members.remove("target"), Some(json!(sent.instance_id)));
    let mut theirs: Value = serde_json::from_str(sent.input.as_ref().unwrap()).unwrap();
    theirs["id"] = members["id"].clone();
    assert_eq!(members["due"], "2026-11-21T06:24:51.0660000Z");
    theirs["due"] = members["due"].clone();
    assert_eq!(signal, theirs);
    // The timer, and after it a call: the history matched.
    assert_eq!(messages(&ours[1])[0]["op"], "get");
}
