//! `StartInstance`.

use std::sync::Arc;

use durable_protocol::messages::{CreateInstanceRequest, CreateInstanceResponse};
use task_hub::Error;
use tonic::Status;

use super::super::Inner;
use super::super::driver::OperationError;
use super::super::nonchars::{self, STORAGE_ERROR};
use super::call::{Call, unavailable};
use crate::log::LogLevel;

/// Starts an instance. As on a real host, the id is not checked and the orchestrator need not exist; without
/// it, the instance fails.
pub(super) async fn start_instance(
    hub: Arc<Inner>,
    call: Call<CreateInstanceRequest>,
) -> Result<CreateInstanceResponse, Status> {
    if let Some(other) = call.other_hub {
        let message = format!(
            "A durable client started '{}' in the task hub '{other}'. local-host has only the task \
             hub '{}'; on a real host, the instance would wait there for another app.",
            call.message.name, hub.options.task_hub_name
        );
        hub.log(LogLevel::Error, message.clone());
        return Err(Status::failed_precondition(message));
    }
    let start = &call.message;
    if nonchars::refused(&hub, "the id of an instance", Some(&start.instance_id))
        || nonchars::refused(&hub, "the name of an orchestrator", Some(&start.name))
        || nonchars::refused(&hub, "the input of an instance", start.input.as_deref())
    {
        return Err(Status::internal(format!(
            "Failed to start instance with ID {}.\nInner Exception message: {STORAGE_ERROR}.",
            start.instance_id
        )));
    }
    let request = call.message;
    let started = hub.driver.operate(|hub, at| hub.start(at, request)).await;
    match started {
        Ok(instance_id) => Ok(CreateInstanceResponse { instance_id }),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
        Err(OperationError::Refused(Error::EntityId(id))) => {
            // There is no other check of ids here: over gRPC a real host has none, and the worker has its own.
            let message = format!(
                "The instance ID '{id}' begins with '@', which is for entities. A real host accepts the \
                 start, cannot process the message and slows down the whole task hub."
            );
            hub.log(LogLevel::Error, message.clone());
            Err(Status::invalid_argument(message))
        }
        Err(OperationError::Refused(error)) => Err(Status::already_exists(error.to_string())),
    }
}
