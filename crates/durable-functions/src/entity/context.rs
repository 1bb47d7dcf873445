//! What an operation knows, and what it may do besides changing its state.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
#[cfg(any(feature = "handler", feature = "worker"))]
use std::time::Duration;
use std::time::SystemTime;

use durable_protocol::messages::{
    OperationActionType, SendSignalAction, StartNewOrchestrationAction,
};
use durable_protocol::{EntityId, Timestamp};
use serde::Serialize;
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio::time::Instant;
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Operation;
use crate::codec;
use crate::name::{check_instance_id, check_name};
use crate::time_limit::TimeLimit;
use crate::{Failure, Orchestrator};

/// What an operation of an entity knows, and what it may do besides changing its state.
///
/// What it asks for (signals, new orchestrations, the deletion of its state) happens when the
/// operation has succeeded, and does not happen when it fails. Cheap to clone.
///
/// # Time
///
/// The host asks for operations in batches, and kills the whole handler if one batch takes longer than
/// `functionTimeout`. All operations of a batch share a `deadline` before that, at which `cancellation`
/// fires. A little later the batch is dropped, and all its operations fail, also those that had ended.
/// So an operation that can take long should watch the token and end.
#[derive(Clone)]
pub struct EntityContext {
    entity: Rc<EntityId>,
    operation: Rc<str>,
    request_id: Rc<str>,
    #[cfg_attr(
        not(any(feature = "handler", feature = "worker")),
        allow(dead_code, reason = "no host, no deadline")
    )]
    time_limit: TimeLimit,
    effects: Rc<RefCell<Effects>>,
}

/// What an operation asked for.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) actions: Vec<OperationActionType>,
    pub(super) delete_state: bool,
}

impl EntityContext {
    pub(super) fn new(
        entity: &Rc<EntityId>,
        operation: &str,
        request_id: &str,
        time_limit: &TimeLimit,
    ) -> Self {
        EntityContext {
            entity: Rc::clone(entity),
            operation: operation.into(),
            request_id: request_id.into(),
            time_limit: time_limit.clone(),
            effects: Rc::default(),
        }
    }

    pub(super) fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    /// The entity.
    pub fn id(&self) -> &EntityId {
        &self.entity
    }

    /// The name of the operation, spelled as the caller spelled it.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The id of this request. The same when the host delivers the request again, so it is fit as an
    /// idempotency key.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the batch should have ended, on tokio's clock; `None` when the host sets no limit.
    #[cfg(any(feature = "handler", feature = "worker"))]
    pub fn deadline(&self) -> Option<Instant> {
        self.time_limit.deadline
    }

    /// The time until the deadline; zero after it, `None` when the host sets no limit.
    #[cfg(any(feature = "handler", feature = "worker"))]
    pub fn remaining(&self) -> Option<Duration> {
        self.time_limit.remaining()
    }

    /// Fires at the deadline, when the handler or worker is told to stop, and when the batch was dropped.
    #[cfg(any(feature = "handler", feature = "worker"))]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.time_limit.cancellation
    }

    /// Deletes the state: the entity is as if it had never been called, and the next operation
    /// begins with the initial state. Changes of the state by this operation do not count then.
    pub fn delete_state(&self) {
        self.effects.borrow_mut().delete_state = true;
    }

    /// Signals another entity (or this one) to run an operation. There is no answer.
    ///
    /// # Errors
    /// A failure of type [`InvalidEntityId`](crate::error_type::INVALID_ENTITY_ID) or
    /// [`InvalidInput`](crate::error_type::INVALID_INPUT); nothing is sent then.
    pub fn signal<I: Serialize, O>(
        &self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: I,
    ) -> Result<(), Failure> {
        self.send_signal(entity.as_ref(), operation, &input, None)
    }

    /// The same, but the operation runs at `time` (UTC), however far ahead.
    ///
    /// # Errors
    /// As for [`signal`](Self::signal).
    pub fn signal_at<I: Serialize, O>(
        &self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: I,
        time: SystemTime,
    ) -> Result<(), Failure> {
        self.send_signal(entity.as_ref(), operation, &input, Some(time))
    }

    fn send_signal<I: Serialize, O>(
        &self,
        entity: &EntityId,
        operation: Operation<I, O>,
        input: &I,
        time: Option<SystemTime>,
    ) -> Result<(), Failure> {
        entity.check()?;
        let action = SendSignalAction {
            instance_id: entity.to_string(),
            name: operation.name().to_owned(),
            input: codec::write_named_input("operation", operation.name(), input)?,
            scheduled_time: time.map(|time| Timestamp::from(time).into()),
            ..Default::default()
        };
        self.act(OperationActionType::SendSignal(action));
        Ok(())
    }

    /// Starts an orchestrator of this app under a new id, which is returned.
    ///
    /// # Errors
    /// A failure of type [`InvalidInput`](crate::error_type::INVALID_INPUT); nothing is started
    /// then.
    pub fn start<I: Serialize, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        input: I,
    ) -> Result<String, Failure> {
        let id = Uuid::new_v4().simple().to_string();
        self.start_with_id(orchestrator, id.clone(), input)?;
        Ok(id)
    }

    /// The same with an instance id of your choice. It is not checked whether the id is in use: two
    /// instances that are active under one id overwrite each other.
    ///
    /// # Errors
    /// A failure of type [`InvalidInstanceId`](crate::error_type::INVALID_INSTANCE_ID) (see
    /// [`Start::with_id`](crate::Start::with_id)) or
    /// [`InvalidInput`](crate::error_type::INVALID_INPUT); nothing is started then.
    pub fn start_with_id<I: Serialize, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        id: impl Into<String>,
        input: I,
    ) -> Result<(), Failure> {
        let instance_id = id.into();
        check_instance_id(&instance_id)?;
        if let Some(version) = orchestrator.version {
            check_name("version", version)?;
        }
        let action = StartNewOrchestrationAction {
            instance_id,
            name: orchestrator.name.to_owned(),
            version: orchestrator.version.map(str::to_owned),
            input: codec::write_named_input("orchestrator", orchestrator.name, &input)?,
            ..Default::default()
        };
        self.act(OperationActionType::StartNewOrchestration(action));
        Ok(())
    }

    fn act(&self, action: OperationActionType) {
        self.effects.borrow_mut().actions.push(action);
    }
}

impl fmt::Debug for EntityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntityContext")
            .field("id", &self.entity)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
