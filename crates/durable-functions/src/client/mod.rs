//! The durable client: starts instances and asks for their state, over the extension's gRPC service.
//!
//! In a function app, the address and the task hub come with every invocation of a function that has a
//! `durableClient` binding. Nothing is configured. The address must not be kept, because it changes when
//! the host restarts. The address of another sidecar is given by the user.

mod binding;
mod error;
mod instance;
pub(crate) mod rpc;
mod start;
mod status;

use std::fmt;

use binding::Binding;
pub use error::ClientError;
pub use instance::Instance;
use rpc::Connection;
pub use start::Start;

use crate::{InstanceStatus, Orchestrator};

/// Starts orchestration instances and asks for their state.
///
/// Cheap to clone. With the feature `handler` it is an axum extractor for HTTP functions that have a
/// `durableClient` binding.
#[derive(Clone)]
pub struct DurableClient {
    connection: Connection,
}

impl DurableClient {
    /// The client of a `durableClient` binding, from the JSON text that the host sends as its value.
    ///
    /// # Errors
    /// [`ClientError::InvalidBinding`] when the text is not such a JSON object, or names no
    /// `rpcBaseUrl`.
    pub fn from_binding(json: &str) -> Result<Self, ClientError> {
        let binding = Binding::parse(json)?;
        Ok(DurableClient {
            connection: Connection::open(&binding)?,
        })
    }

    /// The client of a sidecar of the Durable Task protocol, at an address such as
    /// `http://localhost:4001`: the Durable Task Scheduler's emulator, or another engine that a
    /// worker serves. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError::InvalidEndpoint`] when it is not a URL, or begins with `https://` without the feature
    /// `tls`.
    pub fn connect(endpoint: &str) -> Result<Self, ClientError> {
        Ok(DurableClient {
            connection: Connection::to(endpoint)?,
        })
    }

    /// Names the task hub in every call, as the Durable Task Scheduler and its emulator want it.
    ///
    /// # Errors
    /// [`ClientError::InvalidEndpoint`] when the name cannot be sent: it must be printable ASCII.
    pub fn with_task_hub(mut self, name: &str) -> Result<Self, ClientError> {
        let name = name.parse().map_err(|_| ClientError::InvalidEndpoint {
            reason: "the name of its task hub must be printable ASCII",
        })?;
        self.connection.name_task_hub(name);
        Ok(self)
    }

    /// Starts an instance of `orchestrator`. Await the returned value, after setting an id of your
    /// own if you want one:
    ///
    /// ```no_run
    /// # use durable_functions::{ClientError, DurableClient, Orchestrator};
    /// # async fn example(client: DurableClient) -> Result<(), ClientError> {
    /// const COUNT: Orchestrator<u64, u64> = Orchestrator::new("count");
    /// let instance = client.start(COUNT, &7).with_id("count-7").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::AlreadyExists`] when an instance with that id is pending, running or
    /// suspended; [`ClientError::InvalidId`] for an id that the host could not handle;
    /// [`ClientError::InvalidInput`]; [`ClientError::Rpc`], and then nothing was started.
    ///
    /// When the connection breaks before the answer comes, the host is asked for up to two seconds
    /// whether the instance exists. [`ClientError::StartUnknown`] says that this could not be found out,
    /// or that an instance exists under an id of your choice, which may be an earlier one.
    pub fn start<I, O>(&self, orchestrator: Orchestrator<I, O>, input: &I) -> Start<O>
    where
        I: serde::Serialize,
    {
        Start::new(self.clone(), orchestrator, input)
    }

    /// The instance with this id, whether or not it exists. Sends nothing.
    pub fn instance<I, O>(
        &self,
        _orchestrator: Orchestrator<I, O>,
        id: impl Into<String>,
    ) -> Instance<O> {
        Instance::new(self.clone(), id.into())
    }

    /// The state of the instance `id`, of whatever orchestrator; `None` when there is no such
    /// instance.
    ///
    /// # Errors
    /// [`ClientError::InvalidId`] for an id that no instance can be started with; nothing is sent
    /// then. [`ClientError::Rpc`].
    pub async fn status(&self, id: &str) -> Result<Option<InstanceStatus>, ClientError> {
        status::get(&self.connection, id).await
    }
}

/// Shows nothing of the connection: the binding holds a key.
impl fmt::Debug for DurableClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableClient").finish_non_exhaustive()
    }
}
