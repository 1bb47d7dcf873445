//! A message of a storage queue.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::binding_data::BindingData;
use crate::messages::{seconds, with_offset};

/// A message as the service gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    /// What proves that this delivery is the latest; each renewal changes it.
    pub(super) pop_receipt: String,
    pub(super) inserted: DateTime<Utc>,
    pub(super) expires: DateTime<Utc>,
    pub(super) next_visible: DateTime<Utc>,
    pub(super) dequeue_count: u64,
    /// As it is in the queue: with the encoding of the app.
    pub(super) text: String,
}

impl Message {
    /// The content; `None` if it is not in the app's encoding.
    pub(super) fn body(&self, base64: bool) -> Option<Vec<u8>> {
        if base64 {
            STANDARD.decode(self.text.trim()).ok()
        } else {
            Some(self.text.clone().into_bytes())
        }
    }

    pub(super) fn properties(&self) -> BindingData {
        let time = |time| with_offset(&seconds(time));
        let mut data = BindingData::new();
        data.insert("DequeueCount", self.dequeue_count);
        data.insert_plain("ExpirationTime", time(self.expires));
        data.insert("Id", self.id.as_str());
        data.insert_plain("InsertionTime", time(self.inserted));
        data.insert_plain("NextVisibleTime", time(self.next_visible));
        data.insert("PopReceipt", self.pop_receipt.as_str());
        data
    }

    /// What the log says of it. Its content is not for the log.
    pub(super) fn details(&self) -> String {
        format!(
            "MessageId: {}, DequeueCount: {}, InsertedOn: {}",
            self.id,
            self.dequeue_count,
            with_offset(&seconds(self.inserted))
        )
    }
}
