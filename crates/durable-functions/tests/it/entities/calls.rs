//! Entities from orchestrators: calls and signals.

use std::time::Duration;

use crate::support::entities::{messages, replied, request_id, sent};
use crate::support::{Host, actions, answer, at, failure, orchestrator, this};
use durable_functions::{Activity, Entity, EntityId, Event, Operation, OrchestrationContext};
use durable_protocol::messages::EventType;
use futures::future::join;
use serde::de::DeserializeOwned;
use serde_json::json;

const COUNTER: Entity<i64> = Entity::new("Counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");
const GO: Event<()> = Event::new("go");

fn a() -> EntityId {
    COUNTER.id("a")
}

fn b() -> EntityId {
    COUNTER.id("b")
}

#[test]
fn a_call_is_sent_when_it_is_made_and_its_answer_ends_it() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let five = ctx.call_entity(a(), ADD, 5);
        let get = ctx.call_entity(b(), GET, ());
        // Awaited in the other order.
        let (get, five) = (get.await?, five.await?);
        Ok((five, get))
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    assert_eq!(
        sent(&first),
        ["op add to @counter@a", "op get to @counter@b"]
    );
    let ask = &messages(&first)[0].3;
    assert_eq!(ask["input"], "5", "JSON text");
    assert_eq!(ask["signal"], false);
    assert_eq!(ask["parent"], "abc");
    assert_eq!(ask["parentExecution"], "e1");
    assert_eq!(messages(&first)[1].3.get("input"), None, "unit has none");
    replied(&mut host, &request_id(&first, 0), "5");
    assert!(host.turn().actions.is_empty());
    replied(&mut host, &request_id(&first, 1), "7");
    assert_eq!(actions(&host.turn()), ["#2 Completed([5,7])"]);
}

#[test]
fn results_of_every_kind_reach_the_orchestrator() {
    fn call<T: DeserializeOwned + serde::Serialize + 'static>(result: &str) -> Vec<String> {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx
                .call_entity(a(), Operation::<(), T>::new("x"), ())
                .await?)
        });
        let mut host = Host::new(function, None);
        let id = request_id(&host.turn(), 0);
        host.raised(&id, Some(&format!(r#"{{"result":{result}}}"#)));
        actions(&host.turn())
    }
    assert_eq!(call::<i64>(r#""5""#), ["#1 Completed(5)"]);
    assert_eq!(call::<String>(r#""\"t\"""#), [r#"#1 Completed("t")"#]);
    assert_eq!(call::<()>("null"), ["#1 Completed(null)"]);
    assert_eq!(call::<Option<u8>>("null"), ["#1 Completed(null)"]);
    assert_eq!(call::<Vec<bool>>(r#""[true]""#), ["#1 Completed([true])"]);
    assert_eq!(
        call::<i64>(r#""\"t\"""#)[0].split(':').next().unwrap(),
        "#1 Failed UnexpectedResult"
    );
}

#[test]
fn a_failed_operation_names_itself_and_keeps_its_type() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call_entity(a(), ADD, 1).await?)
    });
    for payload in [
        json!({"result": null, "failureDetails":
            {"ErrorType": "Refused", "ErrorMessage": "no", "IsNonRetriable": true}}),
        json!({"result": "\"no\"", "exceptionType": "Refused"}),
    ] {
        let mut host = Host::new(function.clone(), None);
        let id = request_id(&host.turn(), 0);
        let end = host.raised(&id, Some(&payload.to_string())).turn();
        let details = failure(&end);
        assert_eq!(details.error_type, "Refused");
        assert_eq!(
            details.error_message,
            "operation 'add' of '@counter@a' failed: no"
        );
    }
}

#[test]
fn what_cannot_be_sent_fails_and_is_not_counted_as_sent() {
    struct NoJson;
    impl serde::Serialize for NoJson {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let bad = Operation::<NoJson, ()>::new("bad");
        let mut types = vec![
            ctx.call_entity(a(), bad, NoJson)
                .await
                .unwrap_err()
                .into_failure(),
            ctx.signal_entity(a(), bad, NoJson).unwrap_err(),
            ctx.signal_entity(COUNTER.id(""), GET, ()).unwrap_err(),
        ];
        let invalid = Entity::<()>::new("a/b").id("k");
        types.push(
            ctx.call_entity(&invalid, GET, ())
                .await
                .unwrap_err()
                .into_failure(),
        );
        types.push(ctx.lock([&invalid]).await.err().unwrap().into_failure());
        let none: [EntityId; 0] = [];
        types.push(ctx.lock(none).await.err().unwrap().into_failure());
        ctx.signal_entity(a(), GET, ())?;
        let types: Vec<_> = types
            .iter()
            .map(|failure| failure.error_type().to_owned())
            .collect();
        Ok(types)
    });
    let mut host = Host::new(function, None);
    let end = host.turn();
    assert_eq!(sent(&end), ["op get to @counter@a"]);
    // An entity would wait for a predecessor that never comes.
    assert_eq!(messages(&end)[0].3["Predecessor"], "0001-01-01T00:00:00");
    assert!(actions(&end)[1].ends_with(
        r#"Completed(["InvalidInput","InvalidInput","InvalidEntityId","InvalidEntityId","InvalidEntityId","InvalidInput"])"#
    ));
}

#[test]
fn request_ids_are_of_the_execution_and_the_action_and_leave_new_uuid_alone() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let calls = (ctx.call_entity(a(), GET, ()), ctx.call_entity(a(), GET, ()));
        let uuid = ctx.new_uuid().to_string();
        drop(calls);
        Ok(uuid)
    });
    let ids = |clock, execution: Option<&str>| {
        let mut host = Host::new(function.clone(), None);
        host.clock = clock;
        if let Some(EventType::ExecutionStarted(started)) = &mut host.inbox[0].event_type {
            let instance = started.orchestration_instance.as_mut().unwrap();
            instance.execution_id = execution.map(str::to_owned);
        }
        let end = host.turn();
        (
            request_id(&end, 0),
            request_id(&end, 1),
            actions(&end)[2].clone(),
        )
    };
    let (first, second, end) = ids(0, Some("e1"));
    assert_ne!(first, second);
    // The .NET SDK's first id of this instance at this time.
    assert_eq!(
        end,
        r#"#2 Completed("a1239379-7719-5253-84a4-29155a59f930")"#
    );
    assert_eq!(first, "78d8d109-6b0c-5e45-8b2f-a55fdef29b54", "persisted");
    let again = ids(9, Some("e1"));
    assert_eq!(
        (&again.0, &again.1),
        (&first, &second),
        "delivered again later"
    );
    assert_ne!(ids(0, Some("e2")).0, first, "another generation");
    assert_ne!(
        ids(0, None).0,
        ids(9, None).0,
        "a host that sends no execution id"
    );
}

#[test]
fn late_and_duplicate_answers_are_no_external_events() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        drop(ctx.call_entity(a(), GET, ()));
        let kept = ctx.call_entity(a(), GET, ()).await?;
        ctx.wait_for(GO).await?;
        ctx.continue_as_new(this::<_, ()>(), kept).await
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    let (dropped, kept) = (request_id(&first, 0), request_id(&first, 1));
    replied(&mut host, &kept, "1");
    host.turn();
    replied(&mut host, &dropped, "2");
    // Delivered twice.
    replied(&mut host, &kept, "1");
    host.raised("other", Some("3")).raised("go", None);
    assert_eq!(actions(&host.turn()), ["#2 ContinuedAsNew(1) +other=3"]);
}

#[test]
fn answers_wait_while_the_instance_is_suspended() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call_entity(a(), GET, ()).await?)
    });
    let mut host = Host::new(function, None);
    let id = request_id(&host.turn(), 0);
    host.suspended().turn();
    replied(&mut host, &id, "4");
    assert!(host.turn().actions.is_empty());
    assert_eq!(actions(&host.resumed().turn()), ["#1 Completed(4)"]);
}

#[test]
fn a_scheduled_signal_is_due_at_its_time_and_never_hidden_for_too_long() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.signal_entity_at(a(), ADD, 1, at(60))?;
        ctx.signal_entity_at(a(), ADD, 1, ctx.now() + 30 * DAY)?;
        ctx.signal_entity_at(a(), ADD, 1, ctx.now() - DAY)?;
        ctx.signal_entity(a(), ADD, 1)?;
        Ok(())
    });
    let mut host = Host::new(function, None);
    let sent = messages(&host.turn());
    let due = |index: usize| {
        let (_, _, name, message) = &sent[index];
        (name.clone(), message["due"].as_str().map(str::to_owned))
    };
    let time = |day: &str| format!("2024-{day}.0000000Z");
    assert_eq!(
        due(0),
        (
            "op@".to_owned() + &time("01-02T03:05:05"),
            Some(time("01-02T03:05:05"))
        )
    );
    assert_eq!(
        due(1),
        (
            "op@".to_owned() + &time("01-05T03:04:05"),
            Some(time("02-01T03:04:05"))
        ),
        "Azure Storage hides a message for seven days at most"
    );
    assert_eq!(due(2).1, Some(time("01-01T03:04:05")));
    // Scheduled signals have no label, so the first message with one has no predecessor.
    assert_eq!(due(3), ("op".to_owned(), None));
    assert_eq!(sent[3].3["Predecessor"], "0001-01-01T00:00:00");
}

#[test]
fn changed_calls_are_noticed() {
    let call = |key: &'static str| {
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            Ok(ctx.call_entity(COUNTER.id(key), GET, ()).await?)
        })
    };
    let mut host = Host::new(call("a"), None);
    host.turn();
    let end = answer(&call("b"), &host.request());
    let details = failure(&end);
    assert_eq!(details.error_type, "NonDeterminism");
    let message = details.error_message;
    assert!(
        message.contains("event 'op' to '@counter@a'")
            && message.contains("event 'op' to '@counter@b' (#0)"),
        "{message}"
    );
}

#[test]
fn calls_activities_and_timers_combine() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let square = Activity::<u64, u64>::new("square");
        let (counted, squared) = join(
            ctx.timeout(Duration::from_secs(9), ctx.call_entity(a(), GET, ())),
            ctx.call(square, 3),
        )
        .await;
        Ok((counted.is_err(), squared?))
    });
    let mut host = Host::new(function, None);
    let first = host.turn();
    host.completed(1, "9").turn();
    let end = host.fired(2).turn();
    assert_eq!(actions(&end), ["#3 Completed([true,9])"]);
    assert_eq!(first.actions.len(), 3);
}
