//! External events, received and sent.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Event, OrchestrationContext, Result};
use serde::{Deserialize, Serialize};

use super::{Json, bound};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("event", one_event),
        bound("events", several),
        bound("eventsLate", late),
        bound("sender", sender),
        bound("senderNoData", sender_without_data),
        bound("senderNoInstance", sender_without_instance),
    ]
}

const ITEM: Event<Json> = Event::new("Item");

async fn one_event(ctx: OrchestrationContext, _: Json) -> Result<Json> {
    ctx.set_custom_status("waiting");
    Ok(ctx.wait_for(Event::new("Approval")).await?)
}

#[derive(Deserialize)]
struct Several {
    n: usize,
    #[serde(default)]
    ms: u64,
}

async fn several(ctx: OrchestrationContext, input: Several) -> Result<Vec<Json>> {
    let mut items = Vec::new();
    while items.len() < input.n {
        items.push(ctx.wait_for(ITEM).await?);
    }
    Ok(items)
}

async fn late(ctx: OrchestrationContext, input: Several) -> Result<Vec<Json>> {
    ctx.sleep(Duration::from_millis(input.ms)).await;
    several(ctx, input).await
}

#[derive(Deserialize)]
struct Receiver {
    to: String,
}

async fn sender(ctx: OrchestrationContext, receiver: Receiver) -> Result<&'static str> {
    #[derive(Serialize)]
    struct By {
        by: String,
    }
    let by = ctx.instance_id();
    ctx.send_event(receiver.to, Event::new("Approval"), By { by })?;
    Ok("sent")
}

async fn sender_without_data(
    ctx: OrchestrationContext,
    receiver: Receiver,
) -> Result<&'static str> {
    ctx.send_event(receiver.to, Event::new("Approval"), ())?;
    Ok("sent")
}

async fn sender_without_instance(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    ctx.send_event("", Event::new("x"), 1)?;
    Ok("sent")
}
