//! Orchestrators that are not deterministic are caught, whatever they depend on, every time and with the call that
//! differs.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use durable_functions::testing::{TestErrorKind, TestHub};
use durable_functions::{Activity, OrchestrationContext, Orchestrator, Result};

const F: Orchestrator<u32, String> = Orchestrator::new("f");
const ECHO: Activity<String, String> = Activity::new("echo");
const OTHER: Activity<String, String> = Activity::new("other");

/// How often each orchestrator must be caught.
const TIMES: usize = 20;

/// Runs an orchestrator that does some blameless work first, and then calls with what `input` gives.
async fn run<F1>(input: F1) -> TestErrorKind
where
    F1: Fn() -> String + Clone + Send + Sync + 'static,
{
    run_with(move |ctx| {
        let input = input();
        async move { Ok(ctx.call(ECHO, input).await?) }
    })
    .await
}

async fn run_with<F1, Fut>(rest: F1) -> TestErrorKind
where
    F1: Fn(OrchestrationContext) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<String>> + 'static,
{
    let mut hub = TestHub::new().orchestrator(F, move |ctx: OrchestrationContext, n: u32| {
        let rest = rest.clone();
        async move {
            ctx.call(ECHO, n.to_string()).await?;
            rest(ctx).await
        }
    });
    hub.mock(ECHO, Ok);
    hub.mock(OTHER, Ok);
    let error = hub.run(F, &3).with_id("a").await.unwrap_err();
    error.kind().clone()
}

fn differs(kind: &TestErrorKind) -> bool {
    let starts = |text: &str| text.starts_with("#1 activity 'echo' with the input ");
    matches!(kind, TestErrorKind::TurnsDiffer { first, second, .. } if starts(first) && starts(second))
}

#[tokio::test]
async fn the_clock_is_noticed_in_every_unit() {
    let since_1970 = || {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
    };
    for _ in 0..TIMES {
        let nanoseconds = run(move || since_1970().as_nanos().to_string()).await;
        assert!(differs(&nanoseconds), "{nanoseconds}");
        let milliseconds = run(move || since_1970().as_millis().to_string()).await;
        assert!(differs(&milliseconds), "{milliseconds}");
        let seconds = run(move || since_1970().as_secs().to_string()).await;
        let TestErrorKind::ReadsClock { call, value, .. } = &seconds else {
            panic!("{seconds}");
        };
        let start = format!("#1 activity 'echo' with the input \"{value}\" (at ");
        assert!(call.starts_with(&start), "{call}");
    }
}

#[tokio::test]
async fn a_measured_duration_is_noticed() {
    for _ in 0..TIMES {
        let began = Instant::now();
        let kind = run(move || began.elapsed().as_nanos().to_string()).await;
        assert!(differs(&kind), "{kind}");
    }
}

/// The smallest map that has an order at all: its two entries come in the same order in every second pair of runs.
#[tokio::test]
async fn the_order_of_a_hash_map_is_noticed() {
    for _ in 0..TIMES {
        let kind = run(|| {
            let map = HashMap::from([("a", 1), ("b", 2)]);
            map.into_keys().collect()
        })
        .await;
        assert!(differs(&kind), "{kind}");
    }
}

#[tokio::test]
async fn calls_in_the_order_of_a_hash_set_are_noticed() {
    for _ in 0..TIMES {
        let kind = run_with(|ctx| async move {
            for name in HashSet::from(["a".to_owned(), "b".to_owned()]) {
                ctx.call(ECHO, name).await?;
            }
            Ok(String::new())
        })
        .await;
        assert!(differs(&kind), "{kind}");
    }
}

#[tokio::test]
async fn calls_that_alternate_are_noticed_with_both_names() {
    for period in [2, 3] {
        let runs = Arc::new(AtomicU32::new(0));
        let kind = run_with(move |ctx| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            let activity = if run.is_multiple_of(period) {
                OTHER
            } else {
                ECHO
            };
            async move { Ok(ctx.call(activity, "x".to_owned()).await?) }
        })
        .await;
        let TestErrorKind::TurnsDiffer { first, second, .. } = kind else {
            panic!("{kind}");
        };
        assert!(
            first.starts_with("#1 activity 'other' with the input \"x\" (at "),
            "{first}"
        );
        assert!(
            second.starts_with("#1 activity 'echo' with the input \"x\" (at "),
            "{second}"
        );
    }
}

/// Kept in a variable over a turn, so that the call in which it shows is made later.
#[tokio::test]
async fn a_value_of_an_earlier_turn_is_noticed_when_it_is_used() {
    let mut hub = TestHub::new().orchestrator(F, async |ctx: OrchestrationContext, _: u32| {
        let drawn = RandomState::new().hash_one(0);
        ctx.sleep(Duration::from_secs(1)).await;
        Ok(drawn.to_string())
    });
    let error = hub.run(F, &3).with_id("a").await.unwrap_err();
    assert!(
        matches!(error.kind(), TestErrorKind::TurnsDiffer { first, .. }
            if first.starts_with("the end as Completed with the output ")),
        "{error}"
    );
}

#[tokio::test]
async fn random_numbers_are_noticed_also_when_one_bit_of_them_counts() {
    for _ in 0..TIMES {
        let whole = run(|| RandomState::new().hash_one(0).to_string()).await;
        assert!(differs(&whole), "{whole}");
        let bit = run(|| (RandomState::new().hash_one(0) % 2).to_string()).await;
        assert!(differs(&bit), "{bit}");
    }
}

/// Both branches are ready, and one is chosen by chance.
#[tokio::test]
async fn a_select_that_is_not_biased_is_noticed() {
    for _ in 0..TIMES {
        let kind = run_with(|ctx| async move {
            let chosen = tokio::select! {
                () = std::future::ready(()) => "a",
                () = std::future::ready(()) => "b",
            };
            Ok(ctx.call(ECHO, chosen.to_owned()).await?)
        })
        .await;
        assert!(differs(&kind), "{kind}");
    }
}

#[tokio::test]
async fn the_thread_and_what_it_keeps_are_noticed() {
    thread_local! {
        static CALLS: Cell<u32> = const { Cell::new(0) };
    }
    let thread = run(|| format!("{:?}", std::thread::current().id())).await;
    assert!(differs(&thread), "{thread}");
    let local = run(|| {
        CALLS.set(CALLS.get() + 1);
        CALLS.get().to_string()
    })
    .await;
    assert!(differs(&local), "{local}");
}

#[tokio::test]
async fn a_custom_status_and_a_timer_are_compared_as_well() {
    let status = run_with(|ctx| async move {
        ctx.set_custom_status(RandomState::new().hash_one(0));
        Ok(ctx.call(ECHO, "x".to_owned()).await?)
    })
    .await;
    assert!(
        matches!(&status, TestErrorKind::TurnsDiffer { first, .. } if first.starts_with("the custom status ")),
        "{status}"
    );
    let timer = run_with(|ctx| async move {
        ctx.sleep_until(SystemTime::now()).await;
        Ok(String::new())
    })
    .await;
    assert!(
        matches!(&timer, TestErrorKind::TurnsDiffer { first, .. } if first.contains(" timer at ")),
        "{timer}"
    );
}

/// A host runs turns on threads without a runtime; a test must not be kinder.
#[tokio::test]
async fn awaiting_a_timer_of_tokio_fails_the_instance_as_on_a_host() {
    let mut hub = TestHub::new().orchestrator(F, async |_: OrchestrationContext, _: u32| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(String::new())
    });
    let error = hub.run(F, &3).with_id("a").await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("'a' failed: NonDurableAwait: "), "{text}");
}

#[tokio::test]
async fn what_is_deterministic_passes_whatever_it_looks_like() {
    let mut hub = TestHub::new().orchestrator(F, async |ctx: OrchestrationContext, n: u32| {
        let map: HashMap<u32, u32> = (0..n).map(|n| (n, n)).collect();
        let mut sorted: Vec<_> = map.into_values().collect();
        sorted.sort_unstable();
        // The time of the computer's clock, but from an activity: the history has it.
        let read = ctx
            .call(ECHO, format!("{sorted:?} {}", ctx.new_uuid()))
            .await?;
        Ok(ctx.call(OTHER, read).await?)
    });
    hub.mock(ECHO, |_| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(now.as_secs().to_string())
    });
    hub.mock(OTHER, Ok);
    hub.run(F, &100).await.unwrap();
}
