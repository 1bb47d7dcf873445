//! Awaits that no event of a history can complete fail with a failure that names them, and never hang.

use std::future::{Future, pending};
use std::time::Duration;

use crate::support::{Host, answer, failure, orchestrator};
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{Activity, OrchestrationContext};

const WORK: Activity<(), ()> = Activity::new("work");

/// An orchestrator that awaits an activity first, so that the mistake is in a replay or a kept turn.
fn mistaken<F, Fut>(mistake: F) -> OrchestratorFunction
where
    F: Fn() -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        ctx.call(WORK, ()).await?;
        mistake().await;
        Ok(())
    })
}

/// What is done, and the word with which the message says what to use instead.
fn mistakes() -> Vec<(&'static str, OrchestratorFunction, &'static str)> {
    vec![
        (
            "a sleep of tokio",
            mistaken(|| tokio::time::sleep(Duration::from_secs(1))),
            "ctx.sleep",
        ),
        (
            "a time limit of tokio",
            mistaken(|| async {
                let _ = tokio::time::timeout(Duration::from_secs(1), pending::<()>()).await;
            }),
            "ctx.timeout",
        ),
        (
            "a spawned task",
            mistaken(|| async {
                let _ = tokio::spawn(async {}).await;
            }),
            "activities instead of spawning tasks",
        ),
        (
            "a blocking task",
            mistaken(|| async {
                let _ = tokio::task::spawn_blocking(|| ()).await;
            }),
            "activity",
        ),
        (
            "a local task",
            mistaken(|| async {
                let _ = tokio::task::spawn_local(async {}).await;
            }),
            "activities instead of spawning tasks",
        ),
        (
            "a socket",
            mistaken(|| async {
                let _ = tokio::net::TcpStream::connect("127.0.0.1:9").await;
            }),
            "in an activity",
        ),
        (
            "a process",
            mistaken(|| async {
                let _ = tokio::process::Command::new("true").status().await;
            }),
            "in an activity",
        ),
        (
            "a file",
            mistaken(|| async {
                let _ = tokio::fs::read("x").await;
            }),
            "in an activity",
        ),
        (
            "a signal",
            mistaken(|| async {
                let _ = tokio::signal::ctrl_c().await;
            }),
            "in an activity",
        ),
        (
            "a timer of a runtime without timers",
            mistaken(|| async {
                let bare = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                let _inside = bare.enter();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }),
            "ctx.sleep",
        ),
        (
            "a socket of a runtime without input and output",
            mistaken(|| async {
                let bare = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                let _inside = bare.enter();
                let _ = tokio::net::TcpStream::connect("127.0.0.1:9").await;
            }),
            "in an activity",
        ),
        (
            "a channel",
            mistaken(|| async {
                let (_sender, receiver) = tokio::sync::oneshot::channel::<()>();
                let _ = receiver.await;
            }),
            "activity",
        ),
        ("nothing at all", mistaken(pending), "activity"),
    ]
}

fn assert_named(what: &str, answer: &durable_protocol::messages::OrchestratorResponse, word: &str) {
    let failure = failure(answer);
    assert_eq!(failure.error_type, "NonDurableAwait", "{what}: {failure:?}");
    assert!(failure.is_non_retriable, "{what}");
    assert!(
        failure
            .error_message
            .contains("orchestrator 'orchestrator'")
    );
    assert!(failure.error_message.contains(word), "{what}: {failure:?}");
}

#[test]
fn every_await_that_is_not_durable_is_named_when_it_is_replayed() {
    for (what, function, word) in mistakes() {
        let mut host = Host::new(function.clone(), None);
        host.turn();
        host.completed(0, "null");
        assert_named(what, &answer(&function, &host.request()), word);
    }
}

#[test]
fn every_await_that_is_not_durable_is_named_in_a_kept_instance() {
    for (what, function, word) in mistakes() {
        let mut host = Host::new(function, None);
        let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
        host.kept_turn(&mut kept);
        let end = host.completed(0, "null").kept_turn(&mut kept);
        assert_eq!(kept.continued(), 1, "{what}");
        assert_named(what, &end, word);
    }
}

/// Inside of a runtime, tokio finds what it wants, and the await never ends instead.
#[test]
fn a_sleep_is_named_on_a_thread_that_has_a_runtime_as_well() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    for (what, function, word) in mistakes().into_iter().take(3) {
        let mut host = Host::new(function, None);
        host.turn();
        assert_named(what, &host.completed(0, "null").turn(), word);
    }
}

/// The work of an orchestrator may begin before its first await.
#[test]
fn a_spawn_before_the_first_await_is_named() {
    let function = orchestrator(|_: OrchestrationContext, (): ()| {
        let task = tokio::spawn(async {});
        async move {
            let _ = task.await;
            Ok(())
        }
    });
    assert_named(
        "a spawn",
        &Host::new(function, None).turn(),
        "activities instead",
    );
}

#[test]
fn another_panic_stays_a_panic() {
    let function = orchestrator(
        async |_: OrchestrationContext, (): ()| -> durable_functions::Result<()> {
            panic!("the reactor is running too hot")
        },
    );
    assert_eq!(
        failure(&Host::new(function, None).turn()).error_type,
        "Panic"
    );
}
