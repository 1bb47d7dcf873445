//! Replay-safe logging, where a log asks before it writes.

use std::sync::{Arc, Mutex};

use durable_functions::{Activity, OrchestrationContext, is_replaying};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Host, actions, orchestrator};

/// What an orchestrator sees that asks whether a level is on: before a call, and after it.
type Seen = Arc<Mutex<Vec<(&'static str, bool, bool)>>>;

fn ask(seen: &Seen, place: &'static str) {
    let info = tracing::enabled!(Level::INFO);
    let debug = tracing::enabled!(Level::DEBUG);
    seen.lock().unwrap().push((place, info, debug));
}

/// `ReplayFilter` is a filter of one layer, and `tracing::enabled!` asks for all layers: it may be true
/// although it is false for each of them. Only a filter of the whole subscriber makes it false.
#[test]
fn s55_a_filter_of_the_whole_subscriber_turns_every_level_off_during_replay() {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let function = orchestrator(move |ctx: OrchestrationContext, (): ()| {
        let log = Arc::clone(&log);
        async move {
            ask(&log, "before");
            ctx.call(Activity::<u8, u8>::new("step"), 1).await?;
            ask(&log, "after");
            Ok(())
        }
    });
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(dynamic_filter_fn(|_, _| !is_replaying()));
    crate::support::with_subscriber(subscriber, || {
        let taken = || std::mem::take(&mut *seen.lock().unwrap());
        let mut host = Host::new(function, None);
        host.turn();
        // The test host runs every turn twice, as after a crash.
        let live = ("before", true, false);
        assert_eq!(taken(), [live, live]);
        let end = host.completed(0, "1").turn();
        let replayed = ("before", false, false);
        let live = ("after", true, false);
        assert_eq!(taken(), [replayed, live, replayed, live]);
        assert_eq!(actions(&end), ["#1 Completed(null)"]);
    });
}
