//! Timers and scheduled starts.
//!
//! A timer fires at its time, not before. A real host with Azure Storage cuts the delay to whole seconds and
//! fires up to a second early; no code should depend on that. The clock of the timers stops while the machine
//! sleeps: a timer that was due meanwhile fires late.

use std::sync::Arc;

use prost_types::Timestamp;

use super::instance::{Instance, Message};
use super::{Inner, clock};

/// Delivers `message` at `time`, at once when that is past. The timer ends with its execution.
pub(super) fn set(
    hub: &Arc<Inner>,
    instance: &Arc<Instance>,
    execution: &str,
    time: Timestamp,
    message: Message,
) {
    let wait = clock::until(clock::now(), time);
    let target = instance.id.clone();
    if wait.is_zero() {
        hub.deliver(&target, message);
        return;
    }
    let timer = {
        let hub = Arc::clone(hub);
        async move {
            tokio::time::sleep(wait).await;
            hub.deliver(&target, message);
        }
    };
    if let Some(timer) = hub.spawn(timer) {
        instance.keep_timer(execution, timer);
    }
}
