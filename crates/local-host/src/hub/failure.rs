//! Failures that the host reports, not the worker.

use durable_protocol::messages::TaskFailureDetails;
use serde::{Deserialize, Serialize};

use crate::invoke::{Disconnect, InvokeError};

const FUNCTION_INVOCATION: &str = "Microsoft.Azure.WebJobs.Host.FunctionInvocationException";
const FUNCTION_TIMEOUT: &str = "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException";
pub(super) const INVALID_OPERATION: &str = "System.InvalidOperationException";
const HTTP_REQUEST: &str = "System.Net.Http.HttpRequestException";
const HTTP_IO: &str = "System.Net.Http.HttpIOException";
const SOCKET: &str = "System.Net.Sockets.SocketException";
pub(super) const NOT_SUPPORTED: &str = "System.NotSupportedException";

/// The failure of an instance that the host ends. The output is a JSON object and there are no failure
/// details; the parent gets no reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HostFailure {
    message: String,
    details: Option<String>,
}

impl HostFailure {
    /// `name` as the client spelled it; `folder` is the function that was invoked.
    pub(super) fn exception(name: &str, folder: &str, cause: &Cause) -> Self {
        Self {
            message: format!("Function '{name}' failed with an unhandled exception."),
            details: Some(format!(
                "{FUNCTION_INVOCATION}: {}{}\n   --- End of inner exception stack trace ---",
                executing(folder),
                cause.chain()
            )),
        }
    }

    pub(super) fn unknown_orchestrator(name: &str, known: &str) -> Self {
        Self {
            message: unknown_function(name, "an orchestrator", "orchestrator", known),
            details: None,
        }
    }

    /// An action that local-host refuses, and that would make a real host hang.
    pub(super) fn refused(name: &str, what: &str, real_host: &str) -> Self {
        Self {
            message: format!("local-host failed orchestration '{name}': {what}"),
            details: Some(format!("On a real host: {real_host}")),
        }
    }

    /// The failure behind an output; `None` for an output of the orchestrator.
    pub(super) fn read(output: &str) -> Option<Self> {
        serde_json::from_str(output).ok()
    }

    /// The text without the details.
    pub(super) fn message(self) -> String {
        self.message
    }

    /// One line for the log.
    pub(super) fn summary(&self) -> String {
        match &self.details {
            Some(details) => format!("{} {details}", self.message),
            None => self.message.clone(),
        }
    }

    /// The output of the instance.
    pub(super) fn output(&self) -> String {
        // Two strings: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The .NET exception that a real host would report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) kind: &'static str,
    pub(super) message: String,
    inner: Option<Box<Cause>>,
}

impl Cause {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            inner: None,
        }
    }

    pub(super) fn over(mut self, inner: Cause) -> Self {
        self.inner = Some(Box::new(inner));
        self
    }

    /// `kind` is the kind of function whose answer was empty.
    pub(super) fn null_response(kind: &str) -> Self {
        Self::new(
            INVALID_OPERATION,
            format!(
                "The function invocation resulted in a null response. This means that either the \
                 {kind} function was implemented incorrectly, the Durable Task language SDK was \
                 implemented incorrectly, or that the destination language worker is not sending the \
                 function result back to the host."
            ),
        )
    }

    /// The exception and its causes as .NET writes them.
    fn chain(&self) -> String {
        let mut text = format!("\n ---> {}: {}", self.kind, self.message);
        if let Some(inner) = &self.inner {
            text.push_str(&inner.chain());
        }
        text
    }

    pub(super) fn into_details(self) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: self.kind.to_owned(),
            error_message: self.message,
            inner_failure: self.inner.map(|inner| Box::new(inner.into_details())),
            ..TaskFailureDetails::default()
        }
    }
}

impl From<&InvokeError> for Cause {
    fn from(error: &InvokeError) -> Self {
        match error {
            InvokeError::Status { .. } => Self::new(HTTP_REQUEST, error.to_string()),
            InvokeError::BadAnswer(bad) => match &bad.exception {
                Some(exception) => Self::new(INVALID_OPERATION, exception.message.clone())
                    .over(Self::new(exception.cause_kind, exception.cause.clone())),
                None => Self::new(INVALID_OPERATION, bad.why.clone()),
            },
            InvokeError::Connection(how) => Self::from(how),
            InvokeError::Timeout { .. } => Self::new(FUNCTION_TIMEOUT, error.to_string()),
            InvokeError::Output { .. } => Self::new(INVALID_OPERATION, error.to_string()),
            InvokeError::Stopping => {
                Self::new("System.OperationCanceledException", error.to_string())
            }
        }
    }
}

/// As recorded from handlers that were killed in the middle of work.
impl From<&Disconnect> for Cause {
    fn from(how: &Disconnect) -> Self {
        let sending = || Self::new(HTTP_REQUEST, "An error occurred while sending the request.");
        let refused = |port: &u16, why: &str| {
            Self::new(HTTP_REQUEST, format!("{why} (127.0.0.1:{port})"))
                .over(Self::new(SOCKET, why))
        };
        match how {
            Disconnect::Refused { port, why } => refused(port, why),
            Disconnect::Exited { port } => refused(port, "Connection refused"),
            Disconnect::Ended => sending().over(Self::new(
                HTTP_IO,
                "The response ended prematurely. (ResponseEnded)",
            )),
            Disconnect::Reset => sending().over(
                Self::new(
                    "System.IO.IOException",
                    "Unable to read data from the transport connection: Connection reset by peer.",
                )
                .over(Self::new(SOCKET, "Connection reset by peer")),
            ),
            Disconnect::Other(why) => sending().over(Self::new(HTTP_IO, why.as_str())),
        }
    }
}

/// The failure details of an activity whose invocation failed. The optional stack trace is left out: it would
/// have no frame of the user's code.
pub(super) fn activity(folder: &str, cause: Cause) -> TaskFailureDetails {
    if cause.kind == FUNCTION_TIMEOUT {
        return cause.into_details();
    }
    Cause::new(FUNCTION_INVOCATION, executing(folder))
        .over(cause)
        .into_details()
}

/// A failure and its causes in one line.
pub(super) fn with_causes(details: &TaskFailureDetails) -> String {
    let mut text = details.error_message.clone();
    let mut cause = details.inner_failure.as_deref();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.error_message);
        cause = inner.inner_failure.as_deref();
    }
    text
}

/// The text of an unknown function; `known` is the list of names in quotes.
pub(super) fn unknown_function(name: &str, article: &str, kind: &str, known: &str) -> String {
    format!(
        "The function '{name}' doesn't exist, is disabled, or is not {article} function. \
         Additional info: The following are the known {kind} functions: {known}."
    )
}

fn executing(folder: &str) -> String {
    format!("Exception while executing function: Functions.{folder}")
}

/// Whether the failure or one of its causes is a .NET out-of-memory error. With it a worker asks for the same
/// turn again.
pub(super) fn asks_for_redelivery(failure: &TaskFailureDetails) -> bool {
    let mut next = Some(failure);
    while let Some(current) = next {
        if matches!(
            current.error_type.as_str(),
            "System.OutOfMemoryException" | "System.InsufficientMemoryException"
        ) {
            return true;
        }
        next = current.inner_failure.as_deref();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_handler_is_reported_with_the_text_of_a_real_host() {
        let text = |how| {
            let failure = activity("sleepy", Cause::from(&InvokeError::Connection(how)));
            with_causes(&failure)
        };
        let begin = "Exception while executing function: Functions.sleepy: ";
        for (how, words) in [
            (
                Disconnect::Ended,
                "An error occurred while sending the request.: The response ended prematurely. (ResponseEnded)",
            ),
            (
                Disconnect::Reset,
                "An error occurred while sending the request.: Unable to read data from the transport connection: \
                 Connection reset by peer.: Connection reset by peer",
            ),
            (
                Disconnect::Refused {
                    port: 40000,
                    why: "Connection refused".into(),
                },
                "Connection refused (127.0.0.1:40000): Connection refused",
            ),
            (
                Disconnect::Exited { port: 40000 },
                "Connection refused (127.0.0.1:40000): Connection refused",
            ),
        ] {
            assert_eq!(text(how), format!("{begin}{words}"));
        }
    }
}
