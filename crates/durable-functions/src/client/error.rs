//! What can go wrong between the client and the host.

use durable_protocol::instance_id;
use tonic::Code;

use crate::codec::ShortType;

/// Why the durable client could not do what it was asked to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An instance with this id is pending, running or suspended.
    #[error("an instance with the id '{id}' already exists and has not ended")]
    AlreadyExists {
        /// The id.
        id: String,
    },
    /// The id is one that the host stores and then cannot handle: see
    /// [`Start::with_id`](crate::Start::with_id).
    #[error("'{id}' is not a valid instance id: {reason}")]
    InvalidId {
        /// The id.
        id: String,
        /// What an id must be.
        reason: &'static str,
    },
    /// The input cannot be written as JSON.
    #[error("the input of orchestrator '{orchestrator}' cannot be written as JSON: {detail}")]
    InvalidInput {
        /// The orchestrator.
        orchestrator: &'static str,
        /// What the JSON encoder said.
        detail: String,
    },
    /// The name or the version of an orchestrator is one that the host cannot handle.
    #[error("'{name}' is not a valid name or version of an orchestrator: {reason}")]
    #[non_exhaustive]
    InvalidName {
        /// The name or the version.
        name: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// The value of the `durableClient` binding is not what the extension sends.
    #[error("the value of the durableClient binding cannot be used: {reason}")]
    InvalidBinding {
        /// What is wrong with it. Never the value itself, which holds a key.
        reason: &'static str,
    },
    /// The address of a sidecar, or the name of its task hub, cannot be used. Neither is repeated here: an
    /// address may hold a password.
    #[error("the endpoint is not valid: {reason}")]
    #[non_exhaustive]
    InvalidEndpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The time limit passed before the instance ended.
    #[error("the instance '{id}' did not end within the time limit")]
    NotEnded {
        /// The id.
        id: String,
    },
    /// The output of a completed instance is not what the handle says.
    #[error(
        "the output of instance '{id}' is not of type {}: {detail}",
        ShortType(expected)
    )]
    UnexpectedOutput {
        /// The id.
        id: String,
        /// The Rust type that was expected.
        expected: &'static str,
        /// What the JSON decoder said.
        detail: String,
    },
    /// The connection broke before the answer to a start came, and the host could not be asked
    /// afterwards whether it had taken it: the instance may exist, now or soon.
    #[error("it is not known whether the instance '{id}' was started: {message}")]
    #[non_exhaustive]
    StartUnknown {
        /// The id that the instance has if it was started.
        id: String,
        /// How the connection broke; internal, not for clients.
        message: String,
    },
    /// The host refused the call or could not be reached.
    #[error("{method} failed: {code:?}: {message}")]
    Rpc {
        /// The method of the gRPC service.
        method: &'static str,
        /// The gRPC status code. The host maps many of its errors to `Unknown`.
        code: Code,
        /// The host's text; internal, not for clients.
        message: String,
    },
}

/// Checks an id before anything is sent.
pub(super) fn check(id: &str) -> Result<(), ClientError> {
    instance_id::check(id).map_err(|reason| ClientError::InvalidId {
        id: id.to_owned(),
        reason,
    })
}
