//! What becomes of messages that start no job.

use functions_handler::MessageService;

use super::reader::{Reader, in_range};

/// The settings of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSettings {
    /// `MalformedMessages`: what becomes of a message that can never start a job.
    pub malformed: MalformedMessages,
    /// `MaxDeliveryCount`: after how many deliveries the service gives a message up, at least 1. `None`: the service's own
    /// default.
    max_delivery_count: Option<u32>,
}

/// What becomes of a message that can never start a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedMessages {
    /// Each invocation fails, until the service moves the message to its dead-letter or poison queue.
    Fail,
    /// The entity `poison-message` keeps it, and it is completed.
    Record,
}

impl MessageSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let malformed = reader.or_default("MalformedMessages", "fail", |text| match text {
            text if text.eq_ignore_ascii_case("fail") => Ok(MalformedMessages::Fail),
            text if text.eq_ignore_ascii_case("record") => Ok(MalformedMessages::Record),
            _ => Err("expected fail or record"),
        });
        let max_delivery_count = reader.optional("MaxDeliveryCount", "10", |text| {
            in_range(text, 1, 2000).ok_or("expected a number of deliveries from 1 to 2000")
        });
        Some(Self {
            malformed: malformed?,
            max_delivery_count,
        })
    }

    /// After how many deliveries this service gives a message up.
    #[must_use]
    pub fn max_delivery_count(&self, service: MessageService) -> u64 {
        let default = match service {
            MessageService::ServiceBus => 10,
            // `maxDequeueCount` in host.json.
            MessageService::StorageQueue => 5,
        };
        self.max_delivery_count.unwrap_or(default).into()
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    use super::*;

    #[test]
    fn each_setting_is_read_and_has_a_default() {
        let read = |values: &[_]| Settings::for_test(values).messages;
        let default = read(&[]);
        assert_eq!(default.malformed, MalformedMessages::Fail);
        let most = |settings: &MessageSettings| {
            [MessageService::ServiceBus, MessageService::StorageQueue]
                .map(|service| settings.max_delivery_count(service))
        };
        assert_eq!(most(&default), [10, 5]);
        assert_eq!(most(&read(&[("MaxDeliveryCount", "3")])), [3, 3]);
        let record = read(&[("MalformedMessages", "Record")]);
        assert_eq!(record.malformed, MalformedMessages::Record);
    }

    #[test]
    fn a_malformed_value_is_named_with_an_example() {
        for (name, value, expected) in [
            (
                "MalformedMessages",
                "drop",
                "MalformedMessages: expected fail or record. Example: MalformedMessages=fail",
            ),
            (
                "MaxDeliveryCount",
                "0",
                "MaxDeliveryCount: expected a number of deliveries from 1 to 2000. Example: MaxDeliveryCount=10",
            ),
        ] {
            let text = Settings::problem_for_test(name, value);
            assert!(text.contains(expected), "{text}");
        }
    }
}
