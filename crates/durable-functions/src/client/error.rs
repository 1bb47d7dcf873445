//! What can go wrong between the client and the host.

use durable_protocol::{InvalidEntityId, instance_id, nonchars};

use crate::{DecodeError, RuntimeStatus};

/// Why the durable client could not do what it was asked to do.
///
/// The same error has the same variant with every version of the extension. Where the extension answers
/// `UNKNOWN` without a reason (2.13 for most calls, 3.14 for suspend and resume), the client looks the instance up and
/// tells whether it exists and whether its status was the reason.
///
/// With the feature `handler` it is a response of an HTTP function, so that `?` works there. The response has the
/// status code in this table and an empty body. The error is in the log, from 500 on as an error.
///
/// | Status | Variants |
/// |---|---|
/// | 400 | `InvalidId`, `InvalidEntityId`, `InvalidName`, `InvalidArgument` |
/// | 404 | `NotFound` |
/// | 409 | `AlreadyExists`, `WrongStatus` |
/// | 500 | `InvalidInput`, `InvalidBinding`, `InvalidEndpoint`, `NotCompleted`, `Decode`, `StartUnknown`, `Rpc` |
/// | 501 | `Unsupported` |
/// | 503 | `Unavailable` |
/// | 504 | `NotEnded` |
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An instance with this id exists and may not be replaced: it is pending, running or suspended, or the start's
    /// [`ReusePolicy`](crate::ReusePolicy) forbids it.
    #[error("an instance with the id '{id}' already exists and may not be replaced")]
    AlreadyExists {
        /// The id.
        id: String,
    },
    /// There is no instance with this id, or it is one of another orchestrator.
    #[error("there is no instance with the id '{id}'")]
    NotFound {
        /// The id.
        id: String,
    },
    /// The status of the instance does not allow the operation. An instance that has ended takes no events, and only a
    /// failed one can be rewound.
    #[error("the instance '{id}' {} {operation}", forbids(*status))]
    #[non_exhaustive]
    WrongStatus {
        /// The id.
        id: String,
        /// What was asked for: `to raise an event`.
        operation: &'static str,
        /// The status, if the client had to look it up.
        status: Option<RuntimeStatus>,
    },
    /// The instance that was waited for ended without an output.
    #[error("the instance '{id}' is {status}: {}", output.as_deref().unwrap_or("no reason was given"))]
    #[non_exhaustive]
    NotCompleted {
        /// The id.
        id: String,
        /// How it ended.
        status: RuntimeStatus,
        /// The failure, or the reason of who terminated it; internal, not for clients.
        output: Option<String>,
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
    /// The id of an entity is one that the host stores and then cannot handle.
    #[error(transparent)]
    InvalidEntityId(#[from] InvalidEntityId),
    /// A value cannot be written as JSON.
    #[error("{what} cannot be written as JSON: {detail}")]
    #[non_exhaustive]
    InvalidInput {
        /// What the value is: `the input of orchestrator 'count'`.
        what: String,
        /// What the JSON encoder said.
        detail: String,
    },
    /// A name, a version or a tag is one that the host cannot handle.
    #[error("'{name}' is not a valid {noun}: {reason}")]
    #[non_exhaustive]
    InvalidName {
        /// What it names: `name of an orchestrator`.
        noun: &'static str,
        /// The text.
        name: String,
        /// What it must be.
        reason: &'static str,
    },
    /// The host found the arguments of the call wrong, such as an orchestrator that is disabled or a tag that is
    /// reserved.
    #[error("{method} refused its arguments: {message}")]
    #[non_exhaustive]
    InvalidArgument {
        /// The method of the gRPC service.
        method: &'static str,
        /// The host's text; internal, not for clients.
        message: String,
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
    /// The time limit passed before the instance had ended, or begun.
    #[error("the instance '{id}' did not {} within the time limit", .awaited)]
    #[non_exhaustive]
    NotEnded {
        /// The id.
        id: String,
        /// What was waited for: `end` or `begin`.
        awaited: &'static str,
    },
    /// An output, a state or a status is not of the type that was asked for.
    #[error(transparent)]
    Decode(#[from] DecodeError),
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
    /// The host does not have the method: extension 2.13 cannot restart instances or stream histories, and some
    /// backends have no rewind and no entities.
    #[error("the host does not support {method}")]
    #[non_exhaustive]
    Unsupported {
        /// The method of the gRPC service.
        method: &'static str,
    },
    /// The host could not be reached, or is too busy. If the connection broke during the call, the operation may have
    /// been carried out. For a start see [`StartUnknown`](Self::StartUnknown).
    #[error("{method} did not reach the host: {message}")]
    #[non_exhaustive]
    Unavailable {
        /// The method of the gRPC service.
        method: &'static str,
        /// What happened; internal, not for clients.
        message: String,
    },
    /// The host could not carry out the call, for a reason that it did not tell.
    #[error("{method} failed: {code}: {message}")]
    #[non_exhaustive]
    Rpc {
        /// The method of the gRPC service.
        method: &'static str,
        /// The name of the gRPC status code, such as `INTERNAL`. The host maps many of its errors to `UNKNOWN`.
        code: &'static str,
        /// The host's text; internal, not for clients.
        message: String,
    },
}

/// The middle of a sentence about an instance and an operation.
fn forbids(status: Option<RuntimeStatus>) -> String {
    match status {
        Some(status) => format!("is {status}, which does not allow"),
        None => "has a status that does not allow".to_owned(),
    }
}

/// Checks an id before anything is sent.
pub(super) fn check(id: &str) -> Result<(), ClientError> {
    instance_id::check(id).map_err(|reason| ClientError::InvalidId {
        id: id.to_owned(),
        reason,
    })
}

/// Checks a name or a version before anything is sent.
pub(super) fn check_name(noun: &'static str, name: &str) -> Result<(), ClientError> {
    let checked = match name.trim() {
        "" => Err("it must not be empty or blank"),
        _ => nonchars::check(name),
    };
    checked.map_err(|reason| ClientError::InvalidName {
        noun,
        name: name.to_owned(),
        reason,
    })
}
