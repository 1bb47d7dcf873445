//! Calling an entity.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{OrchestrationContext, TaskFuture};
use crate::{EntityId, Operation, TaskError};

impl OrchestrationContext {
    /// Calls an operation of an entity and gives its result.
    ///
    /// The call is sent when this returns. An entity runs one operation at a time, in the order in
    /// which one orchestration sends them; one that does not exist yet begins with its initial
    /// state. Dropping the future forgets the result; the operation cannot be taken back.
    ///
    /// ```
    /// use durable_functions::{Entity, OrchestrationContext, Operation, Result};
    ///
    /// const COUNTER: Entity<i64> = Entity::new("counter");
    /// const ADD: Operation<i64, i64> = Operation::new("add");
    ///
    /// async fn count(ctx: OrchestrationContext, key: String) -> Result<i64> {
    ///     Ok(ctx.call_entity(COUNTER.id(key), ADD, 5).await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// The future yields [`TaskError::Failed`] when the operation failed, with the failure that the
    /// entity function returned, and when there is no such entity function
    /// ([`EntityFunctionNotFound`](crate::error_type::ENTITY_FUNCTION_NOT_FOUND)). Nothing is sent
    /// when the id is not valid ([`InvalidEntityId`](crate::error_type::INVALID_ENTITY_ID)), when
    /// the input cannot be written as JSON ([`InvalidInput`](crate::error_type::INVALID_INPUT)), or
    /// when a [lock](Self::lock) forbids the call
    /// ([`CriticalSection`](crate::error_type::CRITICAL_SECTION)). It yields [`TaskError::Decode`]
    /// when the result is not an `O`.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn call_entity<I, O>(
        &self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: I,
    ) -> EntityFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let entity = entity.as_ref();
        let name = operation.name();
        let input = self.input(&input, "operation", name, false);
        self.note_site();
        let task = self.state.borrow_mut().call_entity(entity, name, || input);
        EntityFuture {
            answer: TaskFuture::entity(&self.state, task),
            entity: entity.clone(),
            operation: name,
        }
    }
}

/// The result of an operation, once it is there; see [`OrchestrationContext::call_entity`].
#[must_use = "the operation runs, but its result and its failure are lost unless this is awaited"]
pub struct EntityFuture<O> {
    answer: TaskFuture<O>,
    entity: EntityId,
    operation: &'static str,
}

impl<O: DeserializeOwned> Future for EntityFuture<O> {
    type Output = Result<O, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.answer).poll(context);
        polled.map_err(|error| {
            error.about(format!(
                "operation '{}' of '{}'",
                self.operation, self.entity
            ))
        })
    }
}
