//! `SignalEntity`, `GetEntity`.

use std::sync::Arc;

use durable_protocol::messages::{
    EntityMetadata, GetEntityRequest, GetEntityResponse, SignalEntityRequest, SignalEntityResponse,
};
use task_hub::Signal;
use tonic::Status;
use uuid::Uuid;

use super::super::driver::OperationError;
use super::super::{Inner, nonchars};
use super::call::{Call, unavailable};
use crate::log::LogLevel;

/// Sends an operation without an answer. As on a real host, the entity need not have a function, and an id
/// that is not an entity's is accepted.
pub(super) async fn signal_entity(
    hub: Arc<Inner>,
    call: Call<SignalEntityRequest>,
) -> Result<SignalEntityResponse, Status> {
    let signal = call.message;
    if let Some(other) = call.other_hub {
        let message = format!(
            "A durable client signalled '{}' in the task hub '{other}'. local-host has only the task \
             hub '{}'; on a real host, the signal would wait there for another app.",
            signal.instance_id, hub.options.task_hub_name
        );
        hub.log(LogLevel::Error, message.clone());
        return Err(Status::failed_precondition(message));
    }
    let Ok(id) = Uuid::parse_str(&signal.request_id) else {
        hub.log(
            LogLevel::Error,
            format!(
                "SignalEntity failed: requestId '{}' is not a GUID.",
                signal.request_id
            ),
        );
        return Err(Status::unknown("Exception was thrown by handler."));
    };
    if !signal.instance_id.starts_with('@') {
        hub.log(
            LogLevel::Warning,
            format!(
                "Signal '{}' to '{}' was dropped: this is not the id of an entity, @name@key. A real \
                 host drops it silently.",
                signal.name, signal.instance_id
            ),
        );
        return Ok(SignalEntityResponse {});
    }
    if nonchars::refused(&hub, "the name of an operation", Some(&signal.name))
        || nonchars::refused(&hub, "the input of an operation", signal.input.as_deref())
    {
        return Err(Status::unknown("Exception was thrown by handler."));
    }
    let signal = Signal {
        entity: signal.instance_id,
        operation: signal.name,
        input: signal.input,
        request_id: id.to_string(),
        scheduled: signal.scheduled_time.map(Into::into),
    };
    match hub.driver.operate(|hub, at| hub.signal(at, signal)).await {
        Ok(()) => Ok(SignalEntityResponse {}),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
        Err(OperationError::Refused(error)) => Err(Status::invalid_argument(error.to_string())),
    }
}

/// The state of an entity. One that does not exist is no error.
pub(super) async fn get_entity(
    hub: Arc<Inner>,
    call: Call<GetEntityRequest>,
) -> Result<GetEntityResponse, Status> {
    let request = call.message;
    let entity = match call.other_hub {
        Some(_) => None,
        None => {
            let id = request.instance_id;
            let read = hub.driver.read(move |hub| hub.entity(&id)).await;
            read.map_err(unavailable)?
        }
    };
    Ok(GetEntityResponse {
        exists: entity.is_some(),
        entity: entity.map(|seen| EntityMetadata {
            serialized_state: seen.serialized_state.filter(|_| request.include_state),
            ..seen
        }),
    })
}
