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

use durable_protocol::messages::{EventType, HistoryEvent, TaskFailureDetails};
use durable_protocol::nonchars::find;

use super::activity::Task;
use super::failure::{self, Cause, INVALID_OPERATION};
use super::{Inner, clock, events};
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

pub(super) fn in_failure(details: &TaskFailureDetails) -> Option<&'static str> {
    std::iter::successors(Some(details), |it| it.inner_failure.as_deref())
        .find_map(|it| find(&it.error_type).or_else(|| find(&it.error_message)))
}

/// The outcome of an activity for the orchestration. A result or failure that could not be sent is replaced
/// by a failure.
pub(super) fn sendable(hub: &Inner, task: &Task, event: HistoryEvent) -> HistoryEvent {
    if hub.options.base64_queue_messages {
        return event;
    }
    let found = match &event.event_type {
        Some(EventType::TaskCompleted(completed)) => completed
            .result
            .as_deref()
            .and_then(find)
            .map(|name| ("result", name)),
        Some(EventType::TaskFailed(failed)) => failed
            .failure_details
            .as_ref()
            .and_then(in_failure)
            .map(|name| ("failure", name)),
        _ => None,
    };
    let Some((place, name)) = found else {
        return event;
    };
    let text = format!(
        "local-host failed activity '{}': its {place} holds {name}. {REPEATED_ACTIVITY}",
        task.name
    );
    hub.log(
        LogLevel::Error,
        format!("Orchestration '{}': {text}", task.instance_id),
    );
    let details = failure::activity(&task.name, Cause::new(INVALID_OPERATION, text));
    events::task_failed(clock::now(), task.id, Some(details))
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
