//! Sending events to other instances.

use std::borrow::Cow;

use durable_protocol::{instance_id, nonchars};
use serde::Serialize;

use super::OrchestrationContext;
use crate::{Event, Failure, codec, error_type};

impl OrchestrationContext {
    /// Sends an event to another orchestration instance. There is no answer: an instance that does not
    /// exist, or has ended, gets nothing.
    ///
    /// # Errors
    /// A failure of type [`InvalidInstanceId`](crate::error_type::INVALID_INSTANCE_ID),
    /// [`InvalidEventName`](crate::error_type::INVALID_EVENT_NAME) (it is empty or blank, or holds
    /// U+FFFE or U+FFFF) or [`InvalidInput`](crate::error_type::INVALID_INPUT); nothing is sent
    /// then.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn send_event<T: Serialize>(
        &self,
        instance_id: impl Into<String>,
        event: Event<T>,
        payload: T,
    ) -> Result<(), Failure> {
        self.note_site();
        let instance_id = instance_id.into();
        instance_id::check(&instance_id).map_err(|reason| {
            Failure::new(
                error_type::INVALID_INSTANCE_ID,
                format!(
                    "event '{}' cannot be sent to '{instance_id}': {reason}",
                    event.name
                ),
            )
            .non_retriable()
        })?;
        if event.name.trim().is_empty() {
            return Err(Failure::new(
                error_type::INVALID_EVENT_NAME,
                format!("an event without a name cannot be sent to '{instance_id}'"),
            )
            .non_retriable());
        }
        nonchars::check(event.name).map_err(|reason| {
            Failure::new(
                error_type::INVALID_EVENT_NAME,
                format!(
                    "event '{}' cannot be sent to '{instance_id}': {reason}",
                    event.name
                ),
            )
            .non_retriable()
        })?;
        let data = codec::write_input("event", event.name, &payload)?;
        let name = Cow::Borrowed(event.name);
        self.state
            .borrow_mut()
            .send_event(instance_id, name, |_| data);
        Ok(())
    }
}
