//! The log lines of the hub's notices. They say what a real host does, where it differs or is silent.

use durable_protocol::messages::OrchestrationStatus;
use task_hub::Notice;
use task_hub::notice::{RefusedStart, Undelivered, Unlabelled};

use super::failure::{self, HostFailure};
use super::{Inner, refusal};
use crate::log::LogLevel;

pub(super) fn log(hub: &Inner, notice: Notice) {
    if let Some((level, text)) = words(hub, notice) {
        hub.log(level, text);
    }
}

fn words(hub: &Inner, notice: Notice) -> Option<(LogLevel, String)> {
    use LogLevel::{Error, Info, Warning};
    Some(match notice {
        Notice::TurnVoid { instance, name } => (
            Warning,
            format!(
                "A turn of orchestration '{instance}' ({name}) was thrown away: its execution ended while the turn \
                 was under way."
            ),
        ),
        Notice::OrchestrationFailed {
            instance,
            name,
            output,
        } => (
            Warning,
            format!("Orchestration '{instance}' ({name}) failed: {output}"),
        ),
        Notice::OrchestrationNotRun {
            instance,
            name,
            output,
        } => (
            Error,
            format!(
                "Orchestration '{instance}' ({name}) failed: {}",
                HostFailure::read(&output).map_or(output, |failure| failure.summary())
            ),
        ),
        Notice::OrchestrationRefused {
            instance,
            name,
            refused,
        } => (
            Error,
            format!(
                "Orchestration '{instance}' ({name}) failed: {}",
                if hub.serves_workers() {
                    refusal::for_workers(&hub.functions, &name, &refused)
                } else {
                    refusal::failure(&hub.functions, &name, &refused).summary()
                }
            ),
        ),
        Notice::EventUnread { instance, event } => (
            Warning,
            format!(
                "Event '{event}' for orchestration '{instance}' was dropped: it came while the \
                 orchestration ended. A real host drops it silently."
            ),
        ),
        Notice::EventUndelivered {
            sender,
            target,
            event,
            why,
        } => {
            let why = match why {
                Undelivered::Unknown => "does not exist",
                Undelivered::Ended(_) => "has ended",
            };
            (
                Warning,
                format!(
                    "Event '{event}' from orchestration '{sender}' was dropped: its target '{target}' {why}. A real \
                     host drops it silently."
                ),
            )
        }
        Notice::ChildNotStarted { parent, child } => (
            Error,
            format!(
                "Sub-orchestration '{child}' of '{parent}' was not started: an instance with this id runs. A \
                 real host would let the two overwrite each other."
            ),
        ),
        Notice::ChildCanceled { child } => (
            Error,
            format!(
                "Sub-orchestration '{child}' completed as {}. local-host reports a failure to \
                 its parent; a real host reports nothing, and the parent waits for ever.",
                OrchestrationStatus::Canceled.as_str()
            ),
        ),
        Notice::ActivityOutcomeDropped {
            instance,
            activity,
            why: Undelivered::Ended(OrchestrationStatus::Failed),
        } => (
            Info,
            format!(
                "Orchestration '{instance}': the outcome of activity '{activity}' was thrown away, because the \
                 instance is Failed. A rewind does not bring it back."
            ),
        ),
        // As on a real host.
        Notice::ActivityOutcomeDropped { .. } => return None,
        Notice::TerminatedBeforeStart { instance } => (
            Warning,
            format!(
                "Orchestration '{instance}' was terminated before its scheduled start. It shows \
                 Terminated now, still runs at its time and then shows how that ended: so does a \
                 real host."
            ),
        ),
        Notice::RewindShadowed { instance } => (
            Warning,
            format!(
                "Orchestration '{instance}' is rewound, although an earlier execution under its id had a \
                 longer history. A real host loses such a rewind: it rewinds the earlier \
                 execution, and the instance stays Failed. Use every instance id once."
            ),
        ),
        Notice::RewindStuck {
            instance,
            child,
            status,
        } => {
            let why = match status {
                Some(status) => format!("is {}", status.as_str()),
                None => "does not exist any more".to_owned(),
            };
            (
                Error,
                format!(
                    "Orchestration '{instance}' was rewound and waits for its sub-orchestration '{child}', \
                     which {why} and cannot be rewound: like on a real host, it waits for ever. \
                     Terminate it and start a new one."
                ),
            )
        }
        Notice::EntityMessageUnlabelled {
            sender,
            entity,
            message,
        } => {
            let (what, consequence) = match message {
                Unlabelled::Lock => ("Lock request".to_owned(), "the lock is never granted"),
                Unlabelled::Signal(operation) => {
                    (format!("Signal '{operation}'"), "the signal is lost")
                }
                Unlabelled::Call(operation) => {
                    (format!("Call '{operation}'"), "the call never returns")
                }
            };
            (
                Error,
                format!(
                    "{what} from orchestration '{sender}' to entity '{entity}' was dropped: it has no \
                     Timestamp. A real host takes it for a duplicate and drops it silently; {consequence}. \
                     Send requests as events with Timestamp and Predecessor."
                ),
            )
        }
        Notice::EntityOperationFailed {
            entity,
            operation,
            failure,
        } => (
            Warning,
            format!(
                "Operation '{operation}' of entity '{entity}' failed: {}: {}",
                failure.error_type, failure.error_message
            ),
        ),
        Notice::EntityBatchFailed {
            entity,
            operations,
            failure,
        } => (
            Error,
            format!(
                "A batch of {operations} operations of entity '{entity}' failed: {}",
                failure::with_causes(&failure)
            ),
        ),
        Notice::EntityTooFewResults {
            entity,
            operations,
            results,
        } => (
            Error,
            format!(
                "Entity '{entity}': The entity function answered {operations} operations with {results} results. \
                 local-host fails the rest; a real host sends it again at once, without \
                 pause or end."
            ),
        ),
        Notice::EntitySignalUndelivered {
            entity,
            target,
            operation,
        } => (
            Warning,
            format!(
                "Signal '{operation}' of entity '{entity}' to '{target}' was dropped: this is not the id of an entity, \
                 @name@key. A real host drops it silently."
            ),
        ),
        Notice::EntityActionUnknown { entity } => (
            Error,
            format!("Entity '{entity}' answered with an action that local-host does not know."),
        ),
        Notice::EntityStartRefused {
            entity,
            instance,
            why,
        } => {
            let why = match why {
                RefusedStart::BadId => {
                    "an instance id must not be empty or begin with '@'. A real host accepts the start, \
                     cannot process the message and slows down the whole task hub."
                }
                RefusedStart::Running => {
                    "an instance with this id runs. A real host would let the two overwrite each other."
                }
            };
            (
                Error,
                format!("Entity '{entity}' did not start orchestration '{instance}': {why}"),
            )
        }
        // A notice that this program does not know yet still reaches the developer.
        other => (Warning, format!("{other:?}")),
    })
}
