//! Locks of entities: the rules inside a critical section, and that nothing stays locked.

use std::time::Duration;

use crate::support::entities::{granted, messages, replied, request_id, sent};
use crate::support::{Host, actions, answer, event, failure, orchestrator, this};
use durable_functions::{
    Entity, EntityId, Event, Operation, OrchestrationContext, Orchestrator, Result,
};
use durable_protocol::messages::{
    EventType, OrchestrationStatus, OrchestratorActionType, TaskScheduledEvent,
};
use futures::future::{Either, select};
use serde_json::{Value, json};

const COUNTER: Entity<i64> = Entity::new("Counter");
const GET: Operation<(), i64> = Operation::new("get");
const CHILD: Orchestrator<(), ()> = Orchestrator::new("child");
const GO: Event<()> = Event::new("go");

fn a() -> EntityId {
    COUNTER.id("a")
}

fn b() -> EntityId {
    COUNTER.id("b")
}

#[test]
fn a_critical_section_lasts_from_the_request_of_a_lock_to_its_release() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let mut inside = vec![ctx.is_in_critical_section()];
        let lock = ctx.lock([a()]);
        inside.push(ctx.is_in_critical_section());
        let lock = lock.await?;
        inside.push(ctx.is_in_critical_section());
        lock.release();
        inside.push(ctx.is_in_critical_section());
        Ok(inside)
    });
    let mut host = Host::new(function, None);
    let id = request_id(&host.turn(), 0);
    granted(&mut host, &id);
    let end = actions(&host.turn());
    assert!(
        end.last()
            .unwrap()
            .ends_with("Completed([false,true,true,false])"),
        "{end:?}"
    );
}

#[test]
fn a_lock_asks_for_its_entities_in_one_order_and_once_each() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let other = EntityId::new("ACCOUNT", "z");
        let _lock = ctx.lock([b(), other, a(), b()]).await?;
        ctx.wait_for(GO).await?;
        Ok(())
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    assert_eq!(sent(&first), ["op lock to @account@z"]);
    let (.., message) = &messages(&first)[0];
    assert_eq!(
        message["lockset"],
        json!([
            {"name": "account", "key": "z"},
            {"name": "counter", "key": "a"},
            {"name": "counter", "key": "b"}
        ])
    );
    assert_eq!((&message["pos"], &message["op"]), (&json!(0), &Value::Null));
    granted(&mut host, &request_id(&first, 0));
    assert!(host.turn().actions.is_empty());
    let end = host.raised("go", None).turn();
    assert_eq!(
        sent(&end),
        [
            "release to @counter@b",
            "release to @counter@a",
            "release to @account@z"
        ]
    );
    assert_eq!(
        messages(&end)[0].3,
        json!({"parent": "abc", "id": message["id"]})
    );
}

#[test]
fn inside_a_critical_section_the_rules_of_dotnet_hold() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let mut broken = Vec::new();
        let lock = ctx.lock([a()]);
        // Before the grant.
        broken.push(
            ctx.call_entity(a(), GET, ())
                .await
                .unwrap_err()
                .into_failure(),
        );
        let lock = lock.await?;
        broken.push(
            ctx.call_entity(b(), GET, ())
                .await
                .unwrap_err()
                .into_failure(),
        );
        broken.push(ctx.signal_entity(a(), GET, ()).unwrap_err());
        broken.push(ctx.lock([b()]).await.err().unwrap().into_failure());
        broken.push(
            ctx.call_orchestrator(CHILD, ())
                .await
                .unwrap_err()
                .into_failure(),
        );
        ctx.signal_entity(b(), GET, ())?;
        let first = ctx.call_entity(a(), GET, ());
        // While the first is open.
        broken.push(
            ctx.call_entity(a(), GET, ())
                .await
                .unwrap_err()
                .into_failure(),
        );
        let first = first.await?;
        let second = ctx.call_entity(a(), GET, ()).await?;
        lock.release();
        drop(ctx.call_orchestrator(CHILD, ()));
        for failure in &broken {
            assert_eq!(failure.error_type(), "CriticalSection");
            assert!(failure.is_non_retriable());
        }
        let last = ctx.call_entity(b(), GET, ()).await?;
        Ok((broken.len(), first, second, last))
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    assert_eq!(sent(&first), ["op lock to @counter@a"]);
    granted(&mut host, &request_id(&first, 0));
    let second = host.turn();
    assert_eq!(
        sent(&second),
        ["op get to @counter@b", "op get to @counter@a"]
    );
    assert_eq!(second.actions.len(), 2, "no child, and no second lock");
    replied(&mut host, &request_id(&second, 1), "1");
    let third = host.turn();
    assert_eq!(sent(&third), ["op get to @counter@a"]);
    replied(&mut host, &request_id(&third, 0), "2");
    let fourth = host.turn();
    assert_eq!(
        sent(&fourth),
        ["release to @counter@a", "op get to @counter@b"]
    );
    assert_eq!(fourth.actions.len(), 3, "and the child");
    replied(&mut host, &request_id(&fourth, 1), "3");
    let end = actions(&host.turn());
    assert!(end[0].ends_with("Completed([6,1,2,3])"), "{end:?}");
}

/// Locks a, and then ends as its input says.
async fn ending(ctx: OrchestrationContext, how: String) -> Result<()> {
    let lock = ctx.lock([a()]).await?;
    if how == "leak" {
        std::mem::forget(lock);
        ctx.wait_for(GO).await?;
        return Ok(());
    }
    let _lock = lock;
    ctx.wait_for(GO).await?;
    match how.as_str() {
        "fail" => Err(anyhow::anyhow!("no").into()),
        "panic" => panic!("no"),
        "continue" => ctx.continue_as_new(this(), how).await,
        _ => Ok(()),
    }
}

#[test]
fn a_lock_is_given_back_however_the_orchestrator_ends() {
    use OrchestrationStatus::{Completed, ContinuedAsNew, Failed, Terminated};
    for (how, status) in [
        ("return", Completed),
        ("leak", Completed),
        ("fail", Failed),
        ("panic", Failed),
        ("continue", ContinuedAsNew),
        ("terminate", Terminated),
    ] {
        let mut host = Host::new(orchestrator(ending), Some(&format!("{how:?}")));
        let first = host.turn();
        granted(&mut host, &request_id(&first, 0));
        assert!(host.turn().actions.is_empty());
        let end = match how {
            "terminate" => host.terminated("enough").turn(),
            _ => host.raised("go", None).turn(),
        };
        assert_eq!(sent(&end), ["release to @counter@a"], "{how}");
        match end.actions[1].orchestrator_action_type.as_ref().unwrap() {
            OrchestratorActionType::CompleteOrchestration(end) => {
                assert_eq!(end.orchestration_status, i32::from(status), "{how}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(end.actions.len(), 2);
        assert!(end.actions[0].id < end.actions[1].id);
    }
}

#[test]
fn a_lock_is_given_back_by_an_instance_that_fails_because_its_code_changed() {
    let mut host = Host::new(orchestrator(ending), Some("\"return\""));
    let first = host.turn();
    granted(&mut host, &request_id(&first, 0));
    host.turn();
    // The history goes on as this code never did, under the next number.
    let scheduled = TaskScheduledEvent {
        name: "old".to_owned(),
        ..Default::default()
    };
    host.past
        .push(event(1, EventType::TaskScheduled(Box::new(scheduled)), 2));
    let end = answer(&orchestrator(ending), &host.request());
    assert_eq!(sent(&end), ["release to @counter@a"]);
    assert_eq!(failure(&end).error_type, "NonDeterminism");
    assert_eq!(end.actions.len(), 2);
}

#[test]
fn a_lock_that_is_no_longer_awaited_is_released_when_it_is_granted() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let lock = ctx.lock([a()]);
        assert!(ctx.timeout(Duration::from_secs(5), lock).await.is_err());
        // No longer inside the critical section.
        let other = ctx.lock([b()]);
        match select(Box::pin(other), ctx.wait_for(GO)).await {
            Either::Left(_) => Ok("locked"),
            Either::Right(_) => Ok("waited"),
        }
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    let late = request_id(&first, 0);
    let second = host.fired(1).turn();
    assert_eq!(sent(&second), ["op lock to @counter@b"]);
    granted(&mut host, &late);
    assert_eq!(sent(&host.turn()), ["release to @counter@a"]);
    // The other is still asked for when the orchestrator ends.
    let end = host.raised("go", None).turn();
    assert_eq!(sent(&end), ["release to @counter@b"]);
    assert!(actions(&end)[1].ends_with(r#"Completed("waited")"#));
}

/// An entity knows who holds it by the instance alone. It would grant both of two requests, and end both
/// locks with the release of the first.
#[test]
fn a_lock_that_was_given_up_and_is_wanted_again_is_not_asked_for_twice() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let limited = ctx.timeout(Duration::from_secs(5), ctx.lock([a()])).await;
        assert!(limited.is_err());
        let _lock = ctx.lock([a()]).await?;
        ctx.wait_for(GO).await?;
        Ok("held")
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    let request = request_id(&first, 0);
    assert!(sent(&host.fired(1).turn()).is_empty());
    granted(&mut host, &request);
    assert!(host.turn().actions.is_empty(), "it is held");
    let end = host.raised("go", None).turn();
    assert_eq!(sent(&end), ["release to @counter@a"]);
    assert!(actions(&end)[1].ends_with(r#"Completed("held")"#));
}

#[test]
fn a_set_that_overlaps_a_lock_that_was_given_up_is_refused() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let limited = ctx.timeout(Duration::from_secs(5), ctx.lock([a()])).await;
        assert!(limited.is_err());
        match ctx.lock([a(), b()]).await {
            Ok(_) => Ok("locked".to_owned()),
            Err(error) => Ok(error.into_failure().error_type().to_owned()),
        }
    });
    let mut host = Host::new(function, None);
    host.turn();
    let end = actions(&host.fired(1).turn());
    assert!(
        end.last()
            .unwrap()
            .ends_with(r#"Completed("CriticalSection")"#),
        "{end:?}"
    );
}

#[test]
fn a_lock_that_is_granted_and_dropped_in_the_same_turn_is_given_back() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let (lock, go) = (ctx.lock([a()]), ctx.wait_for(GO));
        // The grant arrives first, but the future is not polled.
        go.await?;
        drop(lock);
        ctx.wait_for(GO).await?;
        Ok(())
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    granted(&mut host, &request_id(&first, 0));
    assert_eq!(
        sent(&host.raised("go", None).turn()),
        ["release to @counter@a"]
    );
    assert_eq!(
        actions(&host.raised("go", None).turn()),
        ["#2 Completed(null)"]
    );
}

#[test]
fn a_lock_that_is_refused_is_an_error_and_leaves_nothing_locked() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let failure = ctx.lock([a(), b()]).await.err().unwrap().into_failure();
        ctx.call_entity(a(), GET, ()).await?;
        Ok(failure.error_type().to_owned())
    });
    let mut host = Host::new(function, None);
    let id = request_id(&host.turn(), 0);
    let reply = json!({"result": "no", "exceptionType": "entity dispatch failed"});
    let second = host.raised(&id, Some(&reply.to_string())).turn();
    assert_eq!(
        sent(&second),
        [
            "release to @counter@b",
            "release to @counter@a",
            "op get to @counter@a"
        ]
    );
}

/// Hosts can deliver an answer twice. The second copy of the first answer must not count as the answer to
/// the second call.
#[test]
fn a_late_duplicate_of_an_answer_does_not_free_a_newer_call() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let _lock = ctx.lock([a()]).await?;
        let first = ctx.call_entity(a(), GET, ()).await?;
        let open = ctx.call_entity(a(), GET, ());
        ctx.wait_for(GO).await?;
        let third = ctx.call_entity(a(), GET, ()).await;
        let second = open.await?;
        Ok((
            first,
            second,
            format!("{:?}", third.unwrap_err()).contains("has not answered"),
        ))
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    granted(&mut host, &request_id(&first, 0));
    let called = host.turn();
    let answered = request_id(&called, 0);
    replied(&mut host, &answered, "1");
    let again = host.turn();
    let open = request_id(&again, 0);
    replied(&mut host, &answered, "1");
    assert!(sent(&host.raised("go", None).turn()).is_empty());
    replied(&mut host, &open, "2");
    let end = actions(&host.turn());
    assert_eq!(end.last().unwrap(), "#5 Completed([1,2,true])");
}
