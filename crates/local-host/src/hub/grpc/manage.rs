//! `RaiseEvent`, `TerminateInstance`, `SuspendInstance`, `ResumeInstance`, `RewindInstance`.

use std::sync::Arc;

use durable_protocol::messages::{
    RaiseEventRequest, RaiseEventResponse, ResumeRequest, ResumeResponse, RewindInstanceRequest,
    RewindInstanceResponse, SuspendRequest, SuspendResponse, TerminateRequest, TerminateResponse,
};
use tonic::Status;

use super::super::Inner;
use super::super::client::ManageError;
use super::super::nonchars::{self, STORAGE_ERROR};
use super::call::Call;
use crate::log::LogLevel;

/// Sends an external event. Suspended instances take it too.
pub(super) async fn raise_event(
    hub: Arc<Inner>,
    call: Call<RaiseEventRequest>,
) -> Result<RaiseEventResponse, Status> {
    let request = call.message;
    if nonchars::refused(&hub, "the name of an event", Some(&request.name))
        || nonchars::refused(&hub, "the data of an event", request.input.as_deref())
    {
        return Err(Status::unknown(STORAGE_ERROR));
    }
    unless_elsewhere(call.other_hub, &request.instance_id)
        .and_then(|()| hub.raise_event(&request.instance_id, request.name, request.input))
        .map(|()| RaiseEventResponse {})
        .map_err(|error| match error {
            ManageError::Missing(_) => Status::invalid_argument(error.to_string()),
            ManageError::NotFound(_) => Status::not_found(error.to_string()),
            ManageError::WrongStatus { .. } => Status::failed_precondition(
                "The orchestration instance with the provided instance id is not running.",
            ),
        })
}

/// Sends the reason to the orchestrator, which then ends. Sub-orchestrations keep running, even with
/// `recursive`.
pub(super) async fn terminate(
    hub: Arc<Inner>,
    call: Call<TerminateRequest>,
) -> Result<TerminateResponse, Status> {
    let request = call.message;
    if nonchars::refused(
        &hub,
        "the reason of a termination",
        request.output.as_deref(),
    ) {
        return Err(Status::unknown(STORAGE_ERROR));
    }
    if request.recursive {
        hub.log(
            LogLevel::Warning,
            format!(
                "Orchestration '{}' is terminated without its sub-orchestrations: like a real host, \
                 local-host ignores `recursive`.",
                request.instance_id
            ),
        );
    }
    unless_elsewhere(call.other_hub, &request.instance_id)
        .and_then(|()| hub.terminate(&request.instance_id, request.output))
        .map(|()| TerminateResponse {})
        .map_err(|error| match error {
            ManageError::Missing(_) => Status::invalid_argument(error.to_string()),
            ManageError::NotFound(_) => Status::not_found(format!("ArgumentException: {error}")),
            ManageError::WrongStatus { .. } => {
                Status::failed_precondition(format!("InvalidOperationException: {error}"))
            }
        })
}

/// Marks the instance as suspended. There are still turns: the worker holds events back.
pub(super) async fn suspend(
    hub: Arc<Inner>,
    call: Call<SuspendRequest>,
) -> Result<SuspendResponse, Status> {
    let request = call.message;
    unless_elsewhere(call.other_hub, &request.instance_id)
        .and_then(|()| hub.suspend(&request.instance_id, request.reason))
        .map(|()| SuspendResponse {})
        .map_err(|error| unknown(&hub, "SuspendInstance", &error))
}

/// Ends a suspension.
pub(super) async fn resume(
    hub: Arc<Inner>,
    call: Call<ResumeRequest>,
) -> Result<ResumeResponse, Status> {
    let request = call.message;
    unless_elsewhere(call.other_hub, &request.instance_id)
        .and_then(|()| hub.resume(&request.instance_id, request.reason))
        .map(|()| ResumeResponse {})
        .map_err(|error| unknown(&hub, "ResumeInstance", &error))
}

/// Rewinds a failed instance.
pub(super) async fn rewind(
    hub: Arc<Inner>,
    call: Call<RewindInstanceRequest>,
) -> Result<RewindInstanceResponse, Status> {
    let request = call.message;
    unless_elsewhere(call.other_hub, &request.instance_id)
        .and_then(|()| hub.rewind(&request.instance_id, request.reason))
        .map(|()| RewindInstanceResponse {})
        .map_err(|error| match error {
            ManageError::Missing(_) | ManageError::NotFound(_) => {
                Status::not_found(error.to_string())
            }
            ManageError::WrongStatus { .. } => Status::failed_precondition(
                "The rewind operation is only supported on failed orchestration instances.",
            ),
        })
}

/// An error for a call to another task hub, which has no instances here.
fn unless_elsewhere(other_hub: Option<String>, id: &str) -> Result<(), ManageError> {
    match other_hub {
        Some(_) => Err(ManageError::NotFound(id.to_owned())),
        None => Ok(()),
    }
}

/// The status that extension 3.14.1 returns; 3.19.0 returns a better one.
fn unknown(hub: &Inner, method: &str, error: &ManageError) -> Status {
    hub.log(LogLevel::Error, format!("{method} failed: {error}"));
    Status::unknown("Exception was thrown by handler.")
}
