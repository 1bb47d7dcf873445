//! `RaiseEvent`, `TerminateInstance`, `SuspendInstance`, `ResumeInstance`, `RewindInstance`.

use std::sync::Arc;

use durable_protocol::messages::{
    RaiseEventRequest, RaiseEventResponse, ResumeRequest, ResumeResponse, RewindInstanceRequest,
    RewindInstanceResponse, SuspendRequest, SuspendResponse, TerminateRequest, TerminateResponse,
};
use task_hub::{Error, Moment};
use tonic::Status;

use super::super::driver::{OperationError, TaskHub};
use super::super::nonchars::{self, STORAGE_ERROR};
use super::super::{Extension, Inner};
use super::call::{Call, unavailable};
use super::tree::children;
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
    let raised = operate(&hub, call.other_hub, request.instance_id, |hub, at, id| {
        hub.raise(at, id, request.name, request.input)
    });
    match raised.await? {
        Ok(()) => Ok(RaiseEventResponse {}),
        Err(error @ Error::Missing(_)) => Err(Status::invalid_argument(error.to_string())),
        Err(error @ Error::NotFound(_)) => Err(Status::not_found(error.to_string())),
        Err(_) => Err(Status::failed_precondition(
            "The orchestration instance with the provided instance id is not running.",
        )),
    }
}

/// Sends the reason to the orchestrator, which then ends. Sub-orchestrations end with it when a client of workers asks
/// for it; a real host does not do that.
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
    let recursive = request.recursive && hub.serves_workers();
    if request.recursive && !recursive {
        hub.log(
            LogLevel::Warning,
            format!(
                "Orchestration '{}' is terminated without its sub-orchestrations: like a real host, \
                 local-host ignores `recursive`.",
                request.instance_id
            ),
        );
    }
    let reason = request.output;
    let terminated = operate(
        &hub,
        call.other_hub,
        request.instance_id,
        move |hub, at, id| {
            hub.terminate(at, id, reason.clone())?;
            if recursive {
                terminate_below(hub, at, id, &reason)?;
            }
            Ok(())
        },
    );
    match terminated.await? {
        Ok(()) => Ok(TerminateResponse {}),
        Err(error) => Err(status_of(&error)),
    }
}

/// Terminates the sub-orchestrations that run.
fn terminate_below(
    hub: &mut TaskHub,
    at: &mut Moment<'_>,
    id: &str,
    reason: &Option<String>,
) -> Result<(), Error> {
    let mut below = children(hub, id)?;
    while let Some(child) = below.pop() {
        match hub.terminate(at, &child, reason.clone()) {
            Ok(()) => below.extend(children(hub, &child)?),
            Err(Error::Store(error)) => return Err(error.into()),
            // It has ended.
            Err(_) => {}
        }
    }
    Ok(())
}

/// Marks the instance as suspended. There are still turns: the worker holds events back.
pub(super) async fn suspend(
    hub: Arc<Inner>,
    call: Call<SuspendRequest>,
) -> Result<SuspendResponse, Status> {
    let request = call.message;
    let done = operate(&hub, call.other_hub, request.instance_id, |hub, at, id| {
        hub.suspend(at, id, request.reason)
    });
    match done.await? {
        Ok(()) => Ok(SuspendResponse {}),
        Err(error) => Err(refused(&hub, "SuspendInstance", &error)),
    }
}

/// Ends a suspension.
pub(super) async fn resume(
    hub: Arc<Inner>,
    call: Call<ResumeRequest>,
) -> Result<ResumeResponse, Status> {
    let request = call.message;
    let done = operate(&hub, call.other_hub, request.instance_id, |hub, at, id| {
        hub.resume(at, id, request.reason)
    });
    match done.await? {
        Ok(()) => Ok(ResumeResponse {}),
        Err(error) => Err(refused(&hub, "ResumeInstance", &error)),
    }
}

/// Rewinds a failed instance.
pub(super) async fn rewind(
    hub: Arc<Inner>,
    call: Call<RewindInstanceRequest>,
) -> Result<RewindInstanceResponse, Status> {
    let request = call.message;
    let rewound = operate(&hub, call.other_hub, request.instance_id, |hub, at, id| {
        hub.rewind(at, id, request.reason)
    });
    match rewound.await? {
        Ok(()) => Ok(RewindInstanceResponse {}),
        Err(error @ (Error::Missing(_) | Error::NotFound(_))) => {
            Err(Status::not_found(error.to_string()))
        }
        Err(_) => Err(Status::failed_precondition(
            "The rewind operation is only supported on failed orchestration instances.",
        )),
    }
}

/// Runs an operation on an instance. Another task hub has no instances here.
///
/// # Errors
/// The outer one: the hub could not carry it out. The inner one: it was refused.
async fn operate(
    hub: &Inner,
    other_hub: Option<String>,
    id: String,
    run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &str) -> Result<(), Error> + Send + 'static,
) -> Result<Result<(), Error>, Status> {
    if other_hub.is_some() {
        return Ok(Err(Error::NotFound(id)));
    }
    match hub.driver.operate(move |hub, at| run(hub, at, &id)).await {
        Ok(()) => Ok(Ok(())),
        Err(OperationError::Refused(error)) => Ok(Err(error)),
        Err(OperationError::Unavailable(error)) => Err(unavailable(error)),
    }
}

/// The status of a refused suspend or resume. That of extension 3.14.1 has no reason, so the log gets it.
fn refused(hub: &Inner, method: &str, error: &Error) -> Status {
    if !hub.serves_workers() && hub.options.extension < Extension::V3_19 {
        hub.log(LogLevel::Error, format!("{method} failed: {error}"));
        return Status::unknown("Exception was thrown by handler.");
    }
    status_of(error)
}

/// The texts begin with the name of a .NET exception.
fn status_of(error: &Error) -> Status {
    match error {
        Error::Missing(_) => Status::invalid_argument(error.to_string()),
        Error::NotFound(_) => Status::not_found(format!("ArgumentException: {error}")),
        _ => Status::failed_precondition(format!("InvalidOperationException: {error}")),
    }
}
