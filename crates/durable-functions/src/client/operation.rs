//! Operations on one instance, and what their refusal means.
//!
//! Invariant: the same mistake is the same [`ClientError`] with every version of the extension. Versions from 3.14 on
//! tell it by the code. Before, and for some methods since, the code is UNKNOWN for everything; then the instance
//! itself is asked. The texts are not read: they change between versions and begin with names of .NET types.

use prost::Message;
use tonic::{Code, Status as RpcStatus};

use super::error::check;
use super::rpc::{self, Connection};
use super::{ClientError, status};
use crate::RuntimeStatus;

/// A call that changes one instance.
pub(super) struct Operation {
    /// The method of the service.
    pub(super) method: &'static str,
    /// What it is for, in the text of an error.
    pub(super) name: &'static str,
    /// The statuses in which the host does it.
    pub(super) is_allowed: fn(RuntimeStatus) -> bool,
}

pub(super) const RAISE: Operation = Operation {
    method: "RaiseEvent",
    name: "to raise an event",
    is_allowed: |status| !status.is_terminal(),
};

pub(super) const TERMINATE: Operation = Operation {
    method: "TerminateInstance",
    name: "to terminate it",
    is_allowed: |status| !status.is_terminal(),
};

pub(super) const SUSPEND: Operation = Operation {
    method: "SuspendInstance",
    name: "to suspend it",
    is_allowed: |status| !status.is_terminal() && status != RuntimeStatus::Suspended,
};

pub(super) const RESUME: Operation = Operation {
    method: "ResumeInstance",
    name: "to resume it",
    is_allowed: |status| status == RuntimeStatus::Suspended,
};

pub(super) const REWIND: Operation = Operation {
    method: "RewindInstance",
    name: "to rewind it",
    is_allowed: |status| status == RuntimeStatus::Failed,
};

pub(super) const RESTART: Operation = Operation {
    method: "RestartInstance",
    name: "to restart it under its id",
    is_allowed: RuntimeStatus::is_terminal,
};

pub(super) const RESTART_AS_NEW: Operation = Operation {
    method: "RestartInstance",
    name: "to restart it",
    is_allowed: |_| true,
};

pub(super) const PURGE: Operation = Operation {
    method: "PurgeInstances",
    name: "to purge it",
    is_allowed: RuntimeStatus::is_terminal,
};

impl Operation {
    /// Carries it out on the instance `id`.
    pub(super) async fn run<Q, A>(
        &self,
        connection: &Connection,
        id: &str,
        message: Q,
    ) -> Result<A, ClientError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        check(id)?;
        match connection.call(self.method, message).await {
            Ok(answer) => Ok(answer),
            Err(status) => Err(self.refused(connection, id, &status).await),
        }
    }

    async fn refused(&self, connection: &Connection, id: &str, status: &RpcStatus) -> ClientError {
        match status.code() {
            Code::NotFound => not_found(id),
            Code::FailedPrecondition => self.wrong_status(id, None),
            Code::AlreadyExists => ClientError::AlreadyExists { id: id.to_owned() },
            Code::Unknown if !rpc::may_have_arrived(status) => {
                match status::get::<()>(connection, id, false).await {
                    Ok(None) => not_found(id),
                    Ok(Some(found)) if !(self.is_allowed)(found.runtime_status) => {
                        self.wrong_status(id, Some(found.runtime_status))
                    }
                    Ok(Some(_)) | Err(_) => rpc::failed(self.method, status),
                }
            }
            _ => rpc::failed(self.method, status),
        }
    }

    fn wrong_status(&self, id: &str, status: Option<RuntimeStatus>) -> ClientError {
        ClientError::WrongStatus {
            id: id.to_owned(),
            operation: self.name,
            status,
        }
    }
}

pub(super) fn not_found(id: &str) -> ClientError {
    ClientError::NotFound { id: id.to_owned() }
}
