//! Orchestrations that lock entities in the task hub of local-host.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    Entity, EntityContext, EntityFunction, Operation, OrchestrationContext, Orchestrator,
    OrchestratorFunction, Result, run_turn,
};
use durable_protocol::messages::{EntityBatchRequest, OrchestrationStatus};
use futures::future::{BoxFuture, join_all};
use local_host::hub::{DurableKind, Hub};
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use prost::Message;

use super::support::{
    Answer, Client, Log, function, inner_text, options, orchestrator, request_bytes, return_value,
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

struct App {
    counter: EntityFunction<i64>,
    transfer: OrchestratorFunction,
}

impl Invoke for App {
    fn invoke(&self, _: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let answer = match data.get("entity") {
            None => run_turn(&self.transfer, &inner_text(data.get("context").unwrap())),
            Some(context) => {
                let request = EntityBatchRequest::decode(&*request_bytes(context)).unwrap();
                let result = futures::executor::block_on(self.counter.run_batch(request));
                STANDARD.encode(result.encode_to_vec())
            }
        };
        Box::pin(async move { Ok(return_value(answer)) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orchestrations_share_locked_entities_without_losing_an_update() {
    let app = App {
        counter: EntityFunction::new(COUNTER)
            .on(ADD, add)
            .on(GET, async |_, count: &mut i64, ()| Ok(*count))
            .on(SET, async |_, count: &mut i64, n| {
                *count = n;
                Ok(())
            }),
        transfer: OrchestratorFunction::new(TRANSFER, transfer),
    };
    let functions = vec![
        orchestrator("transfer"),
        function("counter", DurableKind::Entity, "entity"),
    ];
    let log = Log::default();
    let hub = Hub::start(options(), functions, Arc::new(app), log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    let transfers = (1..=20).map(|n| {
        let client = client.clone();
        async move {
            let id = format!("t{n}");
            let amount = n.to_string();
            client.start(&id, "transfer", &amount).await;
            client.completion(&id).await
        }
    });
    for (n, state) in (1..).zip(join_all(transfers).await) {
        assert_eq!(
            state.orchestration_status(),
            OrchestrationStatus::Completed,
            "{state:?}"
        );
        assert_eq!(state.output, Some((n + 1).to_string()));
    }
    for (key, sum) in [("from", "-210"), ("to", "210")] {
        // The last release may still be under way.
        hub.wait_for_entity(&format!("@counter@{key}"), |seen| {
            seen.serialized_state.as_deref() == Some(sum) && seen.locked_by.is_none()
        })
        .await;
    }
    hub.stop().await;
}
