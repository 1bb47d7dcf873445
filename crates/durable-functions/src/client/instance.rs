//! One instance, as the client sees it.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use durable_protocol::messages::{
    PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget, RaiseEventRequest,
    RaiseEventResponse, RestartInstanceRequest, RestartInstanceResponse, ResumeRequest,
    ResumeResponse, RewindInstanceRequest, RewindInstanceResponse, SuspendRequest, SuspendResponse,
    TerminateRequest, TerminateResponse,
};
use durable_protocol::nonchars;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::check_name;
use super::operation::{self, Operation, not_found};
use super::status::{self, Until};
use super::{ClientError, DurableClient};
use crate::name::same_name;
use crate::{Event, Status, codec};

/// One instance of an orchestrator with output `O`; see [`DurableClient::instance`].
///
/// # Errors
/// Each method fails with [`ClientError::InvalidId`] for an id that no instance can be started with, and sends nothing
/// then; with [`ClientError::Unavailable`] when the host cannot be reached; with [`ClientError::Rpc`] when the host
/// fails without a reason. What else can happen is said there.
pub struct Instance<O = Value> {
    client: DurableClient,
    id: String,
    /// `None`: of whatever orchestrator.
    orchestrator: Option<&'static str>,
    output: PhantomData<fn() -> O>,
}

impl<O> Instance<O> {
    pub(super) fn new(
        client: DurableClient,
        orchestrator: Option<&'static str>,
        id: String,
    ) -> Self {
        Instance {
            client,
            id,
            orchestrator,
            output: PhantomData,
        }
    }

    pub(super) fn client(&self) -> &DurableClient {
        &self.client
    }

    /// The id of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state of the instance, with its input and output. `None` when there is no instance with this id, or when
    /// it is one of another orchestrator.
    ///
    /// # Errors
    /// Those of [every method](Instance#errors).
    pub async fn status(&self) -> Result<Option<Status<O>>, ClientError> {
        let status = status::get(&self.client.connection, &self.id, true).await?;
        Ok(status.filter(|status| self.is_ours(status)))
    }

    /// Waits until the instance has ended, at most for `limit`, and gives its last state. For an
    /// unknown id it waits as well: the instance may still be started.
    ///
    /// # Errors
    /// [`ClientError::NotEnded`] when the limit passed first; [`ClientError::NotFound`] when it is an instance of
    /// another orchestrator.
    pub async fn wait(&self, limit: Duration) -> Result<Status<O>, ClientError> {
        self.wait_until(Until::Ended, limit).await
    }

    /// Waits until the instance has begun, at most for `limit`, and gives its state then: its first turn is done. The
    /// host looks once a second, and less often the longer it takes.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub async fn wait_for_begin(&self, limit: Duration) -> Result<Status<O>, ClientError> {
        self.wait_until(Until::Begun, limit).await
    }

    async fn wait_until(&self, until: Until, limit: Duration) -> Result<Status<O>, ClientError> {
        let status = status::wait(&self.client.connection, &self.id, until, limit).await?;
        match self.is_ours(&status) {
            true => Ok(status),
            false => Err(not_found(&self.id)),
        }
    }

    /// Whether `status` is of our orchestrator.
    fn is_ours(&self, status: &Status<O>) -> bool {
        self.orchestrator
            .is_none_or(|orchestrator| same_name(orchestrator, &status.name))
    }

    /// Raises an external event.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has ended, unless the host's setting
    /// `throwStatusExceptionsOnRaiseEvent` is off; [`ClientError::InvalidInput`] when the payload cannot be written as
    /// JSON.
    pub async fn raise<T: Serialize>(
        &self,
        event: Event<T>,
        payload: &T,
    ) -> Result<(), ClientError> {
        self.raise_by_name(event.name(), payload).await
    }

    /// Raises an external event whose name is known at run time only.
    ///
    /// # Errors
    /// As for [`raise`](Self::raise); [`ClientError::InvalidName`] for a name that is empty, or holds U+FFFE or
    /// U+FFFF.
    pub async fn raise_by_name<T: Serialize + ?Sized>(
        &self,
        event: &str,
        payload: &T,
    ) -> Result<(), ClientError> {
        check_name("name of an event", event)?;
        let payload = codec::write(payload).map_err(|error| ClientError::InvalidInput {
            what: format!("the payload of event '{event}'"),
            detail: error.to_string(),
        })?;
        let request = RaiseEventRequest {
            instance_id: self.id.clone(),
            name: event.to_owned(),
            input: codec::unless_null(payload),
        };
        self.run::<_, RaiseEventResponse>(&operation::RAISE, request)
            .await
            .map(drop)
    }

    /// Terminates the instance: it ends without running again. `reason` becomes its output. Activities that run go on
    /// to their end, and sub-orchestrations go on as well.
    ///
    /// An instance with a scheduled start that is terminated before it runs nevertheless on Azure Storage, at its time.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has ended.
    pub async fn terminate(&self, reason: &str) -> Result<(), ClientError> {
        let request = TerminateRequest {
            instance_id: self.id.clone(),
            output: text(reason),
            recursive: false,
        };
        self.run::<_, TerminateResponse>(&operation::TERMINATE, request)
            .await
            .map(drop)
    }

    /// Suspends the instance: it takes events and results, and does nothing with them until it is resumed. `reason`
    /// is its output meanwhile.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has ended or is suspended. Extensions
    /// before 3.19 do not tell the two apart, and the client looks the instance up.
    pub async fn suspend(&self, reason: &str) -> Result<(), ClientError> {
        let request = SuspendRequest {
            instance_id: self.id.clone(),
            reason: text(reason),
        };
        self.run::<_, SuspendResponse>(&operation::SUSPEND, request)
            .await
            .map(drop)
    }

    /// Resumes the suspended instance.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance is not suspended. Extensions
    /// before 3.19 do not tell the two apart, and the client looks the instance up.
    pub async fn resume(&self, reason: &str) -> Result<(), ClientError> {
        let request = ResumeRequest {
            instance_id: self.id.clone(),
            reason: text(reason),
        };
        self.run::<_, ResumeResponse>(&operation::RESUME, request)
            .await
            .map(drop)
    }

    /// Lets the failed instance run again from before its failure: what failed is done again, what succeeded is kept.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has not failed;
    /// [`ClientError::Unsupported`] when the backend has no rewind.
    pub async fn rewind(&self, reason: &str) -> Result<(), ClientError> {
        let request = RewindInstanceRequest {
            instance_id: self.id.clone(),
            reason: text(reason),
        };
        self.run::<_, RewindInstanceResponse>(&operation::REWIND, request)
            .await
            .map(drop)
    }

    /// Starts the instance again, which has ended: under its id, with its input and its tags. Its history is replaced.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has not ended;
    /// [`ClientError::Unsupported`] with extension 2.13; [`ClientError::InvalidArgument`] when the orchestrator is
    /// disabled (since extension 3.19).
    pub async fn restart(&self) -> Result<(), ClientError> {
        self.restarted(&operation::RESTART, false).await.map(drop)
    }

    /// Starts a new instance, under an id of the host's choice, with the orchestrator, the input and the tags of this
    /// one.
    ///
    /// # Errors
    /// As for [`restart`](Self::restart), but the instance may have any status.
    pub async fn restart_as_new(&self) -> Result<Instance<O>, ClientError> {
        let id = self.restarted(&operation::RESTART_AS_NEW, true).await?;
        Ok(Instance::new(self.client.clone(), self.orchestrator, id))
    }

    async fn restarted(
        &self,
        operation: &Operation,
        with_new_id: bool,
    ) -> Result<String, ClientError> {
        let request = RestartInstanceRequest {
            instance_id: self.id.clone(),
            restart_with_new_instance_id: with_new_id,
        };
        let answer: RestartInstanceResponse = self.run(operation, request).await?;
        Ok(answer.instance_id)
    }

    /// Removes the instance, which has ended, with its history.
    ///
    /// # Errors
    /// [`ClientError::NotFound`]; [`ClientError::WrongStatus`] when the instance has not ended. Extension 2.13 removes
    /// it whatever its status is.
    pub async fn purge(&self) -> Result<(), ClientError> {
        let request = PurgeInstancesRequest {
            request: Some(PurgeTarget::InstanceId(self.id.clone())),
            is_orchestration: true,
            ..PurgeInstancesRequest::default()
        };
        let answer: PurgeInstancesResponse = self.run(&operation::PURGE, request).await?;
        match answer.deleted_instance_count {
            0 => Err(not_found(&self.id)),
            _ => Ok(()),
        }
    }

    async fn run<Q, A>(&self, operation: &Operation, request: Q) -> Result<A, ClientError>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let connection = &self.client.connection;
        operation.run(connection, &self.id, request).await
    }
}

impl<O: DeserializeOwned> Instance<O> {
    /// Waits until the instance has ended, at most for `limit`, and gives its output.
    ///
    /// # Errors
    /// [`ClientError::NotCompleted`] when it failed or was terminated; [`ClientError::Decode`] when the output is not
    /// an `O`; as for [`wait`](Self::wait).
    pub async fn output(&self, limit: Duration) -> Result<O, ClientError> {
        let status = self.wait(limit).await?;
        match status.output()? {
            Some(output) => Ok(output),
            None => Err(ClientError::NotCompleted {
                id: status.instance_id,
                status: status.runtime_status,
                output: status
                    .output
                    .or_else(|| status.failure.map(|it| it.to_string())),
            }),
        }
    }
}

/// A text for people, as it may go to the host.
fn text(reason: &str) -> Option<String> {
    (!reason.is_empty()).then(|| nonchars::replaced(reason).into_owned())
}

impl<O> Clone for Instance<O> {
    fn clone(&self) -> Self {
        Instance::new(self.client.clone(), self.orchestrator, self.id.clone())
    }
}

impl<O> fmt::Debug for Instance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.id).finish()
    }
}
