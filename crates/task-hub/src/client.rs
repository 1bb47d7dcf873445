//! The operations of clients.
//!
//! Invariant: an operation is refused by the status that clients see, so a client that is told of a success
//! has its message in the inbox. The rules are those of extension 3.x. A driver maps the errors to codes and
//! texts.

use std::collections::BTreeMap;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestrationStatus,
};

use crate::changes::Payload;
use crate::effects::blocks_start;
use crate::entity;
use crate::instance::Phase;
use crate::notice::Notice;
use crate::options::SOURCE_INSTANCE;
use crate::step::Step;
use crate::store::StoreError;
use crate::{events, ids};

/// What a client wanted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Raise,
    Suspend,
    Resume,
    Terminate,
    Rewind,
    Purge,
}

impl Verb {
    /// The words of the extension's messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Raise => "raise an event for",
            Verb::Suspend => "suspend",
            Verb::Resume => "resume",
            Verb::Terminate => "terminate",
            Verb::Rewind => "rewind",
            Verb::Purge => "purge",
        }
    }
}

/// Why an operation of a client was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The id is that of an instance whose status forbids a new start.
    #[error("An Orchestration instance with the ID {0} already exists.")]
    AlreadyExists(String),
    /// The id begins with `@`, which is for entities.
    #[error("The instance ID '{0}' begins with '@', which is for entities.")]
    EntityId(String),
    /// The id does not begin with `@`, so it is not an entity's.
    #[error("'{0}' is not the id of an entity, @name@key.")]
    NotAnEntityId(String),
    /// A parameter is empty.
    #[error("Value cannot be null. (Parameter '{0}')")]
    Missing(&'static str),
    /// There is no such instance.
    #[error("No instance with ID '{0}' was found. (Parameter 'instanceId')")]
    NotFound(String),
    /// The status of the instance forbids the operation.
    #[error(
        "Cannot {} the orchestration instance {id} because instance is in the {} state.",
        verb.as_str(),
        status.as_str()
    )]
    WrongStatus {
        /// The operation.
        verb: Verb,
        /// The instance.
        id: String,
        /// Its status.
        status: OrchestrationStatus,
    },
    /// The store failed; nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A signal of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// `@name@key`.
    pub entity: String,
    /// The name of the operation.
    pub operation: String,
    /// JSON text.
    pub input: Option<String>,
    /// The id of the request, a GUID.
    pub request_id: String,
    /// When it is due.
    pub scheduled: Option<Timestamp>,
}

impl Step<'_> {
    pub(crate) fn start_instance(
        &mut self,
        request: CreateInstanceRequest,
    ) -> Result<String, Error> {
        let id = if request.instance_id.is_empty() {
            ids::plain(self.ids)
        } else {
            request.instance_id
        };
        if entity::is_entity(&id) {
            return Err(Error::EntityId(id));
        }
        let replaceable = request
            .orchestration_id_reuse_policy
            .map(|policy| policy.replaceable_status);
        // A policy can only make the rule stricter: a running instance is never replaced.
        let blocks = |status: OrchestrationStatus| {
            blocks_start(status)
                || replaceable
                    .as_ref()
                    .is_some_and(|allowed| !allowed.contains(&i32::from(status)))
        };
        let version = request
            .version
            .or_else(|| self.options.default_version.clone());
        let start = ExecutionStartedEvent {
            version,
            scheduled_start_timestamp: request
                .scheduled_start_timestamp
                .map(|time| Timestamp::from(time).in_ticks().into()),
            // A client's start has an id with hyphens; all others have none.
            ..start_event(
                &id,
                ids::hyphenated(self.ids),
                request.name,
                request.input,
                request.tags,
            )
        };
        if self.start(&id, start, &blocks)? {
            Ok(id)
        } else {
            Err(Error::AlreadyExists(id))
        }
    }

    pub(crate) fn restart_instance(&mut self, id: &str, new_id: bool) -> Result<String, Error> {
        self.find(id)?;
        let input = self.store.payloads(id)?.input;
        let (name, mut tags) = self
            .instance(id)?
            .map(|old| (old.start.name.clone(), old.start.tags.clone()))
            .unwrap_or_default();
        let target = if new_id {
            ids::plain(self.ids)
        } else {
            id.to_owned()
        };
        if new_id && self.options.tags_restarts {
            tags.insert(SOURCE_INSTANCE.to_owned(), id.to_owned());
        }
        let start = ExecutionStartedEvent {
            version: self.options.default_version.clone(),
            ..start_event(&target, ids::plain(self.ids), name, input, tags)
        };
        if self.start(&target, start, &blocks_start)? {
            Ok(target)
        } else {
            Err(Error::AlreadyExists(target))
        }
    }

    pub(crate) fn raise(
        &mut self,
        id: &str,
        name: String,
        input: Option<String>,
    ) -> Result<(), Error> {
        if !id.is_empty() && name.is_empty() {
            return Err(Error::Missing("eventName"));
        }
        self.ensure(id, Verb::Raise, |status| !status.is_terminal())?;
        self.tell(id, &events::event_raised(self.now, name, input))
    }

    pub(crate) fn terminate(&mut self, id: &str, reason: Option<String>) -> Result<(), Error> {
        self.ensure(id, Verb::Terminate, |status| !status.is_terminal())?;
        let now = self.now;
        let is_scheduled = self
            .instance(id)?
            .is_some_and(|instance| instance.phase == Phase::Scheduled);
        if !is_scheduled {
            return self.tell(id, &events::terminated(now, reason));
        }
        // As in a real host, only the status changes: the instance still runs at its time.
        if let Some(change) = self.edit(id)? {
            change.record.status = OrchestrationStatus::Terminated;
            change.record.updated = now;
            change.output = Payload::Set(reason);
        }
        self.notice(Notice::TerminatedBeforeStart {
            instance: id.to_owned(),
        });
        Ok(())
    }

    pub(crate) fn suspend(&mut self, id: &str, reason: Option<String>) -> Result<(), Error> {
        self.ensure(id, Verb::Suspend, |status| {
            !status.is_terminal() && status != OrchestrationStatus::Suspended
        })?;
        self.tell(id, &events::suspended(self.now, reason))
    }

    pub(crate) fn resume(&mut self, id: &str, reason: Option<String>) -> Result<(), Error> {
        self.ensure(id, Verb::Resume, |status| {
            status == OrchestrationStatus::Suspended
        })?;
        self.tell(id, &events::resumed(self.now, reason))
    }

    pub(crate) fn purge(&mut self, id: &str) -> Result<(), Error> {
        if entity::is_entity(id) {
            if self.store.entity(id)?.is_none() {
                return Err(Error::NotFound(id.to_owned()));
            }
        } else {
            self.ensure(id, Verb::Purge, OrchestrationStatus::is_terminal)?;
        }
        self.changes.purged.push(id.to_owned());
        Ok(())
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        if !entity::is_entity(&signal.entity) {
            return Err(Error::NotAnEntityId(signal.entity));
        }
        let message = entity::Message::Request {
            request: entity::Request::signal(signal.request_id, signal.operation, signal.input),
            due: signal.scheduled.map(Timestamp::in_ticks),
            labelled: false,
        };
        Ok(self.deliver_to_entity(&signal.entity, message)?)
    }

    /// The status of an instance.
    pub(crate) fn find(&mut self, id: &str) -> Result<OrchestrationStatus, Error> {
        if id.is_empty() {
            return Err(Error::Missing("instanceId"));
        }
        let instance = self.instance(id)?;
        instance
            .map(|instance| instance.status)
            .ok_or_else(|| Error::NotFound(id.to_owned()))
    }

    fn ensure(
        &mut self,
        id: &str,
        verb: Verb,
        allowed: impl FnOnce(OrchestrationStatus) -> bool,
    ) -> Result<(), Error> {
        let status = self.find(id)?;
        if allowed(status) {
            return Ok(());
        }
        Err(Error::WrongStatus {
            verb,
            id: id.to_owned(),
            status,
        })
    }

    /// Messages of clients go to the execution that is current when they arrive.
    fn tell(&mut self, id: &str, event: &HistoryEvent) -> Result<(), Error> {
        // The status was checked: what is dropped here came to an instance that ends.
        let _ = self.deliver(id, None, event)?;
        Ok(())
    }
}

fn start_event(
    id: &str,
    execution: String,
    name: String,
    input: Option<String>,
    tags: BTreeMap<String, String>,
) -> ExecutionStartedEvent {
    ExecutionStartedEvent {
        name,
        input,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: id.to_owned(),
            execution_id: Some(execution),
        }),
        tags,
        ..ExecutionStartedEvent::default()
    }
}
