//! Orchestrations that lock entities, with work that ends in any order.

use durable_functions::testing::{Faults, TestHub};
use durable_functions::{
    Entity, EntityContext, EntityFunction, Operation, OrchestrationContext, Orchestrator, Result,
};

const COUNTER: Entity<i64> = Entity::new("Counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");
const SET: Operation<i64, ()> = Operation::new("set");
const TRANSFER: Orchestrator<i64, i64> = Orchestrator::new("transfer");

async fn add(_: EntityContext, count: &mut i64, n: i64) -> Result<i64> {
    *count += n;
    Ok(*count)
}

/// Reads and writes two entities with a lock, then signals a third and asks it.
async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<i64> {
    let (from, to) = (COUNTER.id("from"), COUNTER.id("to"));
    let lock = ctx.lock([&from, &to]).await?;
    let left = ctx.call_entity(&from, GET, ()).await?;
    let right = ctx.call_entity(&to, GET, ()).await?;
    ctx.call_entity(&from, SET, left - amount).await?;
    ctx.call_entity(&to, SET, right + amount).await?;
    lock.release();
    let log = COUNTER.id(ctx.instance_id());
    ctx.signal_entity(&log, ADD, amount)?;
    Ok(ctx.call_entity(&log, ADD, 1).await?)
}

#[tokio::test]
async fn orchestrations_share_locked_entities_without_losing_an_update() {
    for seed in 0..10 {
        let counter = EntityFunction::new(COUNTER)
            .on(ADD, add)
            .on(GET, async |_, count: &mut i64, ()| Ok(*count))
            .on(SET, async |_, count: &mut i64, n| {
                *count = n;
                Ok(())
            });
        let mut hub = TestHub::new()
            .with_seed(seed)
            .with_faults(Faults::all())
            .entity(counter)
            .orchestrator(TRANSFER, transfer);
        let mut ids = Vec::new();
        for amount in 1..=20 {
            ids.push(hub.start(TRANSFER, &amount).await.unwrap());
        }
        hub.run_until_idle().await.unwrap();
        for (amount, id) in (1..).zip(&ids) {
            assert_eq!(hub.output::<i64>(id).unwrap(), amount + 1);
        }
        assert_eq!(hub.entity_state(COUNTER, "from").unwrap(), Some(-210));
        assert_eq!(hub.entity_state(COUNTER, "to").unwrap(), Some(210));
        // The last release was taken: the entity can be locked again.
        assert_eq!(hub.run(TRANSFER, &1).await.unwrap(), 2);
    }
}
