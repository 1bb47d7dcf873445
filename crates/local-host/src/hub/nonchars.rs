//! U+FFFE and U+FFFF in messages of the task hub.
//!
//! A real host sends its messages through storage queues, by default as XML text, which cannot contain these
//! characters. The queue refuses the message, and the host repeats the work behind it without end, which
//! blocks nearly the whole task hub. Here such a turn or activity fails at once; a client's call is refused,
//! as in a real host. With queue messages in Base64 the characters are harmless.
//!
//! A real host can send them in messages of more than about 45 KB, which go to a blob. That depends on the
//! rest of the message, so no app should rely on it, and they are refused here at any size. The answers and
//! messages of entities, and the reasons of suspend, resume and rewind, are not checked: they have not been
//! recorded.

use durable_protocol::messages::TaskFailureDetails;
use durable_protocol::nonchars::find;
use task_hub::work::ActivityOutcome;

use super::Inner;
use super::failure::{self, Cause, INVALID_OPERATION};
use crate::log::LogLevel;

/// The failure of a turn that would send one of them.
pub(super) const REPEATED_TURN: &str = "the storage queue refuses a message with this character: the turn would be delivered again for \
     ever, and all orchestrations of the task hub would slow down to one turn in ten seconds. Write \
     it as an escape in JSON, keep it out of names, ids and failure messages, or set \
     extensions.durableTask.storageProvider.queueClientMessageEncoding to \"Base64\" in host.json.";

const REPEATED_ACTIVITY: &str = "On a real host: the storage queue refuses a message with this character: the activity would run \
     again and again, and the task hub would take one activity in ten seconds. An escape in JSON does \
     not help, because the host reads the answer: put JSON into a string, leave the character out, or \
     set extensions.durableTask.storageProvider.queueClientMessageEncoding to \"Base64\" in host.json.";

/// The text of Azure's client library.
pub(super) const STORAGE_ERROR: &str = "An error occurred while communicating with Azure Storage";

fn in_failure(details: &TaskFailureDetails) -> Option<&'static str> {
    std::iter::successors(Some(details), |it| it.inner_failure.as_deref())
        .find_map(|it| find(&it.error_type).or_else(|| find(&it.error_message)))
}

/// The failure that replaces the outcome of an activity that a real host could not send; `None` for all others.
/// The reason is logged.
pub(super) fn failure_for(
    hub: &Inner,
    instance_id: &str,
    activity: &str,
    outcome: &ActivityOutcome,
) -> Option<TaskFailureDetails> {
    if hub.options.base64_queue_messages {
        return None;
    }
    let (place, name) = match outcome {
        ActivityOutcome::Completed(result) => ("result", result.as_deref().and_then(find)?),
        ActivityOutcome::Failed(details) => ("failure", details.as_ref().and_then(in_failure)?),
        ActivityOutcome::Abandoned => return None,
    };
    let text = format!(
        "local-host failed activity '{activity}': its {place} holds {name}. {REPEATED_ACTIVITY}"
    );
    hub.log(
        LogLevel::Error,
        format!("Orchestration '{instance_id}': {text}"),
    );
    Some(failure::activity(
        activity,
        Cause::new(INVALID_OPERATION, text),
    ))
}

/// Whether a real host would refuse a call of a client because of `text`. The reason is logged.
pub(super) fn refused(hub: &Inner, what: &str, text: Option<&str>) -> bool {
    if hub.options.base64_queue_messages {
        return false;
    }
    let Some(name) = text.and_then(find) else {
        return false;
    };
    hub.log(
        LogLevel::Error,
        format!(
            "A durable client was refused: {what} holds {name}, and the storage queue of a real host \
             refuses a message with this character. Write it as an escape in JSON, keep it out of \
             names, ids and reasons, or set \
             extensions.durableTask.storageProvider.queueClientMessageEncoding to \"Base64\" in \
             host.json."
        ),
    );
    true
}
