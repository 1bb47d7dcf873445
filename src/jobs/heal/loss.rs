//! What a host says when the handler died with work on the wire.
//!
//! Invariant: nothing that the handler itself answered is taken for it. So forms are compared as a whole, never searched
//! for words: the text of a failure of ours may hold any words. An output that fits is only suspected. What the history
//! says, and no output of ours can imitate, decides.
//!
//! Recorded from the hosts with extension 3.14.1 and 3.19.0; local-host writes the same.

use durable_functions::Failure;
use serde::Deserialize;

use super::past::End;

const FUNCTION_INVOCATION: &str = "Microsoft.Azure.WebJobs.Host.FunctionInvocationException";
const HTTP_REQUEST: &str = "System.Net.Http.HttpRequestException";
const HTTP_IO: &str = "System.Net.Http.HttpIOException";
const IO: &str = "System.IO.IOException";
const SOCKET: &str = "System.Net.Sockets.SocketException";

/// What was lost on the wire, as the output of the failed instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// A turn of the orchestrator. The host fails the instance at once.
    Turn,
    /// An activity, and all its retries.
    Activity,
}

/// The output of an instance that the host has failed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostOutput {
    message: String,
    details: String,
}

impl Loss {
    /// The loss that the output of a failed instance of `orchestrator` tells of.
    pub(super) fn in_output(orchestrator: &str, output: &str) -> Option<Self> {
        if is_lost_turn(orchestrator, output).is_some() {
            return Some(Self::Turn);
        }
        // The orchestrator passes the failure of its activity on, `Type: message`. What caused it is in the history only.
        let (error_type, _) = output.split_once(": ")?;
        (error_type == FUNCTION_INVOCATION).then_some(Self::Activity)
    }

    /// Whether the history of the instance says the same. `lost` is whether the last activity that failed was lost.
    pub(super) fn is_confirmed(self, end: &End, lost: bool) -> bool {
        match self {
            // A host that fails an instance gives no details; the answer of an orchestrator that fails has them.
            Self::Turn => end.error_type.is_none(),
            Self::Activity => end.error_type.as_deref() == Some(FUNCTION_INVOCATION) && lost,
        }
    }
}

/// The failure of a host is a JSON object, whose details are an exception as .NET writes it.
fn is_lost_turn(orchestrator: &str, output: &str) -> Option<()> {
    let output: HostOutput = serde_json::from_str(output).ok()?;
    let name = output
        .message
        .strip_prefix("Function '")?
        .strip_suffix("' failed with an unhandled exception.")?;
    let mut lines = output.details.lines();
    let function = executing(
        lines
            .next()?
            .strip_prefix(FUNCTION_INVOCATION)?
            .strip_prefix(": ")?,
    )?;
    let is_ours = |name: &str| name.eq_ignore_ascii_case(orchestrator);
    lines
        .next()?
        .strip_prefix(" ---> ")?
        .strip_prefix(HTTP_REQUEST)?
        .strip_prefix(": ")?;
    let cause = lines.next()?.strip_prefix(" ---> ")?;
    let (cause, message) = cause.split_once(": ")?;
    // .NET puts the number of a socket error behind the name of the type: `SocketException (111)`.
    let cause = cause.split(" (").next()?;
    (is_ours(name) && is_ours(function) && is_transport(cause, message)).then_some(())
}

/// Whether the exception behind an `HttpRequestException` says that the connection was lost or refused. A handler that
/// answered with an error status leaves one without a cause.
fn is_transport(error_type: &str, message: &str) -> bool {
    match error_type {
        HTTP_IO => message.ends_with("(ResponseEnded)"),
        IO | SOCKET => true,
        _ => false,
    }
}

/// The folder in `Exception while executing function: Functions.query-activity`.
fn executing(message: &str) -> Option<&str> {
    let folder = message.strip_prefix("Exception while executing function: Functions.")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!folder.is_empty() && folder.chars().all(is_name)).then_some(folder)
}

/// Whether an activity failed because it was lost.
pub(super) fn is_lost_activity(failure: &Failure) -> bool {
    let is_request = |cause: &&Failure| cause.error_type() == HTTP_REQUEST;
    failure.error_type() == FUNCTION_INVOCATION
        && executing(failure.message()).is_some()
        && failure
            .cause()
            .filter(is_request)
            .and_then(Failure::cause)
            .is_some_and(|cause| is_transport(cause.error_type(), cause.message()))
}
