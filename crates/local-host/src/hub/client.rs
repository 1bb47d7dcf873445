//! The operations of clients: start, query, raise events, suspend, resume, terminate.
//!
//! The rules and texts are those of extension 3.14.1; `grpc` maps them to status codes.

use std::collections::BTreeMap;
use std::sync::Arc;

use durable_protocol::messages::{
    CreateInstanceRequest, ExecutionStartedEvent, OrchestrationInstance, OrchestrationStatus,
};
use uuid::Uuid;

use super::instance::{Instance, Message, blocks_start};
use super::{Inner, clock, events};
use crate::log::LogLevel;

/// Why an instance was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StartError {
    #[error("An Orchestration instance with the ID {0} already exists.")]
    AlreadyExists(String),
    /// A real host would accept the start and then fail to process the message, again and again. There is no
    /// other check of ids here: over gRPC a real host has none, and the worker has its own.
    #[error(
        "The instance ID '{0}' begins with '@', which is for entities. A real host accepts the \
         start, cannot process the message and slows down the whole task hub."
    )]
    EntityId(String),
}

/// Why an operation on an instance was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManageError {
    #[error("Value cannot be null. (Parameter '{0}')")]
    Missing(&'static str),
    #[error("No instance with ID '{0}' was found. (Parameter 'instanceId')")]
    NotFound(String),
    #[error(
        "Cannot {verb} the orchestration instance {id} because instance is in the {status} state."
    )]
    WrongStatus {
        verb: &'static str,
        id: String,
        status: &'static str,
    },
}

impl Inner {
    /// Starts an instance and returns its id.
    pub(super) fn start_instance(
        self: &Arc<Self>,
        request: CreateInstanceRequest,
    ) -> Result<String, StartError> {
        let id = if request.instance_id.is_empty() {
            Uuid::new_v4().simple().to_string()
        } else {
            request.instance_id
        };
        if id.starts_with('@') {
            return Err(StartError::EntityId(id));
        }
        let replaceable = request
            .orchestration_id_reuse_policy
            .map(|policy| policy.replaceable_status);
        // A policy can only make the rule stricter: a running instance is never replaced.
        let blocks = move |status: OrchestrationStatus| {
            blocks_start(status)
                || replaceable.is_some_and(|allowed| !allowed.contains(&i32::from(status)))
        };
        let version = request
            .version
            .or_else(|| self.options.default_version.clone());
        let start = start_event(
            &id,
            request.name,
            version,
            request.input,
            request.scheduled_start_timestamp,
            request.tags,
        );
        if self.start(&id, start, blocks) {
            Ok(id)
        } else {
            Err(StartError::AlreadyExists(id))
        }
    }

    pub(super) fn raise_event(
        self: &Arc<Self>,
        id: &str,
        name: String,
        input: Option<String>,
    ) -> Result<(), ManageError> {
        if !id.is_empty() && name.is_empty() {
            return Err(ManageError::Missing("eventName"));
        }
        let instance = self.find(id)?;
        ensure(&instance, "raise an event for", |status| {
            !status.is_terminal()
        })?;
        self.send(&instance, events::event_raised(clock::now(), name, input));
        Ok(())
    }

    pub(super) fn terminate(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), ManageError> {
        let instance = self.find(id)?;
        ensure(&instance, "terminate", |status| !status.is_terminal())?;
        if instance.terminate_before_start(reason.clone()) {
            self.log(
                LogLevel::Warning,
                format!(
                    "Orchestration '{id}' was terminated before its scheduled start. It shows \
                     Terminated now, still runs at its time and then shows how that ended: so does a \
                     real host."
                ),
            );
            return Ok(());
        }
        self.send(&instance, events::terminated(clock::now(), reason));
        Ok(())
    }

    pub(super) fn suspend(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), ManageError> {
        let instance = self.find(id)?;
        ensure(&instance, "suspend", |status| {
            !status.is_terminal() && status != OrchestrationStatus::Suspended
        })?;
        self.send(&instance, events::suspended(clock::now(), reason));
        Ok(())
    }

    pub(super) fn resume(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), ManageError> {
        let instance = self.find(id)?;
        ensure(&instance, "resume", |status| {
            status == OrchestrationStatus::Suspended
        })?;
        self.send(&instance, events::resumed(clock::now(), reason));
        Ok(())
    }

    pub(super) fn find(&self, id: &str) -> Result<Arc<Instance>, ManageError> {
        if id.is_empty() {
            return Err(ManageError::Missing("instanceId"));
        }
        self.instance(id)
            .ok_or_else(|| ManageError::NotFound(id.to_owned()))
    }

    /// Messages of clients go to the execution that is current when they arrive.
    fn send(
        self: &Arc<Self>,
        instance: &Instance,
        event: durable_protocol::messages::HistoryEvent,
    ) {
        self.deliver(
            &instance.id,
            Message {
                execution: None,
                event,
            },
        );
    }
}

fn ensure(
    instance: &Instance,
    verb: &'static str,
    allowed: impl FnOnce(OrchestrationStatus) -> bool,
) -> Result<(), ManageError> {
    let status = instance.status();
    if allowed(status) {
        return Ok(());
    }
    Err(ManageError::WrongStatus {
        verb,
        id: instance.id.clone(),
        status: status.as_str(),
    })
}

fn start_event(
    id: &str,
    name: String,
    version: Option<String>,
    input: Option<String>,
    scheduled: Option<prost_types::Timestamp>,
    tags: BTreeMap<String, String>,
) -> ExecutionStartedEvent {
    ExecutionStartedEvent {
        name,
        version,
        input,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: id.to_owned(),
            // A client's start has an id with hyphens; all others have none.
            execution_id: Some(Uuid::new_v4().hyphenated().to_string()),
        }),
        scheduled_start_timestamp: scheduled.map(clock::cut),
        tags,
        ..ExecutionStartedEvent::default()
    }
}
