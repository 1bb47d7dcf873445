//! Entities, called and locked by an orchestration.

use durable_functions::testing::TestHub;
use durable_functions::{
    Entity, EntityContext, EntityFunction, Failure, Operation, OrchestrationContext, Result,
};
use serde_json::{Value, json};

use super::{asked_for, failure, hub, orchestrator};

const BOX: Entity<Value> = Entity::new("box");
const PUT: Operation<Value, Value> = Operation::new("put");
const FAIL: Operation<(), Value> = Operation::new("fail");

async fn put(_: EntityContext, held: &mut Value, value: Value) -> Result<Value> {
    Ok(std::mem::replace(held, value))
}

fn with_box(hub: TestHub) -> TestHub {
    hub.entity(
        EntityFunction::new(BOX)
            .on(PUT, put)
            .on(FAIL, async |_, _: &mut Value, ()| {
                Err(Failure::new("Empty", "nothing is in it").into())
            }),
    )
}

#[tokio::test]
async fn s59_a_lock_asks_for_its_entities_in_one_order_and_once_each() {
    let mut hub = with_box(hub(async |ctx: OrchestrationContext, (): ()| {
        let [a, b] = [BOX.id("a"), BOX.id("b")];
        let lock = ctx.lock([&b, &a, &b]).await?;
        ctx.call_entity(&a, PUT, json!(1)).await?;
        lock.release();
        Ok(())
    }));
    hub.run(orchestrator::<(), ()>(), &())
        .with_id("a")
        .await
        .unwrap();
    assert_eq!(
        asked_for(&hub),
        [
            "#0 op to @box@a",
            "#1 op to @box@a",
            "#2 release to @box@b",
            "#3 release to @box@a"
        ]
    );
}

#[tokio::test]
async fn s60_a_failed_operation_names_itself_and_keeps_its_type() {
    let mut hub = with_box(hub(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call_entity(BOX.id("a"), FAIL, ()).await?)
    }));
    hub.start(orchestrator::<(), Value>(), &())
        .with_id("a")
        .await
        .unwrap();
    let failure = failure(&mut hub).await;
    assert!(failure.starts_with("Empty: "), "{failure}");
    assert!(
        failure.contains("'fail'") && failure.ends_with("nothing is in it"),
        "{failure}"
    );
}

#[tokio::test]
async fn s62_s63_results_of_every_kind_reach_the_orchestrator() {
    let kinds = [
        json!(null),
        json!(7),
        json!("text"),
        json!([1, "a"]),
        json!({"a": {"b": null}}),
    ];
    let mut hub = with_box(hub(async |ctx: OrchestrationContext, kinds: Vec<Value>| {
        let id = BOX.id("a");
        let mut results = Vec::new();
        for value in kinds {
            results.push(ctx.call_entity(&id, PUT, value).await?);
        }
        results.push(ctx.call_entity(&id, PUT, Value::Null).await?);
        Ok(results)
    }));
    let handle = orchestrator::<Vec<Value>, Vec<Value>>();
    let results = hub.run(handle, &kinds.to_vec()).await.unwrap();
    assert_eq!(results[1..], kinds);
}
