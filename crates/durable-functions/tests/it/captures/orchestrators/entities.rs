//! Orchestrators that call, signal and lock entities. The recorded worker wrote the same ones for two
//! forms of messages; here they are one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Entity, EntityId, Operation, OrchestrationContext, Result, TaskError};
use serde::Serialize;

use super::{FailureRecord, Json, bound};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("entityCall", calls),
        bound("entityLabelled", calls),
        bound("entityLegacy", calls),
        bound("entityLock", lock_and_call_each),
        bound("entityLockLabelled", lock_and_read),
        bound("entityMissing", missing),
        bound("entityMissingLabelled", missing),
        bound("entityScheduled", scheduled),
        bound("entitySignalOnly", signal),
        bound("entityStarts", start),
    ]
}

const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, Json> = Operation::new("add");
const GET: Operation<(), Json> = Operation::new("get");

async fn calls(ctx: OrchestrationContext, (): ()) -> Result<Vec<Reply>> {
    let counter = COUNTER.id(ctx.instance_id());
    let mut replies = vec![
        reply(ctx.call_entity(&counter, ADD, 5).await),
        reply(ctx.call_entity(&counter, GET, ()).await),
    ];
    ctx.signal_entity(&counter, ADD, 10)?;
    replies.push(reply(ctx.call_entity(&counter, GET, ()).await));
    for name in ["fail", "noSuchOperation"] {
        let operation: Operation<(), Json> = Operation::new(name);
        replies.push(reply(ctx.call_entity(&counter, operation, ()).await));
    }
    Ok(replies)
}

#[derive(Serialize)]
struct Locked {
    granted: Reply,
    v: Reply,
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<Reply>,
}

async fn lock_and_call_each(ctx: OrchestrationContext, (): ()) -> Result<Locked> {
    let (a, b) = both(&ctx);
    let lock = ctx.lock([&a, &b]).await?;
    ctx.call_entity(&a, ADD, 1).await?;
    let v = reply(ctx.call_entity(&b, ADD, 2).await);
    lock.release();
    let granted = granted();
    Ok(Locked {
        granted,
        v,
        w: None,
    })
}

async fn lock_and_read(ctx: OrchestrationContext, (): ()) -> Result<Locked> {
    let (a, b) = both(&ctx);
    let lock = ctx.lock([&b, &a, &b]).await?;
    ctx.call_entity(&b, ADD, 1).await?;
    let v = reply(ctx.call_entity(&a, ADD, 2).await);
    let w = Some(reply(ctx.call_entity(&a, GET, ()).await));
    lock.release();
    let granted = granted();
    Ok(Locked { granted, v, w })
}

fn both(ctx: &OrchestrationContext) -> (EntityId, EntityId) {
    let id = |part| COUNTER.id(format!("{}.{part}", ctx.instance_id()));
    (id('a'), id('b'))
}

async fn missing(ctx: OrchestrationContext, (): ()) -> Result<Reply> {
    let unknown = Entity::<i64>::new("noSuchEntity").id("k");
    Ok(reply(ctx.call_entity(unknown, GET, ()).await))
}

async fn scheduled(ctx: OrchestrationContext, (): ()) -> Result<Reply> {
    let counter = COUNTER.id(ctx.instance_id());
    let now = to_the_millisecond(ctx.now());
    ctx.signal_entity_at(&counter, ADD, 3, now + Duration::from_secs(2))?;
    ctx.sleep_until(now + Duration::from_millis(4500)).await;
    Ok(reply(ctx.call_entity(&counter, GET, ()).await))
}

/// The recorded worker's clock; the time of a signal is part of its event's name.
fn to_the_millisecond(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    time - Duration::from_nanos(u64::from(since.subsec_nanos() % 1_000_000))
}

async fn signal(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    ctx.signal_entity(COUNTER.id(ctx.instance_id()), ADD, 4)?;
    Ok("signalled")
}

async fn start(ctx: OrchestrationContext, (): ()) -> Result<Reply> {
    #[derive(Serialize)]
    struct Start {
        id: String,
    }
    let id = format!("{}.started", ctx.instance_id());
    let actions: Operation<Start, Json> = Operation::new("actions");
    let counter = COUNTER.id(ctx.instance_id());
    Ok(reply(ctx.call_entity(counter, actions, Start { id }).await))
}

/// A reply in the host's form, which the recorded orchestrators returned as they got it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_details: Option<Details>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    error_type: String,
    error_message: String,
    inner_failure: Option<Box<Details>>,
    is_non_retriable: bool,
}

impl From<FailureRecord> for Details {
    fn from(record: FailureRecord) -> Self {
        Details {
            error_type: record.error_type,
            error_message: record.error_message,
            inner_failure: record
                .inner_failure
                .map(|inner| Box::new(Details::from(*inner))),
            is_non_retriable: record.is_non_retriable,
        }
    }
}

fn reply(outcome: Result<Json, TaskError>) -> Reply {
    match outcome {
        Ok(result) => Reply {
            result: Some(result.get().to_owned()).filter(|text| text != "null"),
            failure_details: None,
        },
        Err(error) => Reply {
            result: None,
            failure_details: Some(FailureRecord::new(&error.into_failure()).into()),
        },
    }
}

/// The text with which the host grants a lock. In this crate a lock is a guard without a text.
fn granted() -> Reply {
    Reply {
        result: Some("Lock Acquisition Completed".to_owned()),
        failure_details: None,
    }
}
