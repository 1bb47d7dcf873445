//! One instance, as the client sees it.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{ClientError, DurableClient, status};
use crate::InstanceStatus;

/// One instance of an orchestrator with output `O`.
pub struct Instance<O> {
    client: DurableClient,
    id: String,
    output: PhantomData<fn() -> O>,
}

impl<O> Instance<O> {
    pub(super) fn new(client: DurableClient, id: String) -> Self {
        Instance {
            client,
            id,
            output: PhantomData,
        }
    }

    /// The id of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state of the instance, or `None` when it does not exist.
    ///
    /// # Errors
    /// [`ClientError::InvalidId`]; [`ClientError::Rpc`].
    pub async fn status(&self) -> Result<Option<InstanceStatus>, ClientError> {
        self.client.status(&self.id).await
    }

    /// Waits until the instance has ended, at most for `limit`, and gives its last state. For an
    /// unknown id it waits as well: the instance may still be started.
    ///
    /// # Errors
    /// [`ClientError::NotEnded`] when the limit passed first; [`ClientError::InvalidId`];
    /// [`ClientError::Rpc`].
    pub async fn wait(&self, limit: Duration) -> Result<InstanceStatus, ClientError> {
        status::wait(&self.client.connection, &self.id, limit).await
    }
}

impl<O> fmt::Debug for Instance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.id).finish()
    }
}
