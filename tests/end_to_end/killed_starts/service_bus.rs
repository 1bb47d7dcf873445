//! Plays Service Bus: it delivers every message until an invocation with it has succeeded, and some once more.

use std::sync::Mutex;

use futures::{future::join_all, join};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::{
    super::support::host::Host,
    messages::{Message, Messages},
};

/// How many messages are delivered at the same time.
const AT_ONCE: usize = 6;

/// Delivers messages to this host, new ones until no more are sent, and returns when all are done. What was delivered to an
/// earlier host without success comes first.
pub(super) async fn deliver_all(messages: &Messages, host: &Host) {
    let mut left = messages.sent();
    left.retain(|message| !message.is_done);
    let left = Mutex::new(left.into_iter());
    let service = ServiceBus {
        host,
        begun: tokio::sync::Mutex::new(0),
    };
    let deliver = async || {
        loop {
            let next = left.lock().unwrap().next().or_else(|| messages.send());
            let Some(message) = next else { return };
            match messages.random(4) {
                0 => {
                    join!(
                        service.until_success(&message),
                        service.until_success(&message)
                    );
                }
                1 => {
                    service.until_success(&message).await;
                    service.until_success(&message).await;
                }
                _ => service.until_success(&message).await,
            }
            messages.done(&message);
        }
    };
    join_all((0..AT_ONCE).map(|_| deliver())).await;
}

struct ServiceBus<'a> {
    host: &'a Host,
    /// How many invocations have begun. The answer to a delivery does not say which one is its own, so that the next
    /// delivery waits until it has begun.
    begun: tokio::sync::Mutex<usize>,
}

impl ServiceBus<'_> {
    async fn until_success(&self, message: &Message) {
        let mut delivery_count = 1;
        while !self.deliver(message, delivery_count).await {
            delivery_count += 1;
        }
    }

    /// Delivers a message once, and returns whether the invocation has succeeded.
    async fn deliver(&self, message: &Message, delivery_count: u64) -> bool {
        let id = {
            let mut begun = self.begun.lock().await;
            let call = call(message, delivery_count);
            let target = "/admin/functions/submit-event";
            match self.host.client().try_post(target, &call).await {
                Some(answer) => assert_eq!(answer.status, 202, "{answer:?}"),
                // The host was killed, and whoever did it ends this.
                None => std::future::pending().await,
            }
            *begun += 1;
            let line = "Executing 'Functions.submit-event'";
            let line = self.host.line(line, *begun).await;
            let (_, id) = line.split_once("Id=").unwrap();
            id.trim_end_matches(')').to_owned()
        };
        let ended = self.host.line(&format!(", Id={id}, Duration="), 1).await;
        ended.contains("(Succeeded,")
    }
}

/// The body of the call that delivers a message. Every other message has its session among its properties, not in its text.
fn call(message: &Message, delivery_count: u64) -> String {
    let mut text = message.days();
    let mut properties = json!({
        "MessageId": message.id,
        "DeliveryCount": delivery_count,
        "SequenceNumber": message.number + 1,
        "EnqueuedTimeUtc": message.sent.format(&Rfc3339).unwrap(),
    });
    match message.number % 2 {
        0 => text["sessionId"] = json!(message.session),
        _ => properties["SessionId"] = json!(message.session),
    }
    json!({ "input": text.to_string(), "metadata": properties }).to_string()
}
