//! `PurgeInstances`, `RestartInstance`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_protocol::messages::{
    OrchestrationStatus, PurgeInstanceFilter, PurgeInstancesRequest, PurgeInstancesResponse,
    PurgeTarget, RestartInstanceRequest, RestartInstanceResponse,
};
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::{Error, Moment, Store as _};
use tonic::Status;

use super::super::Inner;
use super::super::driver::{OperationError, TaskHub};
use super::call::{Call, unavailable};
use super::lists::{ENDED, statuses};
use super::tree::children;

/// How many instances one step removes at most, so that other calls are not held up.
const INSTANCES_PER_STEP: usize = 500;

/// Removes one instance that has ended, or all that a filter accepts.
///
/// A real host removes running instances and entities, too, when a filter names no status, and it leaves
/// sub-orchestrations alone. Clients of workers get what they ask for: what has ended, with its sub-orchestrations.
pub(super) async fn purge_instances(
    hub: Arc<Inner>,
    call: Call<PurgeInstancesRequest>,
) -> Result<PurgeInstancesResponse, Status> {
    let request = call.message;
    let Some(target) = request.request else {
        return Err(Status::invalid_argument(
            "Unknown purge request type 'None'.",
        ));
    };
    let recursive = request.recursive && hub.serves_workers();
    let mut is_complete = hub.serves_workers().then_some(true);
    let count = match (call.other_hub, target) {
        (_, PurgeTarget::InstanceBatch(_)) if !hub.serves_workers() => {
            return Err(Status::invalid_argument(
                "Unknown purge request type 'InstanceBatch'.",
            ));
        }
        (Some(_), _) => 0,
        (None, PurgeTarget::InstanceId(id))
            if request.is_orchestration && is_entity(&hub, &id).await? =>
        {
            let running = OrchestrationStatus::Running;
            return Err(not_ended(&id, running));
        }
        (None, PurgeTarget::InstanceId(id)) => purge_one(&hub, id, recursive).await?,
        (None, PurgeTarget::InstanceBatch(batch)) => {
            let mut count = 0;
            for id in batch.instance_ids {
                count += purge_one(&hub, id, recursive).await?;
            }
            count
        }
        (None, PurgeTarget::PurgeInstanceFilter(mut filter)) => {
            let timeout = filter.timeout.take().map(Duration::try_from).transpose();
            let timeout = timeout.map_err(|_| {
                Status::invalid_argument("The timeout of a purge must not be negative.")
            })?;
            let (count, is_whole) = purge_all(&hub, filter, recursive, timeout).await?;
            // A real host says so only when there is a limit.
            is_complete = is_complete.or(timeout.map(|_| true)).map(|_| is_whole);
            count
        }
    };
    Ok(PurgeInstancesResponse {
        deleted_instance_count: i32::try_from(count).unwrap_or(i32::MAX),
        is_complete,
    })
}

async fn purge_one(hub: &Inner, id: String, recursive: bool) -> Result<usize, Status> {
    let purged = hub
        .driver
        .operate(move |hub, at| purge_tree(hub, at, id, recursive));
    match purged.await {
        Ok(count) => Ok(count),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
        Err(OperationError::Refused(Error::WrongStatus { id, status, .. })) => {
            Err(not_ended(&id, status))
        }
        // There is no such instance.
        Err(OperationError::Refused(_)) => Ok(0),
    }
}

fn not_ended(id: &str, status: OrchestrationStatus) -> Status {
    Status::failed_precondition(format!(
        "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID {id} has \
         status {}",
        status.as_str()
    ))
}

/// Whether it is an entity, which as an instance runs for ever.
async fn is_entity(hub: &Inner, id: &str) -> Result<bool, Status> {
    if !id.starts_with('@') {
        return Ok(false);
    }
    let id = id.to_owned();
    let read = hub.driver.read(move |hub| hub.store().entity(&id)).await;
    Ok(read.map_err(unavailable)?.is_some())
}

/// Removes an instance and, with `recursive`, the sub-orchestrations that its history names and that have ended.
fn purge_tree(
    hub: &mut TaskHub,
    at: &mut Moment<'_>,
    id: String,
    recursive: bool,
) -> Result<usize, Error> {
    let mut below = if recursive {
        children(hub, &id)?
    } else {
        Vec::new()
    };
    hub.purge(at, &id)?;
    let mut count = 1;
    while let Some(child) = below.pop() {
        let further = children(hub, &child)?;
        match hub.purge(at, &child) {
            Ok(()) => {
                count += 1;
                below.extend(further);
            }
            Err(Error::Store(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(count)
}

/// How many were removed, and whether these are all: it ends early when the time is up.
async fn purge_all(
    hub: &Inner,
    filter: PurgeInstanceFilter,
    recursive: bool,
    timeout: Option<Duration>,
) -> Result<(usize, bool), Status> {
    let began = Instant::now();
    let mut filter = InstanceFilter {
        statuses: statuses(&filter.runtime_status),
        created_from: filter.created_time_from.map(Into::into),
        created_to: filter.created_time_to.map(Into::into),
        prefix: String::new(),
    };
    if hub.serves_workers() {
        if filter.statuses.is_empty() {
            filter.statuses = ENDED.to_vec();
        }
        filter.statuses.retain(|status| status.is_terminal());
        if filter.statuses.is_empty() {
            return Ok((0, true));
        }
    }
    let mut count = 0;
    loop {
        if timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            return Ok((count, false));
        }
        let filter = filter.clone();
        let purged = if recursive {
            let page = PageRequest {
                after: None,
                limit: INSTANCES_PER_STEP,
            };
            hub.driver
                .step(move |hub, at| {
                    let rows = hub.store().instances(&filter, &page)?.rows;
                    let is_last = rows.len() < INSTANCES_PER_STEP;
                    let mut purged = 0;
                    for row in rows {
                        purged += match purge_tree(hub, at, row.id, true) {
                            Ok(count) => count,
                            Err(Error::Store(error)) => return Err(error),
                            // A sub-orchestration of another row: it is gone.
                            Err(_) => 0,
                        };
                    }
                    Ok((purged, is_last || purged == 0))
                })
                .await
        } else {
            hub.driver
                .step(move |hub, at| {
                    let purged = hub.purge_all(at, &filter, INSTANCES_PER_STEP)?;
                    Ok((purged, purged < INSTANCES_PER_STEP))
                })
                .await
        };
        let (purged, is_last) = purged.map_err(unavailable)?;
        count += purged;
        if is_last {
            return Ok((count, true));
        }
    }
}

/// Starts an instance again with its name, input and tags.
pub(super) async fn restart_instance(
    hub: Arc<Inner>,
    call: Call<RestartInstanceRequest>,
) -> Result<RestartInstanceResponse, Status> {
    let RestartInstanceRequest {
        instance_id: id,
        restart_with_new_instance_id: new_id,
    } = call.message;
    if call.other_hub.is_some() {
        return Err(not_found(&Error::NotFound(id)));
    }
    // The text of a refusal has the status.
    let restarted = hub.driver.operate(move |hub, at| {
        let status = hub.instance(&id)?.map(|instance| instance.status);
        match hub.restart(at, &id, new_id) {
            Err(Error::AlreadyExists(_)) => Ok(Err(status.unwrap_or_default())),
            outcome => outcome.map(Ok),
        }
    });
    match restarted.await {
        Ok(Ok(instance_id)) => Ok(RestartInstanceResponse { instance_id }),
        Ok(Err(status)) => Err(Status::failed_precondition(format!(
            "Non-terminal instance with this instance ID already exists: An Orchestration instance with the status \
             {} already exists.",
            status.as_str()
        ))),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
        Err(OperationError::Refused(error)) => Err(not_found(&error)),
    }
}

fn not_found(error: &Error) -> Status {
    Status::not_found(format!("ArgumentException: {error}"))
}
