//! The properties of a message and their forms in the binding data.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::binding_data::BindingData;
use crate::functions::Binding;
use crate::json::{Json, JsonNumber, JsonObject};

/// The end of time in .NET: a message that never expires, or is never visible again.
const END_OF_TIME: &str = "9999-12-31T23:59:59";
/// The default time to live of a Service Bus message that is sent without one, in days.
const TIME_TO_LIVE_DAYS: i64 = 14;

/// The service that a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A storage queue.
    Queue,
    /// A queue or subscription of Service Bus.
    ServiceBus,
}

/// The form of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    /// A whole number from 0.
    Count,
    /// A `DateTimeOffset`: seconds with the offset, which is zero.
    Time,
    /// A `DateTime`: seconds without a zone.
    UtcTime,
    Object,
}

/// A property, and the one that tells the same under another name.
type Property = (&'static str, Form, Option<&'static str>);

const QUEUE: &[Property] = &[
    ("DequeueCount", Form::Count, None),
    ("ExpirationTime", Form::Time, None),
    ("Id", Form::Text, None),
    ("InsertionTime", Form::Time, None),
    ("NextVisibleTime", Form::Time, None),
    ("PopReceipt", Form::Text, None),
];

const SERVICE_BUS: &[Property] = &[
    ("MessageId", Form::Text, None),
    ("DeliveryCount", Form::Count, None),
    ("LockToken", Form::Text, None),
    ("EnqueuedTime", Form::Time, Some("EnqueuedTimeUtc")),
    ("EnqueuedTimeUtc", Form::UtcTime, Some("EnqueuedTime")),
    ("ExpiresAt", Form::Time, Some("ExpiresAtUtc")),
    ("ExpiresAtUtc", Form::UtcTime, Some("ExpiresAt")),
    ("SequenceNumber", Form::Count, None),
    ("ContentType", Form::Text, None),
    ("Subject", Form::Text, Some("Label")),
    ("Label", Form::Text, Some("Subject")),
    ("CorrelationId", Form::Text, None),
    ("To", Form::Text, None),
    ("ReplyTo", Form::Text, None),
    ("ReplyToSessionId", Form::Text, None),
    ("SessionId", Form::Text, None),
    ("PartitionKey", Form::Text, None),
    ("TransactionPartitionKey", Form::Text, None),
    ("DeadLetterSource", Form::Text, None),
    (
        "ApplicationProperties",
        Form::Object,
        Some("UserProperties"),
    ),
    (
        "UserProperties",
        Form::Object,
        Some("ApplicationProperties"),
    ),
];

/// A property that no message can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PropertyError {
    #[error("metadata.{name}: no property of a {service}. Expected one of {known}.")]
    Unknown {
        name: String,
        service: &'static str,
        known: String,
    },
    #[error("metadata.{name}: expected {expected}.")]
    Form {
        name: &'static str,
        expected: &'static str,
    },
}

impl Kind {
    /// The service of a trigger; `None` for a trigger that gets no messages.
    pub(crate) fn of(trigger: &Binding) -> Option<Self> {
        if trigger.is_type("queueTrigger") {
            Some(Self::Queue)
        } else if trigger.is_type("serviceBusTrigger") {
            Some(Self::ServiceBus)
        } else {
            None
        }
    }

    fn properties(self) -> &'static [Property] {
        match self {
            Self::Queue => QUEUE,
            Self::ServiceBus => SERVICE_BUS,
        }
    }

    /// The properties of a message that is sent by hand at this time.
    ///
    /// Those of a queue message are as recorded from a real host, which gives it no `Id`. Those of a Service Bus
    /// message are as the service itself would set them, so that each call is a message of its own.
    pub(crate) fn by_hand(self, now: DateTime<Utc>) -> BindingData {
        let mut data = BindingData::new();
        match self {
            Self::Queue => {
                data.insert("DequeueCount", 0);
                data.insert_plain("ExpirationTime", with_offset(END_OF_TIME));
                data.insert_plain("InsertionTime", with_offset(&seconds(now)));
                data.insert_plain("NextVisibleTime", with_offset(END_OF_TIME));
            }
            Self::ServiceBus => {
                data.insert("MessageId", Uuid::new_v4().simple().to_string());
                data.insert("DeliveryCount", 1);
                data.insert("LockToken", Uuid::new_v4().to_string());
                let expires = now + Duration::days(TIME_TO_LIVE_DAYS);
                for (name, time) in [("EnqueuedTime", now), ("ExpiresAt", expires)] {
                    let time = seconds(time);
                    data.insert_plain(name, with_offset(&time));
                    data.insert_plain(&format!("{name}Utc"), time);
                }
                data.insert("SequenceNumber", sequence_number(now));
                data.insert("ApplicationProperties", JsonObject::new());
                data.insert("UserProperties", JsonObject::new());
            }
        }
        data
    }

    /// Replaces properties; `null` removes one. A property that has two names is replaced under both, unless both
    /// are given.
    ///
    /// # Errors
    /// The first member that is no property of such a message, or has another form.
    pub(crate) fn replace(
        self,
        given: &JsonObject,
        data: &mut BindingData,
    ) -> Result<(), PropertyError> {
        let find = |name: &str| {
            let mut known = self.properties().iter();
            known.find(|(known, ..)| known.eq_ignore_ascii_case(name))
        };
        for (name, value) in given.iter() {
            let Some((name, form, twin)) = find(name) else {
                return Err(self.unknown(name));
            };
            form.set(name, value, data)?;
            if let Some(twin) = twin.filter(|twin| given.get_ignoring_case(twin).is_none())
                && let Some((twin, form, _)) = find(twin)
            {
                form.set(twin, value, data)?;
            }
        }
        Ok(())
    }

    fn unknown(self, name: &str) -> PropertyError {
        let known: Vec<_> = self.properties().iter().map(|(name, ..)| *name).collect();
        PropertyError::Unknown {
            name: name.to_owned(),
            service: match self {
                Self::Queue => "queue message",
                Self::ServiceBus => "Service Bus message",
            },
            known: known.join(", "),
        }
    }
}

impl Form {
    fn set(
        self,
        name: &'static str,
        value: &Json,
        data: &mut BindingData,
    ) -> Result<(), PropertyError> {
        let wrong = || PropertyError::Form {
            name,
            expected: self.expected(),
        };
        match (self, value) {
            (_, Json::Null) => data.remove(name),
            (Self::Text, Json::String(_) | Json::Date(_)) => {
                data.insert(name, value.as_text().unwrap_or_default());
            }
            (Self::Count, Json::Number(JsonNumber::Integer(digits))) => {
                let count: u64 = digits.parse().map_err(|_| wrong())?;
                data.insert(name, count);
            }
            (Self::Time | Self::UtcTime, Json::Date(date)) => {
                let time = date.to_iso();
                let seconds = time.get(..END_OF_TIME.len()).ok_or_else(wrong)?;
                data.insert_plain(
                    name,
                    match self {
                        Self::Time => with_offset(seconds),
                        _ => seconds.to_owned(),
                    },
                );
            }
            (Self::Object, Json::Object(object)) => data.insert(name, object.clone()),
            _ => return Err(wrong()),
        }
        Ok(())
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Count => "a whole number from 0",
            Self::Time | Self::UtcTime => "a date-time such as \"2026-01-31T12:00:00Z\"",
            Self::Object => "an object",
        }
    }
}

/// A number for a Service Bus message. It grows, also from one start of local-host to the next. The last three digits are
/// milliseconds, as long as there is at most one message in each: an app can tell the order of messages in a second by them.
fn sequence_number(now: DateTime<Utc>) -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let next = |last: u64| millis.max(last.saturating_add(1));
    let last = LAST.fetch_update(Relaxed, Relaxed, |last| Some(next(last)));
    next(last.unwrap_or_else(|last| last))
}

/// A time as the host writes it without its zone: a fraction of a second is dropped.
pub(crate) fn seconds(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(crate) fn with_offset(seconds: &str) -> String {
    format!("{seconds}+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_document;

    fn replaced(kind: Kind, members: &str) -> Result<String, String> {
        let members = parse_document(members).unwrap();
        let mut data = BindingData::new();
        kind.replace(members.as_object().unwrap(), &mut data)
            .map_err(|error| error.to_string())?;
        Ok(data.into_metadata_text())
    }

    #[test]
    fn a_queue_message_by_hand_is_as_recorded_from_a_real_host() {
        let now = "2026-11-28T00:59:58.4528241Z".parse().unwrap();
        assert_eq!(
            Kind::Queue.by_hand(now).into_metadata_text(),
            r#"{"DequeueCount":"0","ExpirationTime":"9999-12-31T23:59:59+00:00","InsertionTime":"2026-11-28T00:59:58+00:00","NextVisibleTime":"9999-12-31T23:59:59+00:00"}"#
        );
    }

    #[test]
    fn each_service_bus_message_by_hand_has_an_id_of_its_own() {
        let now = "2026-11-28T00:59:58.4528241Z".parse().unwrap();
        let first = Kind::ServiceBus.by_hand(now).into_metadata();
        let second = Kind::ServiceBus.by_hand(now).into_metadata();
        assert_ne!(first.get("MessageId"), second.get("MessageId"));
        for (name, expected) in [
            ("DeliveryCount", "1"),
            ("EnqueuedTime", "2026-11-28T00:59:58+00:00"),
            ("EnqueuedTimeUtc", "2026-11-28T00:59:58"),
            ("ExpiresAtUtc", "2026-12-12T00:59:58"),
        ] {
            assert_eq!(first.get(name).and_then(Json::as_text), Some(expected));
        }
        assert_eq!(first.get("SessionId"), None);
        let number = |metadata: &JsonObject| -> u64 {
            let text = metadata.get("SequenceNumber").and_then(Json::as_text);
            text.unwrap().parse().unwrap()
        };
        assert!(number(&first) < number(&second));
    }

    #[test]
    fn properties_are_replaced_in_the_form_of_the_host() {
        assert_eq!(
            replaced(
                Kind::ServiceBus,
                r#"{"messageid":"m-1","DeliveryCount":3,"SessionId":"2024-01-02T03:04:05Z","EnqueuedTimeUtc":"2024-01-02T03:04:05.678+02:00","Subject":"s","ApplicationProperties":{"a":1}}"#
            )
            .unwrap(),
            r#"{"MessageId":"\"m-1\"","DeliveryCount":"3","SessionId":"\"2024-01-02T03:04:05Z\"","EnqueuedTimeUtc":"2024-01-02T01:04:05","EnqueuedTime":"2024-01-02T01:04:05+00:00","Subject":"\"s\"","Label":"\"s\"","ApplicationProperties":{"a":1},"UserProperties":{"a":1}}"#
        );
        assert_eq!(
            replaced(
                Kind::Queue,
                r#"{"Id":"i","DequeueCount":5,"InsertionTime":"2024-01-02T03:04:05"}"#
            )
            .unwrap(),
            r#"{"Id":"\"i\"","DequeueCount":"5","InsertionTime":"2024-01-02T03:04:05+00:00"}"#
        );
    }

    #[test]
    fn two_names_of_a_property_can_be_given_apart() {
        assert_eq!(
            replaced(Kind::ServiceBus, r#"{"Label":"a","Subject":"b"}"#).unwrap(),
            r#"{"Label":"\"a\"","Subject":"\"b\""}"#
        );
    }

    #[test]
    fn null_removes_a_property() {
        let mut data = Kind::ServiceBus.by_hand(Utc::now());
        let given = JsonObject::from_iter([("MessageId", Json::Null)]);
        Kind::ServiceBus.replace(&given, &mut data).unwrap();
        assert!(!data.contains("MessageId"));
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for (kind, members, expected) in [
            (
                Kind::Queue,
                r#"{"MessageId":"m"}"#,
                "metadata.MessageId: no property of a queue message. Expected one of DequeueCount, ",
            ),
            (
                Kind::ServiceBus,
                r#"{"Id":"m"}"#,
                "metadata.Id: no property of a Service Bus message. Expected one of MessageId, ",
            ),
            (
                Kind::Queue,
                r#"{"id":5}"#,
                "metadata.Id: expected a string.",
            ),
            (
                Kind::Queue,
                r#"{"DequeueCount":-1}"#,
                "metadata.DequeueCount: expected a whole number from 0.",
            ),
            (
                Kind::Queue,
                r#"{"DequeueCount":"1"}"#,
                "metadata.DequeueCount: expected a whole number from 0.",
            ),
            (
                Kind::Queue,
                r#"{"InsertionTime":"yesterday"}"#,
                "metadata.InsertionTime: expected a date-time such as",
            ),
            (
                Kind::ServiceBus,
                r#"{"ApplicationProperties":[]}"#,
                "metadata.ApplicationProperties: expected an object.",
            ),
        ] {
            let error = replaced(kind, members).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
