//! What the hub has to say, in plain words: what happened and, where it helps, what to do.

use task_hub::Notice;
use task_hub::notice::{RefusedStart, Undelivered, Unlabelled};

/// The words for a notice; `None` for what the status of an instance shows as well.
pub(super) fn words(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::TurnVoid { instance, .. } => format!(
            "a turn of '{instance}' was dropped, because its execution had ended while the turn was under way"
        ),
        Notice::OrchestrationFailed { .. } => return None,
        Notice::OrchestrationNotRun {
            instance,
            name,
            output,
        } => format!("orchestrator '{name}' (instance '{instance}') could not be run: {output}"),
        Notice::OrchestrationRefused {
            instance,
            name,
            refused,
        } => format!(
            "what orchestrator '{name}' (instance '{instance}') asked for was refused, and it failed: {refused:?}"
        ),
        Notice::EventUnread { instance, event } => format!(
            "event '{event}' for '{instance}' was dropped, because it came while the orchestration ended"
        ),
        Notice::EventUndelivered {
            sender,
            target,
            event,
            why,
        } => format!(
            "event '{event}' from '{sender}' was dropped, because its target '{target}' {}",
            undelivered(*why)
        ),
        Notice::ChildNotStarted { parent, child } => format!(
            "sub-orchestration '{child}' of '{parent}' was not started, because an instance with this id runs"
        ),
        Notice::ChildCanceled { child } => {
            format!("sub-orchestration '{child}' ended as Canceled")
        }
        Notice::ActivityOutcomeDropped {
            instance,
            activity,
            why,
        } => format!(
            "the outcome of activity '{activity}' was dropped, because '{instance}' {}",
            undelivered(*why)
        ),
        Notice::TerminatedBeforeStart { instance } => format!(
            "'{instance}' was terminated before its scheduled start; it still runs at its time, as on a real host"
        ),
        Notice::RewindShadowed { instance } => format!(
            "'{instance}' was rewound although an earlier execution under its id had a longer history; a real \
             host loses such a rewind. Use every instance id once"
        ),
        Notice::RewindStuck {
            instance,
            child,
            status,
        } => format!(
            "'{instance}' was rewound and waits for ever for its sub-orchestration '{child}', which {} and \
             cannot be rewound",
            match status {
                Some(status) => format!("is {}", status.as_str()),
                None => "does not exist any more".to_owned(),
            }
        ),
        Notice::EntityMessageUnlabelled {
            sender,
            entity,
            message,
        } => format!(
            "{} from '{sender}' to entity '{entity}' was dropped, because it has no label",
            match message {
                Unlabelled::Lock => "a lock request".to_owned(),
                Unlabelled::Signal(operation) => format!("signal '{operation}'"),
                Unlabelled::Call(operation) => format!("call '{operation}'"),
            }
        ),
        Notice::EntityLockDropped { entity, sender } => format!(
            "'{sender}' had ended when it was its turn to lock entity '{entity}'; the lock was passed on"
        ),
        Notice::EntityOperationFailed {
            entity,
            operation,
            failure,
        } => format!(
            "operation '{operation}' of entity '{entity}' failed: {}: {}",
            failure.error_type, failure.error_message
        ),
        Notice::EntityBatchFailed {
            entity,
            operations,
            failure,
        } => format!(
            "all {operations} operations of a batch of entity '{entity}' failed: {}: {}",
            failure.error_type, failure.error_message
        ),
        Notice::EntityTooFewResults {
            entity,
            operations,
            results,
        } => format!("entity '{entity}' answered {operations} operations with {results} results"),
        Notice::EntityActionUnknown { entity } => {
            format!("entity '{entity}' answered with an action of an unknown kind")
        }
        Notice::EntitySignalUndelivered {
            entity,
            target,
            operation,
        } => format!(
            "signal '{operation}' of entity '{entity}' was dropped, because '{target}' is not the id of an entity"
        ),
        Notice::EntityStartRefused {
            entity,
            instance,
            why,
        } => format!(
            "entity '{entity}' did not start orchestration '{instance}', because {}",
            match why {
                RefusedStart::BadId => "an instance id must not be empty or begin with '@'",
                RefusedStart::Running => "an instance with this id runs",
            }
        ),
        // A kind that was added to the hub and has no words yet.
        other => format!("{other:?}"),
    })
}

fn undelivered(why: Undelivered) -> String {
    match why {
        Undelivered::Unknown => "does not exist".to_owned(),
        Undelivered::Ended(status) => format!("had ended as {}", status.as_str()),
    }
}
