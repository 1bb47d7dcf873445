//! What a function without an HTTP trigger is.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::answer::Answer;
use crate::interruption::Interruption;
use crate::invocation::Invocation;

pub use futures::future::BoxFuture;

/// A function with any trigger but HTTP: one call per invocation.
///
/// Implemented for every `async fn(Invocation) -> Result<Answer, FunctionError>` and closure of
/// that shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of a function app",
    note = "expected `async fn(Invocation) -> Result<Answer, FunctionError>`; \
            a function with an HTTP trigger is registered with `App::http`"
)]
pub trait Function: Send + Sync + 'static {
    /// Runs the function once.
    ///
    /// An error, like a panic, makes the invocation fail: it is logged with the invocation's id,
    /// and the host applies the trigger's own rules (a queue message is delivered again). The host
    /// throws the error's text away, unless the error has a
    /// [report](FunctionError::with_report).
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>>;

    /// The type of the trigger that this function must have in its function.json, if only one makes sense:
    /// `activityTrigger` for an activity.
    ///
    /// At the start of the app another trigger in function.json is a warning in the log. A host does not
    /// notice it: it knows no function of this kind, or calls the function with a value that it cannot
    /// read.
    fn trigger_type(&self) -> Option<&'static str> {
        None
    }

    /// The answer for an invocation whose call was dropped before it ended, or that came in while
    /// the handler is stopping and was never called.
    ///
    /// By default it is an error: the invocation fails, with status 504 after a time-out and 503 at
    /// a stop, and the host applies the trigger's own rules. An error with a
    /// [report](FunctionError::with_report) is answered with the report. It should not
    /// block: few threads answer for all invocations that are interrupted.
    ///
    /// # Errors
    /// As of [`call`](Self::call).
    fn interrupted(
        &self,
        invocation: &Invocation,
        why: Interruption,
    ) -> Result<Answer, FunctionError> {
        let _ = invocation;
        Err(why.into())
    }
}

impl<F, Fut> Function for F
where
    F: Fn(Invocation) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, FunctionError>> + Send + 'static,
{
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        Box::pin(self(invocation))
    }
}

/// Why an invocation failed. Any error converts into it with `?`.
///
/// Its text goes to the log, with the texts of its sources; never to a client.
pub struct FunctionError {
    error: Box<dyn StdError + Send + Sync>,
    report: Option<String>,
}

impl FunctionError {
    /// Sets the text that the host gets to see: the message of the exception with which the
    /// invocation fails ends with it. The host writes it to its own log, and hands it on to whatever
    /// asked for the invocation (the history of an orchestration, for an activity).
    ///
    /// It travels as the body of an answer with status 200 and content type `text/plain`, because a
    /// host throws the body away when the status is an error, and puts the whole body of an answer
    /// that is not JSON into the exception. The host hides what looks like a credential: from
    /// `AccountKey=`, `Password=` and the like to the next `<`, `"` or `'`.
    ///
    /// An empty report counts as none: a host that gets an empty body waits until `functionTimeout`.
    #[must_use]
    pub fn with_report(mut self, report: impl Into<String>) -> Self {
        self.report = Some(report.into()).filter(|report| !report.is_empty());
        self
    }

    /// The text for the log, and the report.
    pub(crate) fn into_texts(self) -> (String, Option<String>) {
        (self.to_string(), self.report)
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for FunctionError {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            report: None,
        }
    }
}

/// The error and its sources on one line, joined with `: `.
impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}
