//! The executor scenarios of durabletask's own test suite once more, through the task hub for tests: what the tests
//! in `scenarios` show on hand-made histories holds in a history that a task hub makes.
//!
//! docs/scenarios.md lists all of them. The number in a test's name is the number there.

mod activities;
mod children;
mod entities;
mod events;
mod fan_in;
mod lifecycle;
#[cfg(feature = "tracing-subscriber")]
mod logging;
mod non_determinism;
mod retries;
mod timers;

use std::time::Duration;

use durable_functions::testing::TestHub;
use durable_functions::{Event, OrchestrationContext, Orchestrator, Result};
use durable_protocol::messages::EventType;
use serde::Serialize;
use serde::de::DeserializeOwned;

const GO: Event<u32> = Event::new("Go");
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The handle of the orchestrator under test.
const fn orchestrator<I, O>() -> Orchestrator<I, O> {
    Orchestrator::new("orchestrator")
}

/// A hub with the activities `double` and `break` and the orchestrator under test.
fn hub<I, O, F, Fut>(function: F) -> TestHub
where
    I: DeserializeOwned + 'static,
    O: Serialize + 'static,
    F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + 'static,
{
    super::hub().orchestrator(orchestrator(), function)
}

/// What the history of the instance `a` has, without the bookends of turns.
fn asked_for(hub: &TestHub) -> Vec<String> {
    let history = hub.history("a").unwrap();
    let kinds = history.events().iter().filter_map(|event| {
        let text = match event.event_type.as_ref().unwrap() {
            EventType::TaskScheduled(task) => task.name.clone(),
            EventType::TimerCreated(_) => "timer".to_owned(),
            EventType::SubOrchestrationInstanceCreated(child) => format!("child {}", child.name),
            EventType::EventSent(sent) => format!("{} to {}", sent.name, sent.instance_id),
            _ => return None,
        };
        Some(format!("#{} {text}", event.event_id))
    });
    kinds.collect()
}

/// What the instance `a` failed with.
async fn failure(hub: &mut TestHub) -> String {
    let status = hub.run_until_ended("a").await.unwrap();
    assert_eq!(status.runtime_status.as_str(), "Failed");
    status.output.unwrap()
}
