//! What is logged of a message.
//!
//! Invariant: ids and reasons only. An id of a message that is a part of its content is not shown either: some senders take
//! the session id.

use functions_handler::Message;

use crate::settings::MessageSettings;

/// Shown in place of an id of a message that is a part of its content.
const HIDDEN: &str = "(part of the message)";

/// A message, for the log.
pub(super) struct Report<'a> {
    message_id: &'a str,
    /// The instance id of its job.
    id: &'a str,
    /// `None` if the text has replaced it.
    delivery: Option<u64>,
    is_last: bool,
}

impl<'a> Report<'a> {
    pub(super) fn of(message: &'a Message, id: &'a str, settings: &MessageSettings) -> Self {
        let is_content = |message_id: &str| {
            message.session_id() == Some(message_id)
                || message.text().contains(&format!("\"{message_id}\""))
        };
        let message_id = match message.id() {
            Some(id) if is_content(id) => HIDDEN,
            Some(id) => id,
            None => "(none)",
        };
        let delivery = message.delivery_count();
        let most = settings.max_delivery_count(message.service());
        Self {
            message_id,
            id,
            delivery,
            // 0: a person has sent it by the admin API, and nobody delivers it again.
            is_last: delivery.is_none_or(|count| count == 0 || count >= most),
        }
    }

    /// The message was not taken. An error, once the service gives it up; where that cannot be known, each time.
    pub(super) fn refused(&self, reason: &str) {
        let Self {
            message_id,
            id,
            delivery,
            is_last,
        } = self;
        match is_last {
            true => tracing::error!(
                message_id,
                id,
                delivery,
                "message given up after its last delivery: {reason}"
            ),
            false => tracing::warn!(
                message_id,
                id,
                delivery,
                "message not taken, it will be delivered again: {reason}"
            ),
        }
    }

    /// The message can never start a job. It is recorded and completed.
    pub(super) fn recorded(&self, reason: &str, key: &str) {
        let (message_id, id) = (self.message_id, self.id);
        tracing::error!(message_id, id, key, "message recorded as poison: {reason}");
    }

    /// The job of the message has started.
    pub(super) fn taken(&self) {
        let (message_id, id) = (self.message_id, self.id);
        tracing::info!(message_id, id, "message taken, its job runs");
    }

    /// The job of the message was started by an earlier delivery.
    pub(super) fn again(&self) {
        let (message_id, id) = (self.message_id, self.id);
        tracing::info!(message_id, id, "message delivered again, its job is known");
    }

    /// The job of the message has been purged.
    pub(super) fn after_the_end(&self) {
        let (message_id, id) = (self.message_id, self.id);
        tracing::warn!(
            message_id,
            id,
            "message delivered again after its job was purged: nothing is started"
        );
    }
}
