//! What workers call: `GetWorkItems`, and the end of each item.
//!
//! An answer whose token is not good any more is accepted and has no effect: the worker has done nothing wrong, and
//! the work was done by another one or is delivered again.

use std::sync::Arc;
use std::time::Duration;

use durable_protocol::messages::{
    AbandonTaskRequest, AbandonTaskResponse, ActivityResponse, CompleteTaskResponse,
    EntityBatchResult, GetWorkItemsRequest, HealthPing, OrchestratorResponse, WorkItem,
    WorkItemRequest,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use task_hub::work::{ActivityOutcome, BatchOutcome, Taken, TurnOutcome};
use task_hub::{Moment, StoreError, Token};
use tokio::sync::mpsc::UnboundedReceiver;
use tonic::Status;

use super::super::Inner;
use super::super::driver::TaskHub;
use super::super::streams::Streams;
use super::super::workers::Workers;
use super::call::{Call, unavailable};
use crate::log::LogLevel;

/// A worker hears at least this often that its stream is alive.
const PING: Duration = Duration::from_secs(30);

/// The stream of one worker.
pub(super) async fn get_work_items(
    hub: Arc<Inner>,
    call: Call<GetWorkItemsRequest>,
) -> Result<BoxStream<'static, Result<WorkItem, Status>>, Status> {
    let (number, items) = streams(&hub)?.connect(call.message);
    let stream = Connected { hub, number, items };
    stream.hub.driver.wake();
    let items = stream::unfold(stream, async |mut stream| {
        let item = match tokio::time::timeout(PING, stream.items.recv()).await {
            Ok(Some(item)) => Ok(item),
            // The hub has stopped.
            Ok(None) => return None,
            Err(_) => Ok(WorkItem {
                request: Some(WorkItemRequest::HealthPing(HealthPing {})),
                ..WorkItem::default()
            }),
        };
        Some((item, stream))
    });
    Ok(items.boxed())
}

/// Gives the worker's items back when the stream ends.
struct Connected {
    hub: Arc<Inner>,
    number: u64,
    items: UnboundedReceiver<WorkItem>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Ok(streams) = streams(&self.hub) {
            streams.disconnect(self.number);
            self.hub.driver.wake();
        }
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

pub(super) async fn complete_turn(
    hub: Arc<Inner>,
    call: Call<OrchestratorResponse>,
) -> Result<CompleteTaskResponse, Status> {
    let mut response = call.message;
    let token = std::mem::take(&mut response.completion_token);
    // Every turn brings the whole history: a worker that asks for it has lost something.
    let outcome = if response.requires_history {
        TurnOutcome::Abandoned
    } else {
        TurnOutcome::Answered(response)
    };
    end(&hub, token, |hub, at, token| {
        hub.turn_done(at, token, outcome)
    })
    .await?;
    Ok(CompleteTaskResponse {})
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
    end(&hub, response.completion_token, |hub, at, token| {
        hub.activity_done(at, token, outcome)
    })
    .await?;
    Ok(CompleteTaskResponse {})
}

pub(super) async fn complete_batch(
    hub: Arc<Inner>,
    call: Call<EntityBatchResult>,
) -> Result<CompleteTaskResponse, Status> {
    let mut result = call.message;
    let token = std::mem::take(&mut result.completion_token);
    end(&hub, token, |hub, at, token| {
        hub.batch_done(at, token, BatchOutcome::Answered(result))
    })
    .await?;
    Ok(CompleteTaskResponse {})
}

pub(super) async fn abandon_turn(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    end(&hub, call.message.completion_token, |hub, at, token| {
        hub.turn_done(at, token, TurnOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

pub(super) async fn abandon_activity(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    end(&hub, call.message.completion_token, |hub, at, token| {
        hub.activity_done(at, token, ActivityOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

pub(super) async fn abandon_batch(
    hub: Arc<Inner>,
    call: Call<AbandonTaskRequest>,
) -> Result<AbandonTaskResponse, Status> {
    end(&hub, call.message.completion_token, |hub, at, token| {
        hub.batch_done(at, token, BatchOutcome::Abandoned)
    })
    .await?;
    Ok(AbandonTaskResponse {})
}

/// Ends an item. Its place is free when the driver hands out work after the commit.
async fn end(
    hub: &Arc<Inner>,
    token: String,
    run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &Token) -> Result<Taken, StoreError>
    + Send
    + 'static,
) -> Result<Taken, Status> {
    streams(hub)?;
    let token = Token::from_text(token);
    let workers = Arc::clone(hub);
    let ended = hub.driver.step(move |hub, at| {
        let taken = run(hub, at, &token)?;
        if let Workers::Streams(streams) = &workers.workers {
            streams.answered(&token);
        }
        Ok(taken)
    });
    ended.await.map_err(unavailable)
}
