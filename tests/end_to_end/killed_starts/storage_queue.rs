//! Puts messages into a real storage queue, which delivers each until an invocation with it has succeeded.

use serde_json::json;

use super::{
    super::support::{host::Host, queues::Queues},
    messages::Messages,
};

const QUEUE: &str = "submit-events";
const SUCCEEDED: &str = "Executed 'Functions.submit-event' (Succeeded";
const POISON: &str = "Message has reached MaxDequeueCount";

/// How many messages are in the queue at the same time.
const AHEAD: usize = 12;

/// Puts messages into the queue until no more are sent, and returns when it is empty.
pub(super) async fn deliver_all(messages: &Messages, queues: &Queues, host: &Host) {
    let mut put = 0;
    while let Some(message) = messages.send() {
        let mut text = message.days();
        text["sessionId"] = json!(message.session);
        queues.put(QUEUE, &text.to_string()).await;
        put += 1;
        if put > AHEAD {
            host.logged(SUCCEEDED, put - AHEAD).await;
        }
    }
    host.logged(SUCCEEDED, put).await;
    while queues.count(QUEUE).await > 0 {
        tokio::task::yield_now().await;
    }
    // A handler that dies twice is not the fault of the messages.
    let log = host.log();
    assert!(!log.contains(POISON), "{log}");
}
