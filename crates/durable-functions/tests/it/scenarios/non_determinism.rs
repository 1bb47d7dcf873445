//! Code that no longer does what its history says.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Event, OrchestrationContext};
use durable_protocol::messages::{
    EventSentEvent, EventType, OrchestratorRequest, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceCreatedEvent, TaskScheduledEvent, TimerCreatedEvent,
};

use crate::support::{Host, actions, answer, event, failure, orchestrator};

fn calls() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call(Activity::<(), ()>::new("work"), ()).await?)
    })
}

fn sleeps() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(Duration::from_secs(1)).await;
        Ok(())
    })
}

fn sends() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.send_event("other", Event::new("Ping"), 1)?;
        Ok(ctx.wait_for(Event::<u8>::new("pong")).await?)
    })
}

fn returns() -> OrchestratorFunction {
    orchestrator(async |_, (): ()| Ok(()))
}

/// The second turn of an instance whose history says that its first action was `first`.
fn second_turn(
    function: &OrchestratorFunction,
    first: EventType,
    new: Option<EventType>,
) -> OrchestratorRequest {
    let host = Host::new(function.clone(), None);
    let mut request = host.request();
    request.past_events = request.new_events.clone();
    request.past_events.push(event(0, first, 0));
    request.new_events.truncate(1);
    request
        .new_events
        .extend(new.map(|kind| event(-1, kind, 1)));
    request
}

fn failure_message(
    function: OrchestratorFunction,
    first: EventType,
    new: Option<EventType>,
) -> String {
    let answer = answer(&function, &second_turn(&function, first, new));
    assert_eq!(answer.actions.len(), 1, "nothing but the completion");
    let failure = failure(&answer);
    assert_eq!(failure.error_type, "NonDeterminism");
    assert!(failure.is_non_retriable);
    failure.error_message
}

fn scheduled(name: &str) -> EventType {
    EventType::TaskScheduled(Box::new(TaskScheduledEvent {
        name: name.to_owned(),
        ..Default::default()
    }))
}

fn created(name: &str) -> EventType {
    EventType::SubOrchestrationInstanceCreated(Box::new(SubOrchestrationInstanceCreatedEvent {
        instance_id: "child-1".to_owned(),
        name: name.to_owned(),
        ..Default::default()
    }))
}

fn child_completed() -> Option<EventType> {
    Some(EventType::SubOrchestrationInstanceCompleted(
        SubOrchestrationInstanceCompletedEvent {
            task_scheduled_id: 0,
            result: None,
        },
    ))
}

fn sent(target: &str, name: &str) -> EventType {
    EventType::EventSent(Box::new(EventSentEvent {
        instance_id: target.to_owned(),
        name: name.to_owned(),
        input: Some("1".to_owned()),
    }))
}

#[test]
fn s27_a_timer_that_is_an_activity_now_is_noticed() {
    let timer = EventType::TimerCreated(TimerCreatedEvent { fire_at: None });
    let message = failure_message(calls(), timer, None);
    assert!(message.contains("action #0 was timer"), "{message}");
    assert!(message.contains("activity 'work' (#0)"), "{message}");
}

/// An orchestrator that ends where its history goes on fails, too, although it had its result.
#[test]
fn s28_an_activity_that_nothing_asks_for_any_more_is_noticed() {
    let message = failure_message(returns(), scheduled("work"), None);
    assert!(
        message.contains("action #0 was activity 'work'"),
        "{message}"
    );
    assert!(message.contains("asks for nothing more"), "{message}");
}

#[test]
fn s29_an_activity_that_is_a_timer_now_is_noticed() {
    let message = failure_message(sleeps(), scheduled("work"), None);
    assert!(
        message.contains("action #0 was activity 'work'"),
        "{message}"
    );
    assert!(message.contains("asks for timer (#0)"), "{message}");
}

#[test]
fn s30_an_activity_of_another_name_is_noticed() {
    let message = failure_message(calls(), scheduled("work-before"), None);
    assert!(message.contains("activity 'work-before'"), "{message}");
    assert!(
        message.contains("asks for activity 'work' (#0)"),
        "{message}"
    );
}

#[test]
fn s33_a_child_that_nothing_asks_for_any_more_is_noticed() {
    let message = failure_message(returns(), created("child"), child_completed());
    assert!(
        message.contains("was sub-orchestration 'child'"),
        "{message}"
    );
}

#[test]
fn s34_a_child_that_is_an_activity_now_is_noticed() {
    let message = failure_message(calls(), created("work"), child_completed());
    assert!(
        message.contains("was sub-orchestration 'work'"),
        "{message}"
    );
    assert!(message.contains("asks for activity 'work'"), "{message}");
}

#[test]
fn s39_an_event_that_was_sent_is_recognised_without_regard_to_letter_case() {
    let function = sends();
    for name in ["Ping", "ping", "PING"] {
        let request = second_turn(&function, sent("other", name), None);
        assert!(actions(&answer(&function, &request)).is_empty(), "{name}");
    }
}

#[test]
fn s40_another_event_than_the_one_that_was_sent_is_noticed() {
    for (function, first) in [
        (sends(), sent("other", "Pong")),
        // Instance ids differ by letter case.
        (sends(), sent("Other", "Ping")),
        (calls(), sent("other", "Ping")),
        (returns(), sent("other", "Ping")),
        (sends(), scheduled("Ping")),
        // What was sent to an entity is no event to an instance.
        (sends(), sent("@counter@a", "Ping")),
    ] {
        failure_message(function, first, None);
    }
}
