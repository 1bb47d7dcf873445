//! A failure as the host passes it on: type, message, whether a retry makes sense, and the cause.

use std::fmt;

use durable_protocol::messages::TaskFailureDetails;
use durable_protocol::{InvalidEntityId, nonchars};

use crate::{Result, error_type};

/// How many causes of causes are sent with a failure. The decoders of the host and of this crate refuse
/// a message that is nested a hundred levels deep, and then the whole answer is lost.
pub(crate) const MOST_CAUSES: usize = 32;

/// Why an activity or an orchestration failed.
///
/// An activity's failure reaches the orchestrator in this form, and an orchestrator's failure reaches
/// its parent and the status of the instance. Code (a retry predicate, a client) decides by
/// `error_type`; `message` is for people. At most 32 nested causes are sent.
///
/// ```
/// use durable_functions::Failure;
///
/// let failure = Failure::new("TableNotFound", "table 'audit' does not exist").non_retriable();
/// assert_eq!(failure.to_string(), "TableNotFound: table 'audit' does not exist");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    error_type: String,
    message: String,
    non_retriable: bool,
    cause: Option<Box<Failure>>,
}

impl Failure {
    /// A failure of the given type. An empty type becomes `Error`.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error_type = error_type.into();
        if error_type.is_empty() {
            error_type = error_type::ERROR.to_owned();
        }
        Failure {
            error_type,
            message: message.into(),
            non_retriable: false,
            cause: None,
        }
    }

    /// The `Err` of an orchestrator, an activity or an operation of an entity, to fail in one line.
    ///
    /// ```
    /// use durable_functions::{Failure, OrchestrationContext, Result};
    ///
    /// async fn approve(_: OrchestrationContext, amount: u64) -> Result<u64> {
    ///     if amount > 1000 {
    ///         return Failure::new("Rejected", format!("{amount} is too much")).fail();
    ///     }
    ///     Ok(amount)
    /// }
    /// ```
    ///
    /// # Errors
    /// Always: this failure.
    pub fn fail<T>(self) -> Result<T> {
        Err(self.into())
    }

    /// Marks the failure as one that a retry policy must not retry.
    #[must_use]
    pub fn non_retriable(mut self) -> Self {
        self.non_retriable = true;
        self
    }

    /// Adds what caused the failure.
    #[must_use]
    pub fn with_cause(mut self, cause: Failure) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The type of the failure, by which code decides. Those that this crate makes are in
    /// [`error_type`](crate::error_type).
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether a retry policy must not retry it.
    pub fn is_non_retriable(&self) -> bool {
        self.non_retriable
    }

    /// What caused it.
    pub fn cause(&self) -> Option<&Failure> {
        self.cause.as_deref()
    }

    /// The failure with `context` in front of its message; type, flag and cause stay.
    pub(crate) fn in_context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// For a failure that the extension reports without details: an unknown activity, a child that was
    /// terminated, a transport error of the host.
    pub(crate) fn unknown() -> Self {
        Failure::new(
            error_type::UNKNOWN_FAILURE,
            "the host reported a failure without details: the function may not exist or be \
             disabled, or the instance was terminated",
        )
    }

    /// For a failure that was reported in a form that cannot be read.
    pub(crate) fn unreadable() -> Self {
        Failure::new(
            error_type::UNREADABLE_FAILURE,
            "the task failed, but what its failure says cannot be read: it is damaged, or nested too \
             deep",
        )
    }

    pub(crate) fn from_details(details: TaskFailureDetails) -> Self {
        Failure {
            error_type: if details.error_type.is_empty() {
                error_type::ERROR.to_owned()
            } else {
                details.error_type
            },
            message: details.error_message,
            non_retriable: details.is_non_retriable,
            cause: details
                .inner_failure
                .map(|inner| Box::new(Failure::from_details(*inner))),
        }
    }

    pub(crate) fn to_details(&self) -> TaskFailureDetails {
        self.to_details_within(MOST_CAUSES)
    }

    fn to_details_within(&self, causes: usize) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: nonchars::replaced(harmless_type(&self.error_type)).into_owned(),
            error_message: nonchars::replaced(&self.message).into_owned(),
            stack_trace: None,
            inner_failure: self
                .cause
                .as_ref()
                .zip(causes.checked_sub(1))
                .map(|(cause, causes)| Box::new(cause.to_details_within(causes))),
            is_non_retriable: self.non_retriable,
            properties: Default::default(),
        }
    }
}

impl From<InvalidEntityId> for Failure {
    fn from(error: InvalidEntityId) -> Self {
        Failure::new(error_type::INVALID_ENTITY_ID, error.to_string()).non_retriable()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// The host takes some type names as a sign that the worker is broken, and delivers the turn again,
/// without end. A user's failure must not have such a type, even if its cause has one.
fn harmless_type(error_type: &str) -> &str {
    const REDELIVERED: [&str; 3] = [
        "OutOfMemoryException",
        "InsufficientMemoryException",
        "WorkerProcessExitException",
    ];
    REDELIVERED
        .into_iter()
        .find(|name| error_type.contains(name))
        .map_or(error_type, |name| {
            name.strip_suffix("Exception").unwrap_or(name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_failure_never_asks_the_host_for_redelivery() {
        let failure = Failure::new("Broken", "x")
            .with_cause(Failure::new("System.OutOfMemoryException", "y"));
        let details = failure.to_details();
        let inner = details.inner_failure.unwrap();
        assert_eq!(inner.error_type, "OutOfMemory");
    }

    #[test]
    fn so_many_causes_travel_that_every_decoder_takes_them() {
        let mut failure = Failure::new("Root", "0");
        for depth in 1..200 {
            failure = Failure::new("E", depth.to_string()).with_cause(failure);
        }
        let details = prost::Message::encode_to_vec(&failure.to_details());
        let decoded: TaskFailureDetails = prost::Message::decode(details.as_slice()).unwrap();
        let failure = Failure::from_details(decoded);
        let causes = std::iter::successors(failure.cause(), |cause| cause.cause());
        assert_eq!(causes.count(), MOST_CAUSES);
    }

    #[test]
    fn details_survive_the_way_there_and_back() {
        let failure = Failure::new("A", "a")
            .non_retriable()
            .with_cause(Failure::new("B", "b"));
        assert_eq!(Failure::from_details(failure.to_details()), failure);
    }
}
