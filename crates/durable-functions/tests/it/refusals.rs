//! An action that must not be sent fails at once, whatever the history says.

use std::time::Duration;

use crate::support::{Host, actions, answer, event, failure, orchestrator};
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{
    Activity, Entity, EntityId, HttpRequest, Operation, OrchestrationContext, Orchestrator, Result,
    RetryPolicy,
};
use durable_protocol::messages::{
    EventSentEvent, EventType, HistoryEvent, SubOrchestrationInstanceCreatedEvent,
    TaskScheduledEvent,
};
use serde::Serialize;

const COUNTER: Entity<i64> = Entity::new("counter");
const GET: Operation<(), i64> = Operation::new("get");
const CHILD: Orchestrator<(), ()> = Orchestrator::new("child");
const WORK: Activity<Unwritable, ()> = Activity::new("work");

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no text"))
    }
}

/// An orchestrator whose first action is refused, and how a history would confirm that action.
struct Refused {
    why: &'static str,
    function: OrchestratorFunction,
    confirmed: EventType,
}

fn sent(target: &str) -> EventType {
    EventType::EventSent(Box::new(EventSentEvent {
        instance_id: target.to_owned(),
        name: "op".to_owned(),
        input: Some("{}".to_owned()),
    }))
}

fn scheduled(name: &str) -> EventType {
    EventType::TaskScheduled(Box::new(TaskScheduledEvent {
        name: name.to_owned(),
        ..Default::default()
    }))
}

fn created(instance_id: &str) -> EventType {
    EventType::SubOrchestrationInstanceCreated(Box::new(SubOrchestrationInstanceCreatedEvent {
        instance_id: instance_id.to_owned(),
        name: "child".to_owned(),
        ..Default::default()
    }))
}

fn refused() -> Vec<Refused> {
    vec![
        Refused {
            why: "InvalidEntityId",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                Ok(ctx.call_entity(EntityId::new("", "a"), GET, ()).await?)
            }),
            confirmed: sent("@@a"),
        },
        Refused {
            why: "InvalidEntityId",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                drop(ctx.lock([EntityId::new("", "a")]).await?);
                Ok(())
            }),
            confirmed: sent("@@a"),
        },
        Refused {
            why: "InvalidInput",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                drop(ctx.lock(Vec::<EntityId>::new()).await?);
                Ok(())
            }),
            confirmed: sent("@counter@a"),
        },
        Refused {
            why: "InvalidInstanceId",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                Ok(ctx.call_orchestrator(CHILD, ()).with_id("@x").await?)
            }),
            confirmed: created("@x"),
        },
        Refused {
            why: "InvalidInput",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                Ok(ctx
                    .call_http(HttpRequest::get("ftp://x"))
                    .await?
                    .status()
                    .as_u16())
            }),
            confirmed: scheduled("BuiltIn::HttpActivity"),
        },
        Refused {
            why: "InvalidInput",
            function: orchestrator(async |ctx: OrchestrationContext, (): ()| {
                let policy = RetryPolicy::new(3, Duration::from_secs(1));
                Ok(ctx.call(WORK.with_retry(policy), Unwritable).await?)
            }),
            confirmed: scheduled("work"),
        },
    ]
}

/// The second turn of an instance whose history confirms its first action.
fn host_with(function: &OrchestratorFunction, confirmed: EventType) -> Host {
    let mut host = Host::new(function.clone(), None);
    let request = host.request();
    host.past = request.new_events;
    host.past.push(HistoryEvent {
        event_id: 0,
        ..event(0, confirmed, 0)
    });
    host.inbox.clear();
    host
}

#[test]
fn a_refused_action_fails_its_task_and_sends_nothing() {
    for Refused { why, function, .. } in refused() {
        let mut host = Host::new(function, None);
        let answer = host.turn();
        assert_eq!(answer.actions.len(), 1, "{why}: {:?}", actions(&answer));
        assert_eq!(failure(&answer).error_type, why);
    }
}

#[test]
fn a_history_that_holds_a_refused_action_is_not_deterministic() {
    for Refused {
        why,
        function,
        confirmed,
    } in refused()
    {
        let host = host_with(&function, confirmed);
        let answer = answer(&function, &host.request());
        let failure = failure(&answer);
        assert_eq!(failure.error_type, "NonDeterminism", "{why}");
        assert!(
            failure.error_message.contains("which is refused")
                && failure.error_message.contains(why),
            "{}",
            failure.error_message
        );
    }
}

/// The host keeps the number of a call that violates a critical section for the next action.
#[test]
fn a_call_that_violates_a_critical_section_is_refused_on_every_replay() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let lock = ctx.lock([COUNTER.id("a")]);
        let refused = ctx.call_entity(COUNTER.id("b"), GET, ()).await;
        drop(lock);
        ctx.sleep(Duration::from_secs(1)).await;
        Ok(format!("{:?}", refused.unwrap_err()).contains("await it"))
    });
    for kept in [KeptLimits::none(), KeptLimits::default().verify_every(1)] {
        let mut kept = KeptInstances::new(kept);
        let mut host = Host::new(function.clone(), None);
        let first = actions(&host.kept_turn(&mut kept));
        assert!(first[1].starts_with("#2 timer"), "{first:?}");
        let end = host.fired(2).kept_turn(&mut kept);
        assert_eq!(actions(&end).last().unwrap(), "#4 Completed(true)");
    }
}
