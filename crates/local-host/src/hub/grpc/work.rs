//! What workers call: `GetWorkItems`, and the end of each item.
//!
//! An answer whose token is not good any more is accepted and has no effect: the worker has done nothing wrong, and
//! the work was done by another one or is delivered again.

use std::sync::Arc;
use std::time::Duration;

use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityResponse, CompleteTaskResponse,
    EntityBatchResult, GetWorkItemsRequest, OrchestratorResponse,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use task_hub::work::{ActivityOutcome, BatchOutcome, Taken, TurnOutcome};
use task_hub::{Kind, Moment, StoreError, Token};
use tonic::Status;

use super::super::Inner;
use super::super::driver::TaskHub;
use super::super::streams::{Connected, RawItem, Streams};
use super::super::workers::Workers;
use super::call::{Call, unavailable};
use crate::log::LogLevel;

/// A worker hears at least this often that its stream is alive. Those for Python take two minutes of silence for a
/// lost connection.
const PING: Duration = Duration::from_secs(30);

/// The stream of one worker.
pub(super) async fn get_work_items(
    hub: Arc<Inner>,
    call: Call<GetWorkItemsRequest>,
) -> Result<BoxStream<'static, Result<RawItem, Status>>, Status> {
    let request = call.message;
    let connected = streams(&hub)?.connect(&request);
    let name = match request.worker_instance_id.as_str() {
        "" => format!("Worker {}", connected.number),
        id => format!("Worker {} ({id})", connected.number),
    };
    let functions = request.work_item_filters.map_or(String::new(), |filters| {
        let count = |number: usize, one: &str, more: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {more}"),
        };
        format!(
            " for {}, {} and {}",
            count(
                filters.orchestrations.len(),
                "orchestrator",
                "orchestrators"
            ),
            count(filters.activities.len(), "activity", "activities"),
            count(filters.entities.len(), "entity", "entities")
        )
    });
    hub.log(LogLevel::Info, format!("{name} has connected{functions}."));
    hub.driver.wake();
    let stream = Stream {
        hub,
        name,
        connected,
    };
    let items = stream::unfold(stream, async |mut stream| {
        let item = match tokio::time::timeout(PING, stream.connected.next()).await {
            Ok(Some((item, may_have_more))) => {
                if may_have_more {
                    stream.hub.driver.wake();
                }
                item
            }
            Ok(None) => return None,
            Err(_) => RawItem::ping(),
        };
        Some((Ok(item), stream))
    });
    Ok(items.boxed())
}

/// Gives the worker's items to others when the stream ends.
struct Stream {
    hub: Arc<Inner>,
    name: String,
    connected: Connected,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Ok(streams) = streams(&self.hub) else {
            return;
        };
        let left = match streams.disconnect(self.connected.number) {
            0 => String::new(),
            1 => " Another one gets its work item.".to_owned(),
            more => format!(" Others get its {more} work items."),
        };
        let name = &self.name;
        self.hub
            .log(LogLevel::Info, format!("{name} has disconnected.{left}"));
        self.hub.driver.wake();
    }
}

fn streams(hub: &Inner) -> Result<&Streams, Status> {
    match &hub.workers {
        Workers::Streams(streams) => Ok(streams),
        Workers::Handler { .. } => {
            let reason = "local-host runs the functions of an app here and serves no workers, like a real host. \
                          Start it with --worker to serve workers.";
            hub.log(LogLevel::Error, format!("A worker was refused: {reason}"));
            Err(Status::unimplemented(reason))
        }
    }
}

/// The whole answer, or a part of it. The last part ends the turn.
pub(super) async fn complete_turn(
    hub: Arc<Inner>,
    call: Call<OrchestratorResponse>,
) -> Result<CompleteTaskResponse, Status> {
    let mut response = call.message;
    let token = Token::from_text(std::mem::take(&mut response.completion_token));
    if response.is_partial {
        let added = streams(&hub)?.add_part(&token, response);
        added.map_err(Status::invalid_argument)?;
        return Ok(CompleteTaskResponse {});
    }
    let Some(parts) = streams(&hub)?.answered(&token, Kind::Turn) else {
        return Ok(stale(&hub));
    };
    let (outcome, done) = match parts.join(response) {
        // Every turn brings the whole history: a worker that asks for it has lost something.
        Ok(response) if response.requires_history => (TurnOutcome::Abandoned, Ok(())),
        Ok(response) => (TurnOutcome::Answered(response), Ok(())),
        Err(why) => (TurnOutcome::Abandoned, Err(Status::invalid_argument(why))),
    };
    step(&hub, token, |hub, at, token| {
        hub.turn_done(at, token, outcome)
    })
    .await?;
    done.map(|()| CompleteTaskResponse {})
}

pub(super) async fn complete_activity(
    hub: Arc<Inner>,
    call: Call<ActivityResponse>,
) -> Result<CompleteTaskResponse, Status> {
    let response = call.message;
    let outcome = match response.failure_details {
        Some(details) => ActivityOutcome::Failed(Some(details)),
        None => ActivityOutcome::Completed(response.result),
    };
    let token = response.completion_token;
    end(&hub, token, Kind::Activity, |hub, at, token| {
        hub.activity_done(at, token, outcome)
    })
    .await
}

pub(super) async fn complete_batch(
    hub: Arc<Inner>,
    call: Call<EntityBatchResult>,
) -> Result<CompleteTaskResponse, Status> {
    let mut result = call.message;
    let token = std::mem::take(&mut result.completion_token);
    // Every batch brings the state, as every turn its history.
    let outcome = if result.requires_state {
        BatchOutcome::Abandoned
    } else {
        BatchOutcome::Answered(result)
    };
    end(&hub, token, Kind::Batch, |hub, at, token| {
        hub.batch_done(at, token, outcome)
    })
    .await
}

pub(super) async fn abandon_turn(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    let token = call.message.completion_token;
    end(&hub, token, Kind::Turn, |hub, at, token| {
        hub.turn_done(at, token, TurnOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

pub(super) async fn abandon_activity(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    let token = call.message.completion_token;
    end(&hub, token, Kind::Activity, |hub, at, token| {
        hub.activity_done(at, token, ActivityOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

pub(super) async fn abandon_batch(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    let token = call.message.completion_token;
    end(&hub, token, Kind::Batch, |hub, at, token| {
        hub.batch_done(at, token, BatchOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

/// Ends an item.
async fn end(
    hub: &Inner,
    token: String,
    kind: Kind,
    run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &Token) -> Result<Taken, StoreError>
    + Send
    + 'static,
) -> Result<CompleteTaskResponse, Status> {
    let token = Token::from_text(token);
    if streams(hub)?.answered(&token, kind).is_none() {
        return Ok(stale(hub));
    }
    step(hub, token, run).await?;
    Ok(CompleteTaskResponse {})
}

/// The driver hands out work behind the commit: the place is free by then.
async fn step(
    hub: &Inner,
    token: Token,
    run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &Token) -> Result<Taken, StoreError>
    + Send
    + 'static,
) -> Result<(), Status> {
    let ended = hub.driver.step(move |hub, at| run(hub, at, &token)).await;
    if ended.map_err(unavailable)? == Taken::Stale {
        stale(hub);
    }
    Ok(())
}

fn stale(hub: &Inner) -> CompleteTaskResponse {
    hub.log(
        LogLevel::Info,
        "A worker's answer was dropped: its completion token is not good any more.".to_owned(),
    );
    CompleteTaskResponse {}
}
