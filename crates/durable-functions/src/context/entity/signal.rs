//! Signalling an entity.

use std::time::SystemTime;

use durable_protocol::Timestamp;
use serde::Serialize;

use super::super::OrchestrationContext;
use crate::{EntityId, Failure, Operation};

impl OrchestrationContext {
    /// Signals an entity to run an operation. There is no answer; a failure of the operation is in the
    /// entity function's log.
    ///
    /// Signals and calls of one orchestration to one entity arrive in the order in which they were
    /// sent.
    ///
    /// # Errors
    /// A failure of type [`InvalidEntityId`](crate::error_type::INVALID_ENTITY_ID),
    /// [`InvalidInput`](crate::error_type::INVALID_INPUT), or
    /// [`CriticalSection`](crate::error_type::CRITICAL_SECTION) when this orchestration has locked
    /// the entity; nothing is sent then.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn signal_entity<I: Serialize, O>(
        &self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: I,
    ) -> Result<(), Failure> {
        self.note_site();
        self.signal(entity.as_ref(), operation.name(), &input, None)
    }

    /// The same, but the operation runs at `time` (UTC), however far ahead. It has no order among
    /// the other messages; a time in the past is now.
    ///
    /// # Errors
    /// As for [`signal_entity`](Self::signal_entity).
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn signal_entity_at<I: Serialize, O>(
        &self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: I,
        time: SystemTime,
    ) -> Result<(), Failure> {
        self.note_site();
        let due = Timestamp::from(time);
        self.signal(entity.as_ref(), operation.name(), &input, Some(due))
    }

    fn signal<I: Serialize>(
        &self,
        entity: &EntityId,
        operation: &str,
        input: &I,
        due: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let input = self.input(input, "operation", operation, false);
        let mut state = self.state.borrow_mut();
        state.signal_entity(entity, operation, || input, due)
    }
}
