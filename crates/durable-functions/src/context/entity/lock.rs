//! Locking entities: critical sections.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use uuid::Uuid;

use super::super::{OrchestrationContext, TaskFuture};
use crate::engine::SharedState;
use crate::{EntityId, TaskError};

impl OrchestrationContext {
    /// Locks entities: until the guard is dropped or [released](EntityLock::release), they run no
    /// operations but those that this orchestration calls.
    ///
    /// The locks are asked for when this returns, and acquired in one order everywhere, so that
    /// orchestrations cannot block each other. A lock that is held is given back in any case: also
    /// when the orchestrator fails, panics, is terminated or continues as new. When this future is
    /// dropped before it is ready, for example by a time limit, the lock is given back as soon as
    /// it is granted; to lock the same set again before that takes up the old request, and a set
    /// that only overlaps fails with [`CriticalSection`](crate::error_type::CRITICAL_SECTION).
    ///
    /// One gap is the protocol's: an orchestrator that ends before a lock is granted cannot give it
    /// back, and entities that grant it later stay locked. So do not end while you wait for one:
    /// keep the future, and await it before the end.
    ///
    /// From the request until the release, as in .NET, an orchestration can only call entities that
    /// are locked, one call at a time for each; it cannot signal those, lock others, or start
    /// sub-orchestrations. What breaks these rules fails with the type
    /// [`CriticalSection`](crate::error_type::CRITICAL_SECTION) and has no effect. Nobody else gets
    /// to the entities meanwhile: hold a lock for as short as you can.
    ///
    /// ```
    /// use durable_functions::{Entity, OrchestrationContext, Operation, Result};
    ///
    /// const ACCOUNT: Entity<i64> = Entity::new("account");
    /// const BALANCE: Operation<(), i64> = Operation::new("balance");
    /// const ADD: Operation<i64, i64> = Operation::new("add");
    ///
    /// async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<bool> {
    ///     let (from, to) = (ACCOUNT.id("from"), ACCOUNT.id("to"));
    ///     let lock = ctx.lock([&from, &to]).await?;
    ///     let enough = ctx.call_entity(&from, BALANCE, ()).await? >= amount;
    ///     if enough {
    ///         ctx.call_entity(&from, ADD, -amount).await?;
    ///         ctx.call_entity(&to, ADD, amount).await?;
    ///     }
    ///     lock.release();
    ///     Ok(enough)
    /// }
    /// ```
    ///
    /// # Errors
    /// The future yields [`TaskError::Failed`] for an empty set
    /// ([`InvalidInput`](crate::error_type::INVALID_INPUT)), an id that is not valid
    /// ([`InvalidEntityId`](crate::error_type::INVALID_ENTITY_ID)), and inside a critical section
    /// ([`CriticalSection`](crate::error_type::CRITICAL_SECTION)); nothing is sent then.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn lock(&self, entities: impl IntoIterator<Item = impl AsRef<EntityId>>) -> LockFuture {
        let entities = entities
            .into_iter()
            .map(|entity| entity.as_ref().clone())
            .collect();
        self.note_site();
        let (task, section) = self.state.borrow_mut().request_lock(entities);
        LockFuture {
            granted: TaskFuture::entity(&self.state, task),
            lock: Some(Requested {
                state: Rc::clone(&self.state),
                section,
            }),
        }
    }
}

/// A lock, once it is granted; see [`OrchestrationContext::lock`].
#[must_use = "a lock that is not awaited is released as soon as it is granted"]
pub struct LockFuture {
    granted: TaskFuture<()>,
    /// Until it is granted or refused.
    lock: Option<Requested>,
}

/// The request for a lock, which is released when this is dropped.
struct Requested {
    state: SharedState,
    section: Uuid,
}

impl Drop for Requested {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.release_lock(self.section);
        }
    }
}

impl Future for LockFuture {
    type Output = Result<EntityLock, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.granted).poll(context);
        let Poll::Ready(granted) = polled else {
            return Poll::Pending;
        };
        let Some(request) = self.lock.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match granted {
            Ok(()) => Ok(EntityLock { _request: request }),
            Err(error) => Err(error.about("lock of entities".to_owned())),
        })
    }
}

/// Locked entities; dropping it releases them. See [`OrchestrationContext::lock`].
#[must_use = "the lock is released when this is dropped: give it a name"]
pub struct EntityLock {
    _request: Requested,
}

impl EntityLock {
    /// Releases the entities.
    pub fn release(self) {}
}
