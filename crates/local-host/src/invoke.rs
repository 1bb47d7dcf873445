//! One call of a function in the handler, as the task hub and the tests see it. The wire format is not
//! visible here.

use crate::json::{Json, JsonObject};
use futures::future::BoxFuture;

/// Sends invocations to the handler.
pub trait Invoke: Send + Sync + 'static {
    /// Calls the function whose folder is `function` with the members of `Data` and `Metadata` as
    /// they go on the wire (each value already in the host's encoding).
    ///
    /// # Errors
    /// [`InvokeError`] for everything that a real host would turn into a failed invocation.
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        metadata: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>>;
}

/// The answer of the handler to one invocation, as the host holds it; `Logs` are already printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InvocationAnswer {
    /// `Outputs`; `None` when the member was absent or null.
    pub outputs: Option<JsonObject>,
    /// `ReturnValue`; `None` when the member was absent or null.
    pub return_value: Option<Json>,
}

/// Why an invocation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvokeError {
    /// The handler answered with a status other than 2xx.
    #[error("Response status code does not indicate success: {status} ({reason}).")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The handler's answer was not a valid invocation answer.
    #[error("{}", .0.why)]
    BadAnswer(Box<BadAnswer>),
    /// There was no connection to the handler, or it broke during the call.
    #[error(transparent)]
    Connection(#[from] Disconnect),
    /// The invocation took longer than `functionTimeout`; the handler was killed.
    #[error("Timeout value of {timeout} was exceeded by function: Functions.{function}")]
    Timeout {
        /// The limit as `HH:MM:SS`.
        timeout: String,
        /// The function's name.
        function: String,
    },
    /// The function has ended, and a value of it could not be written.
    #[error("Error while handling parameter {name} after function returned: {why}")]
    Output {
        /// The name of the output's binding.
        name: String,
        /// What went wrong.
        why: String,
    },
    /// The host is stopping.
    #[error("The host is stopping.")]
    Stopping,
}

/// Why an invocation got no answer of the handler. A real host reports each case as an
/// `HttpRequestException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnect {
    /// Nothing was sent: no connection could be opened for as long as invocations are held back.
    #[error("{why} (127.0.0.1:{port})")]
    Refused {
        /// The port that the handler was told to listen on.
        port: u16,
        /// The system's reason, `Connection refused` as a rule.
        why: String,
    },
    /// Nothing was sent: the handler has ended with exit code 0.
    #[error(
        "Connection refused (127.0.0.1:{port}): the handler has exited with code 0 and is not started again"
    )]
    Exited {
        /// The port that the handler was told to listen on.
        port: u16,
    },
    /// The request was under way, and the connection was closed before the end of the answer.
    #[error(
        "The response ended prematurely. The handler ended, or closed the connection, while it worked on \
         this invocation; its answer is lost. A real host does not send an invocation again either"
    )]
    Ended,
    /// The request was under way, and the connection was reset.
    #[error(
        "Connection reset by peer. The handler ended while this invocation was on its way; whether it was worked \
         on is not known. A real host does not send an invocation again either"
    )]
    Reset,
    /// The answer is not HTTP.
    #[error("An error occurred while sending the request: {0}")]
    Other(String),
}

/// An answer that is not an invocation answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAnswer {
    /// What is wrong with it and what to answer instead, or the message of the handler in it.
    pub why: String,
    /// The exception of a real host; none where a real host never completes the call.
    pub exception: Option<Exception>,
}

/// A .NET exception and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The message of the `InvalidOperationException`: head and body of the answer.
    pub message: String,
    /// The type of the exception that caused it.
    pub cause_kind: &'static str,
    /// Its message.
    pub cause: String,
}
