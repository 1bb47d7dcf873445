//! The message of an invocation by a queue or by Service Bus.
//!
//! Invariant: a property of a [`Message`] was set by the service or by the host, never by the text of the message. The
//! host adds the members of a JSON text to the properties, and they replace properties of the same name. So whoever may
//! write a text could choose the id and the delivery count of his message; `taint` finds the names that a text has
//! replaced.

mod taint;

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::invocation::Invocation;
use crate::value::{Value, ValueError};

/// The properties that are read, in the host's spelling.
const PROPERTIES: [&str; 9] = [
    "MessageId",
    "DeliveryCount",
    "SessionId",
    "SequenceNumber",
    "EnqueuedTimeUtc",
    "EnqueuedTime",
    "Id",
    "DequeueCount",
    "InsertionTime",
];

/// Those that only a message of a storage queue has.
const OF_QUEUES: [&str; 3] = ["Id", "DequeueCount", "InsertionTime"];

/// The message of an invocation whose trigger is a `serviceBusTrigger` or a `queueTrigger`.
///
/// ```
/// use functions_handler::{Answer, FunctionError, Invocation, Message};
///
/// // on-order/function.json: a serviceBusTrigger (or a queueTrigger) `order`.
/// async fn on_order(invocation: Invocation) -> Result<Answer, FunctionError> {
///     let message = Message::of(&invocation, "order")?;
///     if message.delivery_count() > Some(1) {
///         tracing::warn!(id = message.id(), "delivered again");
///     }
///     let order: serde_json::Value = serde_json::from_str(message.text())?;
///     // …
///     Ok(Answer::new())
/// }
/// # let _ = functions_handler::App::new().function("on-order", on_order);
/// ```
///
/// # Who sets the properties
///
/// A host adds the members of a JSON object in the text to the properties of the message. They replace properties of
/// the same name, in any case of the letters: a text `{"deliveryCount":1}` is always delivered for the first time, for
/// whoever reads [`Invocation::metadata`]. Here a property whose name is a member of the text is `None`. The
/// text itself says what the member is.
///
/// A text that begins like an object but is no JSON may still be JSON for the host, whose parser takes comments, names without
/// quotation marks and more. There, a property is `None` when its name stands anywhere in the text, or when the text
/// has a backslash, which can hide a name.
///
/// The id and the session id of a Service Bus message are chosen by its sender, and true in this sense only.
///
/// # Which bindings
///
/// Single messages of the `dataType` string, the default of both triggers. With `"dataType": "binary"`, the text would be the
/// base64 of the bytes; with `"cardinality": "many"`, a JSON array of all texts, without properties.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    text: String,
    service: MessageService,
    id: Option<String>,
    delivery_count: Option<u64>,
    session_id: Option<String>,
    enqueued_at: Option<SystemTime>,
    sequence_number: Option<u64>,
}

/// The service that a [`Message`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageService {
    /// A queue or a subscription of Azure Service Bus.
    ServiceBus,
    /// A queue of Azure Storage.
    StorageQueue,
}

/// An invocation has no message under the name that was asked for. The text does not show the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// There is no such binding.
    #[error("expected a binding {0:?} with a serviceBusTrigger or a queueTrigger in function.json")]
    NoBinding(String),
    /// The value of the binding is no text.
    #[error(transparent)]
    NotText(#[from] ValueError),
}

impl Message {
    /// The message of the trigger with this name (`name` in function.json).
    ///
    /// # Errors
    /// The invocation has no binding of this name, or its value is not text.
    pub fn of(invocation: &Invocation, binding: &str) -> Result<Self, MessageError> {
        let value = invocation
            .data(binding)
            .ok_or_else(|| MessageError::NoBinding(binding.to_owned()))?;
        let text = value.text()?.unwrap_or_default();
        let properties = Properties::read(invocation, &text);
        let service = match OF_QUEUES.iter().any(|name| properties.has(name)) {
            true => MessageService::StorageQueue,
            false => MessageService::ServiceBus,
        };
        Ok(Self {
            service,
            id: properties.text("MessageId").or(properties.text("Id")),
            delivery_count: properties
                .number("DeliveryCount")
                .or(properties.number("DequeueCount")),
            session_id: properties.text("SessionId"),
            enqueued_at: properties
                .time("EnqueuedTimeUtc")
                .or(properties.time("EnqueuedTime"))
                .or(properties.time("InsertionTime")),
            sequence_number: properties.number("SequenceNumber"),
            text: text.into_owned(),
        })
    }

    /// The text as it was sent. Empty when a person has run the function by the admin API without a text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The service that delivered it. A message whose text has replaced all properties that tell the two apart counts as
    /// one of Service Bus.
    pub fn service(&self) -> MessageService {
        self.service
    }

    /// `MessageId` of a Service Bus message, which its sender chooses; `Id` of a queue message, which the service chooses.
    /// All deliveries of a message have the same.
    ///
    /// `None` for a queue message that a person has sent by the admin API, for a sender who set none, and when the text has
    /// replaced it.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The number of this delivery of the message, from 1: `DeliveryCount` or `DequeueCount`. 0 for a queue message
    /// that a person has sent by the admin API. `None` when the text has replaced it.
    pub fn delivery_count(&self) -> Option<u64> {
        self.delivery_count
    }

    /// `SessionId` of a Service Bus message; `None` without one, and when the text has replaced it.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// When the service got the message, in whole seconds: `EnqueuedTimeUtc` or `InsertionTime`. `None` when the text has
    /// replaced it.
    pub fn enqueued_at(&self) -> Option<SystemTime> {
        self.enqueued_at
    }

    /// `SequenceNumber` of a Service Bus message: unique in its queue, and the same in all deliveries. `None` for a queue
    /// message, and when the text has replaced it.
    pub fn sequence_number(&self) -> Option<u64> {
        self.sequence_number
    }
}

/// Shows neither text nor session id.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("service", &self.service)
            .field("id", &self.id)
            .field("delivery_count", &self.delivery_count)
            .field("enqueued_at", &self.enqueued_at)
            .field("sequence_number", &self.sequence_number)
            .finish_non_exhaustive()
    }
}

/// The properties that the text has not replaced.
struct Properties<'a>([Option<&'a RawValue>; PROPERTIES.len()]);

impl<'a> Properties<'a> {
    fn read(invocation: &'a Invocation, text: &str) -> Self {
        let mut values = invocation.metadata_of(&PROPERTIES);
        for (value, replaced) in values.iter_mut().zip(taint::replaced(text, &PROPERTIES)) {
            if replaced {
                *value = None;
            }
        }
        Self(values)
    }

    fn value(&self, name: &str) -> Option<Value<'a>> {
        let mut known = PROPERTIES.into_iter().zip(self.0);
        let (name, raw) = known.find(|(known, _)| *known == name)?;
        Some(Value::new("Metadata", name, raw?.get()))
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn cow(&self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name)?.text().ok()?
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.cow(name).filter(|text| !text.is_empty())?;
        Some(text.into_owned())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.cow(name)?.parse().ok()
    }

    /// A `DateTimeOffset`, or a `DateTime`, which is in UTC and has lost its zone on the way.
    fn time(&self, name: &str) -> Option<SystemTime> {
        let text = self.cow(name)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339));
        Some(time.ok()?.into())
    }
}
