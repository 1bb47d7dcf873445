//! The queue triggers: messages of the storage emulator reach their functions; and the queue outputs.
//!
//! Invariant: a message is deleted only after its function has succeeded, or after a copy is in the poison queue.
//! Until then it is in the queue, hidden at most for `LEASE`: whatever ends local-host, its handler or the
//! emulator, it is delivered again.
//!
//! The requests are made and signed here, and not by a client library. The only one of the release that reads the
//! tables, azure_storage_queues 0.21, reads a text without its outer spaces, and cannot renew a message without
//! sending the text again, which would then change it. Its errors hold the messages. It would also need an HTTP
//! client of ours.

mod client;
mod connection;
mod listener;
mod message;
mod outputs;
mod signature;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::functions::{Binding, Functions};
use crate::host_json::QueueOptions;
use crate::http::App;
use crate::log::Logger;
use crate::settings::Environment;
use client::QueueClient;
use connection::Connection;
use listener::Listener;

pub use outputs::QueueOutputs;

/// For how long a message is hidden when it is taken. It is renewed after half of the time, while the function
/// runs. A real host hides it for 10 minutes. Then a message that was under way when local-host was killed would
/// be missing for that long.
const LEASE: Duration = Duration::from_secs(60);

/// The queue triggers of an app that local-host serves.
#[derive(Debug, Default)]
pub struct Queues(Vec<Listener>);

impl Queues {
    /// The queue triggers of an app whose connection is the storage emulator. The log says why another one is
    /// not served.
    #[must_use]
    pub fn of(
        functions: &Functions,
        environment: &Environment,
        options: QueueOptions,
        log: &Logger,
    ) -> Self {
        let mut listeners = Vec::new();
        for function in functions
            .usable
            .iter()
            .filter(|function| !function.disabled)
        {
            let Some(trigger) = function
                .trigger()
                .filter(|trigger| trigger.is_type("queueTrigger"))
            else {
                continue;
            };
            match queue(trigger, environment) {
                Ok(queue) => listeners.push(Listener::new(function, queue, options)),
                Err(problem) => log.warning(format!(
                    "{}: no queue is read: {problem} The list of functions has a command that sends a message.",
                    function.name
                )),
            }
        }
        Self(listeners)
    }

    /// Sets for how long a message is hidden when it is taken, in whole seconds: 60 without this. It is renewed after
    /// half of the time, while the function runs.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        for listener in &mut self.0 {
            listener.lease = lease;
        }
        self
    }

    /// Takes messages and runs their functions, until the end is asked for.
    #[must_use]
    pub fn run(self, app: &Arc<App>) -> Running {
        let (stop, stopping) = watch::channel(false);
        let mut listeners = JoinSet::new();
        for listener in self.0 {
            listeners.spawn(listener::run(
                Arc::new(listener),
                Arc::clone(app),
                stopping.clone(),
            ));
        }
        Running { stop, listeners }
    }
}

/// The listeners at work.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
}

impl Running {
    /// From now on no message is taken. One whose function fails is visible again at once.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until each message that was taken is deleted or visible again. The functions must end by themselves,
    /// or with the handler.
    pub async fn ended(&mut self) {
        while self.listeners.join_next().await.is_some() {}
    }
}

/// The queue of a trigger or an output.
fn queue(binding: &Binding, environment: &Environment) -> Result<QueueClient, String> {
    let name = environment.resolve(binding.text("queueName").unwrap_or_default())?;
    // As the extension does.
    let name = name.to_lowercase();
    if !is_queue_name(&name) {
        return Err(format!(
            "'{name}' is no name of a queue: expected 3 to 63 lower-case letters, digits and single hyphens between \
             them."
        ));
    }
    let connection = Connection::of(binding.text("connection"), environment)?;
    Ok(QueueClient::new(connection, &name))
}

fn is_queue_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_queues_are_checked_as_by_the_service() {
        for name in ["abc", "submit-events", "1-2-3", &"a".repeat(63)] {
            assert!(is_queue_name(name), "{name}");
        }
        for name in [
            "",
            "ab",
            "Abc",
            "a--b",
            "-abc",
            "abc-",
            "a_b",
            "äbc",
            &"a".repeat(64),
        ] {
            assert!(!is_queue_name(name), "{name}");
        }
    }
}
