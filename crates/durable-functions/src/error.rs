//! The errors that orchestrators and activities see and return.

use std::fmt;

use crate::codec::ShortType;
use crate::{Failure, error_type};

/// What an orchestrator or an activity returns when it fails.
///
/// Any error converts into it with `?`, as into `anyhow::Error`. A [`Failure`] or a [`TaskError`]
/// inside keeps its type, message and flag. Any other error becomes a failure of the type
/// [`Error`](crate::error_type::ERROR), with its text and its sources.
///
/// Like `anyhow::Error`, it is not itself a `std::error::Error`, which is what lets every error
/// convert into it.
pub struct Error(anyhow::Error);

/// The result of an orchestrator or an activity.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The failure that this error becomes.
    pub fn to_failure(&self) -> Failure {
        // An `anyhow` context wraps a failure without hiding what it is.
        let named = self.0.downcast_ref::<Failure>().cloned().or_else(|| {
            self.0
                .downcast_ref::<TaskError>()
                .map(TaskError::to_failure)
        });
        match named {
            Some(mut failure) => {
                let contexts: Vec<_> = self
                    .0
                    .chain()
                    .take_while(|link| !link.is::<Failure>() && !link.is::<TaskError>())
                    .map(ToString::to_string)
                    .collect();
                for context in contexts.iter().rev() {
                    failure = failure.in_context(context);
                }
                failure
            }
            None => failure_of(self.0.as_ref()),
        }
    }
}

/// The failure of any error: its text, and its sources as causes.
fn failure_of(error: &(dyn std::error::Error + 'static)) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    if let Some(task) = error.downcast_ref::<TaskError>() {
        return task.to_failure();
    }
    let failure = Failure::new(error_type::ERROR, error.to_string());
    match error.source() {
        Some(source) => failure.with_cause(failure_of(source)),
        None => failure,
    }
}

impl<E: Into<anyhow::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Error(error.into())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why awaiting an activity, a sub-orchestration or an event gave no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The activity or sub-orchestration failed, after the last retry if it had a retry policy.
    #[error("{task} failed")]
    Failed {
        /// What failed, for example `activity 'query-activity' (#0)`.
        task: String,
        /// Its failure.
        #[source]
        failure: Failure,
    },
    /// The result is not of the type that the handle names.
    #[error(
        "the result of {task} is not of type {}: {detail}",
        ShortType(expected)
    )]
    Decode {
        /// Whose result it is.
        task: String,
        /// The Rust type that was expected.
        expected: &'static str,
        /// What the JSON decoder said.
        detail: String,
    },
}

impl TaskError {
    /// The failure of the task itself, without the frame that names the task; for an orchestrator
    /// that passes an activity's failure on as its own.
    pub fn into_failure(self) -> Failure {
        match self {
            TaskError::Failed { failure, .. } => failure,
            TaskError::Decode { .. } => self.to_failure(),
        }
    }

    /// The error for a result of `task` that is not a `T`.
    pub(crate) fn decode<T>(task: String, error: &serde_json::Error) -> Self {
        TaskError::Decode {
            task,
            expected: std::any::type_name::<T>(),
            detail: error.to_string(),
        }
    }

    /// The same error of a task that is better described as `task`.
    pub(crate) fn about(mut self, description: String) -> Self {
        let (TaskError::Failed { task, .. } | TaskError::Decode { task, .. }) = &mut self;
        *task = description;
        self
    }

    /// The failure that an orchestrator ends with when it returns this error: the type of the
    /// failed task stays, the message says which task it was.
    pub(crate) fn to_failure(&self) -> Failure {
        match self {
            TaskError::Failed { failure, .. } => failure.clone().in_context(&self.to_string()),
            TaskError::Decode { .. } => {
                Failure::new(error_type::UNEXPECTED_RESULT, self.to_string()).non_retriable()
            }
        }
    }
}

/// The time limit of [`timeout`](crate::OrchestrationContext::timeout) passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time limit of {}.{:03} s passed", .limit.as_secs(), .limit.subsec_millis())]
pub struct Elapsed {
    pub(crate) limit: std::time::Duration,
}

impl Elapsed {
    /// The time limit.
    pub fn limit(&self) -> std::time::Duration {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn failed() -> TaskError {
        TaskError::Failed {
            task: "activity 'a' (#0)".to_owned(),
            failure: Failure::new("NotFound", "no such file"),
        }
    }

    #[test]
    fn the_type_of_a_failed_task_survives_the_orchestrator() {
        let failure = Error::from(failed()).to_failure();
        assert_eq!(failure.error_type(), "NotFound");
        assert_eq!(failure.message(), "activity 'a' (#0) failed: no such file");
    }

    #[test]
    fn the_type_survives_an_anyhow_context() {
        let result: std::result::Result<(), TaskError> = Err(failed());
        let error = Error::from(result.context("copying").unwrap_err());
        let failure = error.to_failure();
        assert_eq!(failure.error_type(), "NotFound");
        assert!(failure.message().starts_with("copying: "), "{failure}");
    }

    #[test]
    fn every_anyhow_context_is_in_the_message() {
        let result: std::result::Result<(), _> = Err(Failure::new("NotFound", "no such file"));
        let error = result.context("reading").context("copying").unwrap_err();
        let failure = Error::from(error).to_failure();
        assert_eq!(
            failure.to_string(),
            "NotFound: copying: reading: no such file"
        );
    }

    #[test]
    fn any_other_error_travels_with_its_sources() {
        let error: Error = anyhow::anyhow!("inner").context("outer").into();
        let failure = error.to_failure();
        assert_eq!(failure.to_string(), "Error: outer");
        assert_eq!(failure.cause().map(Failure::message), Some("inner"));
    }
}
