//! Why the actions of an answer are refused, and the failure of the instance then.

use crate::hub::failure::{Cause, HostFailure, NOT_SUPPORTED};

/// Why an answer is refused.
pub(super) enum Refusal {
    /// A real host fails the instance with this exception.
    Exception(Cause),
    /// A real host would not fail the instance, but hang or lose it.
    Worse {
        what: String,
        real_host: &'static str,
    },
}

pub(super) fn worse<T>(what: impl Into<String>, real_host: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Worse {
        what: what.into(),
        real_host,
    })
}

pub(super) fn failure(
    refusal: Refusal,
    behind_completion: bool,
    name: &str,
    folder: &str,
) -> HostFailure {
    match refusal {
        // A real host reads the actions after a completion in a place where no exception is caught.
        Refusal::Exception(cause) if behind_completion => HostFailure::refused(
            name,
            &format!("a bad action behind the completion ({}).", cause.message),
            "the turn would be delivered again for ever, and all orchestrations of the task hub \
             would slow down to one turn in ten seconds. Put the completion last, once.",
        ),
        Refusal::Exception(cause) => HostFailure::exception(name, folder, &cause),
        Refusal::Worse { what, real_host } => HostFailure::refused(name, &what, real_host),
    }
}

pub(super) fn unsupported(kind: &str) -> Result<(), Refusal> {
    Err(Refusal::Exception(Cause::new(
        NOT_SUPPORTED,
        format!("Received unsupported action type '{kind}'."),
    )))
}

pub(super) fn null_reference() -> Refusal {
    Refusal::Exception(Cause::new(
        "System.NullReferenceException",
        "Object reference not set to an instance of an object.",
    ))
}
