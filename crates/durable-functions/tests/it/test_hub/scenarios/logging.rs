//! Logs of orchestrators: once each, although the hub runs each turn many times.

use std::sync::{Arc, Mutex};

use durable_functions::testing::TestHub;
use durable_functions::{OrchestrationContext, ReplayFilter, is_replaying};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::{SECOND, hub, orchestrator};

/// The lines of this test, with their levels.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let line = format!("{} {}", event.metadata().level(), message.0);
        self.0.lock().unwrap().push(line);
    }
}

/// Three turns.
fn logging() -> TestHub {
    hub(async |ctx: OrchestrationContext, (): ()| {
        for level in [Level::INFO, Level::WARN] {
            // The level is chosen while it runs.
            match level {
                Level::INFO => tracing::info!("before"),
                _ => tracing::warn!("before"),
            }
            ctx.sleep(SECOND).await;
        }
        tracing::error!("after");
        tracing::debug!("after");
        Ok(())
    })
}

#[test]
fn s51_s52_s54_every_line_of_every_level_is_written_once() {
    let lines = Lines::default();
    let layer = lines.clone().with_filter(ReplayFilter::new());
    crate::support::with_subscriber(tracing_subscriber::registry().with(layer), || {
        let mut hub = logging();
        let run = hub.run(orchestrator::<(), ()>(), &()).into_future();
        futures::executor::block_on(run).unwrap();
    });
    let lines = lines.0.lock().unwrap();
    let expected = ["INFO before", "WARN before", "ERROR after", "DEBUG after"];
    assert_eq!(*lines, expected);
}

#[test]
fn s53_s55_code_can_ask_whether_it_is_replayed_and_whether_a_level_is_on() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(dynamic_filter_fn(|_, _| !is_replaying()));
    assert!(!is_replaying());
    crate::support::with_subscriber(subscriber, || {
        let mut hub = hub(move |ctx: OrchestrationContext, (): ()| {
            let log = Arc::clone(&log);
            async move {
                let enabled = tracing::enabled!(Level::INFO);
                let debug = tracing::enabled!(Level::DEBUG);
                log.lock().unwrap().push((is_replaying(), enabled, debug));
                ctx.sleep(SECOND).await;
                Ok(())
            }
        });
        let run = hub.run(orchestrator::<(), ()>(), &()).into_future();
        futures::executor::block_on(run).unwrap();
    });
    let seen = seen.lock().unwrap();
    let live = seen.iter().filter(|(replaying, ..)| !replaying);
    // Only the run that counts is live. In a replay every level is off.
    assert_eq!(live.collect::<Vec<_>>(), [&(false, true, false)]);
    assert!(seen.len() > 1);
    assert!(
        seen.iter()
            .all(|(replaying, enabled, debug)| *enabled != *replaying && !debug)
    );
}
