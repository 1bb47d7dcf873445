//! Replay-safe tracing: an orchestrator's events are written once, by the turn they happened in.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{Host, actions, orchestrator, this};
use durable_functions::worker::{KeptInstances, KeptLimits};
use durable_functions::{
    Activity, Event, Failure, OrchestrationContext, ReplayFilter, Result, is_replaying,
};
use tracing::field::{Field, Visit};
use tracing::{Instrument, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

const STEP: Activity<u8, u8> = Activity::new("step");

/// A layer that records what it gets: `LEVEL message` with the field `instance`, and the spans around it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Recorder {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        let name = attributes.metadata().name();
        self.0.lock().unwrap().push(format!("span {name}"));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        #[derive(Default)]
        struct Fields {
            message: String,
            instance: String,
        }
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                match field.name() {
                    "message" => self.message = format!("{value:?}"),
                    "instance" => self.instance = format!(" instance={value:?}"),
                    _ => {}
                }
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, instance } = fields;
        let mut line = format!("{} {message}{instance}", event.metadata().level());
        for span in context.event_scope(event).into_iter().flatten() {
            line = format!("{line} in {}", span.name());
        }
        self.0.lock().unwrap().push(line);
    }
}

/// Runs `test` with everything that this thread traces going through `filter` to the recorder.
fn recording(filter: ReplayFilter, test: impl FnOnce(&Recorder)) {
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone().with_filter(filter));
    crate::support::with_subscriber(subscriber, || test(&recorder));
}

async fn steps(ctx: OrchestrationContext, (): ()) -> Result<u8> {
    tracing::info!("started");
    let first = ctx.call(STEP, 1).await?;
    tracing::info!("first");
    let second = ctx.call(STEP, 2).await?;
    tracing::info!("second");
    Ok(first + second)
}

#[test]
fn every_event_of_an_orchestration_is_written_once_by_its_turn() {
    recording(ReplayFilter::new(), |recorder| {
        let mut host = Host::new(orchestrator(steps), None);
        // The test host runs every turn twice, as after a crash.
        host.turn();
        assert_eq!(recorder.taken(), ["INFO started", "INFO started"]);
        host.completed(0, "1").turn();
        assert_eq!(recorder.taken(), ["INFO first", "INFO first"]);
        let end = host.completed(1, "2").turn();
        assert_eq!(recorder.taken(), ["INFO second", "INFO second"]);
        assert_eq!(actions(&end), ["#2 Completed(3)"]);
    });
}

#[test]
fn without_the_filter_a_replay_writes_events_again() {
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    crate::support::with_subscriber(subscriber, || {
        let mut host = Host::new(orchestrator(steps), None);
        host.turn();
        host.completed(0, "1").turn();
        assert_eq!(recorder.taken().len(), 2 + 4);
    });
}

#[test]
fn all_levels_are_silent_during_replay() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        for level in [
            Level::ERROR,
            Level::WARN,
            Level::INFO,
            Level::DEBUG,
            Level::TRACE,
        ] {
            match level {
                Level::ERROR => tracing::error!("x"),
                Level::WARN => tracing::warn!("x"),
                Level::INFO => tracing::info!("x"),
                Level::DEBUG => tracing::debug!("x"),
                _ => tracing::trace!("x"),
            }
        }
        ctx.call(STEP, 1).await?;
        Ok(())
    });
    recording(ReplayFilter::new(), |recorder| {
        let mut host = Host::new(function, None);
        host.turn();
        let levels = ["ERROR x", "WARN x", "INFO x", "DEBUG x", "TRACE x"];
        assert_eq!(recorder.taken(), [levels, levels].concat());
        host.completed(0, "1").turn();
        assert_eq!(recorder.taken(), [""; 0]);
    });
}

/// Opens a span around everything and an event inside it before and after a call.
async fn in_a_span(ctx: OrchestrationContext, (): ()) -> Result<()> {
    async {
        tracing::info!("before");
        ctx.call(STEP, 1).await?;
        tracing::info!("after");
        Ok(())
    }
    .instrument(tracing::info_span!("order"))
    .await
}

#[test]
fn spans_of_a_replay_are_silent_or_stay_as_context() {
    for (filter, second) in [
        (ReplayFilter::new(), vec!["INFO after"]),
        (
            ReplayFilter::new().keeping_spans(),
            vec!["span order", "INFO after in order"],
        ),
    ] {
        recording(filter, |recorder| {
            let mut host = Host::new(orchestrator(in_a_span), None);
            host.turn();
            let first = ["span order", "INFO before in order"];
            assert_eq!(recorder.taken(), [first, first].concat());
            host.completed(0, "1").turn();
            assert_eq!(recorder.taken(), [second.clone(), second].concat());
        });
    }
}

/// Logs when it is dropped.
struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        tracing::info!("dropped");
    }
}

#[test]
fn destructors_log_when_the_orchestration_ends_not_when_a_turn_does() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let _loud = Loud;
        ctx.wait_for(Event::<()>::new("go")).await?;
        Ok(())
    });
    recording(ReplayFilter::new(), |recorder| {
        let mut host = Host::new(function, None);
        host.turn();
        assert_eq!(recorder.taken(), [""; 0]);
        host.terminated("enough").turn();
        assert_eq!(recorder.taken(), ["INFO dropped", "INFO dropped"]);
    });
}

#[test]
fn code_outside_of_orchestrators_is_never_replaying() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let other = Arc::clone(&seen);
    let function = orchestrator(move |ctx: OrchestrationContext, (): ()| {
        let other = Arc::clone(&other);
        async move {
            let elsewhere = std::thread::spawn(is_replaying).join().unwrap();
            let agrees = ctx.is_replaying() == is_replaying();
            other
                .lock()
                .unwrap()
                .push((is_replaying(), elsewhere, agrees));
            ctx.call(STEP, 1).await?;
            Ok(())
        }
    });
    let mut host = Host::new(function, None);
    host.turn();
    host.completed(0, "1").turn();
    assert!(!is_replaying());
    let (live, replayed) = ((false, false, true), (true, false, true));
    assert_eq!(*seen.lock().unwrap(), [live, live, replayed, replayed]);
}

/// The status of the instance shows the failure, but not that it was not started again because of it.
#[test]
fn a_failure_after_continue_as_new_is_warned_of_once() {
    recording(ReplayFilter::new(), |recorder| {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
            ctx.call(STEP, 1).await?;
            drop(ctx.continue_as_new(this::<_, ()>(), 1));
            Err(Failure::new("Mine", "it failed").into())
        });
        let mut host = Host::new(function, None);
        let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
        host.kept_turn(&mut kept);
        let end = host.completed(0, "1").kept_turn(&mut kept);
        assert_eq!(kept.continued(), 1);
        assert_eq!(actions(&end), ["#1 Failed Mine: it failed"]);
        let warned = recorder.taken();
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(warned[0].starts_with("WARN the orchestrator failed after continue_as_new"));
    });
}

/// The log is the only place where it is seen, and many instances share the log.
#[test]
fn a_replay_that_decides_differently_is_logged_with_its_instance() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    recording(ReplayFilter::new(), |recorder| {
        let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let run = RUNS.fetch_add(1, Ordering::Relaxed);
            ctx.call(STEP, 1).await?;
            Ok(run)
        });
        let mut host = Host::new(function, None);
        let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
        host.kept_turn(&mut kept);
        host.completed(0, "1").kept_turn(&mut kept);
        let logged = recorder.taken();
        let id = host.request().instance_id;
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert!(logged[0].starts_with("ERROR a replay decides differently"));
        assert!(
            logged[0].ends_with(&format!("instance={id:?}")),
            "{logged:?}"
        );
    });
}
