//! `()` in the place of a payload ignores what was sent.

use crate::support::entities::{replied, request_id};
use crate::support::{Host, actions, orchestrator};
use durable_functions::worker::{ActivityFunction, run_batch};
use durable_functions::{
    Activity, ActivityContext, Entity, EntityFunction, Event, Operation, OrchestrationContext,
    Orchestrator,
};
use durable_protocol::messages::{EntityBatchRequest, OperationRequest, ResultType};

/// JSON texts of every kind.
const TEXTS: [&str; 6] = ["null", "1", r#""text""#, r#"{"a":[1]}"#, "[]", "true"];

#[test]
fn an_event_without_a_type_takes_every_payload() {
    for text in TEXTS.map(Some).into_iter().chain([None, Some("")]) {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.wait_for(Event::<()>::new("go")).await?)
        });
        let mut host = Host::new(function, None);
        host.turn();
        let end = host.raised("go", text).turn();
        assert_eq!(actions(&end), ["#0 Completed(null)"], "{text:?}");
    }
}

#[test]
fn an_orchestrator_without_an_input_takes_every_input() {
    for text in TEXTS {
        let function = orchestrator(async |_: OrchestrationContext, (): ()| Ok(1));
        let end = Host::new(function, Some(text)).turn();
        assert_eq!(actions(&end), ["#0 Completed(1)"], "{text}");
    }
}

#[test]
fn a_call_without_a_result_takes_every_result() {
    const CHILD: Orchestrator<(), ()> = Orchestrator::new("child");
    const WORK: Activity<(), ()> = Activity::new("work");
    const OP: Operation<(), ()> = Operation::new("op");
    for text in TEXTS {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let op = ctx.call_entity(Entity::<()>::new("e").id("k"), OP, ());
            ctx.call(WORK, ()).await?;
            ctx.call_orchestrator(CHILD, ()).await?;
            op.await?;
            Ok(1)
        });
        let mut host = Host::new(function, None);
        let asked = host.turn();
        replied(&mut host, &request_id(&asked, 0), text);
        host.completed(1, text).turn();
        let end = host.child_completed(2, text).turn();
        assert_eq!(actions(&end), ["#3 Completed(1)"], "{text}");
    }
}

#[tokio::test]
async fn an_activity_without_an_input_takes_every_input() {
    let work = Activity::<(), u8>::new("work");
    let function = ActivityFunction::new(work, async |_: ActivityContext, (): ()| Ok(1));
    for text in TEXTS.map(Some).into_iter().chain([None]) {
        let context = ActivityContext::new("work", "i");
        let answer = function.call(context, text).await.unwrap();
        assert!(
            answer.contains(r#""activityResult":1"#),
            "{text:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_operation_without_an_input_takes_every_input() {
    const OP: Operation<(), u8> = Operation::new("op");
    let entity = EntityFunction::new(Entity::<()>::new("e")).on(OP, async |_, _, ()| Ok(1));
    for text in TEXTS.map(Some).into_iter().chain([None, Some("")]) {
        let request = EntityBatchRequest {
            instance_id: "@e@k".to_owned(),
            operations: vec![OperationRequest {
                operation: "op".to_owned(),
                input: text.map(str::to_owned),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = run_batch(&entity, request).await;
        match answer.results[0].result_type.as_ref().unwrap() {
            ResultType::Success(success) => assert_eq!(success.result.as_deref(), Some("1")),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}
