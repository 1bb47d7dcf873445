//! `PurgeInstances`, `RestartInstance`.

use std::sync::Arc;

use durable_protocol::messages::{
    PurgeInstanceFilter, PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget,
    RestartInstanceRequest, RestartInstanceResponse,
};
use task_hub::Error;
use task_hub::query::InstanceFilter;
use tonic::Status;

use super::super::Inner;
use super::super::driver::OperationError;
use super::call::{Call, unavailable};
use super::lists::statuses;

/// How many instances one step removes at most, so that other calls are not held up.
const INSTANCES_PER_STEP: usize = 500;

/// Removes one instance that has ended, or all that a filter accepts: as on a real host, running ones too.
pub(super) async fn purge_instances(
    hub: Arc<Inner>,
    call: Call<PurgeInstancesRequest>,
) -> Result<PurgeInstancesResponse, Status> {
    let Some(target) = call.message.request else {
        return Err(Status::invalid_argument(
            "Unknown purge request type 'None'.",
        ));
    };
    let count = match (call.other_hub, target) {
        (Some(_), _) => 0,
        (None, PurgeTarget::InstanceId(id)) => purge_one(&hub, id).await?,
        (None, PurgeTarget::PurgeInstanceFilter(filter)) => purge_all(&hub, filter).await?,
    };
    Ok(PurgeInstancesResponse {
        deleted_instance_count: i32::try_from(count).unwrap_or(i32::MAX),
        is_complete: None,
    })
}

async fn purge_one(hub: &Inner, id: String) -> Result<usize, Status> {
    match hub.driver.operate(move |hub, at| hub.purge(at, &id)).await {
        Ok(()) => Ok(1),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
        Err(OperationError::Refused(Error::WrongStatus { id, status, .. })) => {
            Err(Status::failed_precondition(format!(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID {id} \
                 has status {}",
                status.as_str()
            )))
        }
        // There is no such instance.
        Err(OperationError::Refused(_)) => Ok(0),
    }
}

async fn purge_all(hub: &Inner, filter: PurgeInstanceFilter) -> Result<usize, Status> {
    let filter = InstanceFilter {
        statuses: statuses(&filter.runtime_status),
        created_from: filter.created_time_from.map(Into::into),
        created_to: filter.created_time_to.map(Into::into),
        prefix: String::new(),
    };
    let mut count = 0;
    loop {
        let filter = filter.clone();
        let purged = hub
            .driver
            .step(move |hub, at| hub.purge_all(at, &filter, INSTANCES_PER_STEP))
            .await
            .map_err(unavailable)?;
        count += purged;
        if purged < INSTANCES_PER_STEP {
            return Ok(count);
        }
    }
}

/// Starts an instance again with its name and input.
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
