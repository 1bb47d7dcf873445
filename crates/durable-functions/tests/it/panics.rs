//! Whatever code of users panics, the turn has an answer that fails the instance and says why.

use std::fmt;
use std::future::Future;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use crate::support::{Host, actions, answer, orchestrator};
use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, Failure, OrchestrationContext, Result, RetryPolicy};

const ECHO: Activity<u32, u32> = Activity::new("echo");

/// Runs a turn, which must fail the instance with this text. The process must not end.
fn assert_failed_with(host: &mut Host, text: &str) {
    let answer = actions(&host.turn());
    let end = answer.last().unwrap();
    assert!(end.contains("Failed") && end.contains(text), "{answer:?}");
}

#[test]
fn a_retry_predicate_may_panic() {
    fn predicate(_: &Failure) -> bool {
        panic!("in the predicate")
    }
    let policy = RetryPolicy::new(3, Duration::from_secs(1)).when(predicate);
    let mut host = Host::new(
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            Ok(ctx.call(ECHO.with_retry(policy), 1).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "E", "m");
    assert_failed_with(&mut host, "in the predicate");
}

#[derive(Debug)]
struct Unwritable;

impl fmt::Display for Unwritable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl std::error::Error for Unwritable {}

#[test]
fn an_error_may_refuse_to_be_written() {
    let mut host = Host::new(
        orchestrator(async |_: OrchestrationContext, (): ()| -> Result<()> {
            Err(Unwritable.into())
        }),
        None,
    );
    assert_failed_with(&mut host, "panicked");
}

#[derive(Debug)]
struct Undroppable;

impl fmt::Display for Undroppable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("undroppable")
    }
}

impl std::error::Error for Undroppable {}

impl Drop for Undroppable {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a destructor");
        }
    }
}

#[test]
fn an_error_may_panic_when_it_is_dropped() {
    let mut host = Host::new(
        orchestrator(async |_: OrchestrationContext, (): ()| -> Result<()> {
            Err(Undroppable.into())
        }),
        None,
    );
    assert_failed_with(&mut host, "in a destructor");
}

#[test]
fn what_a_panic_throws_may_panic_when_it_is_dropped() {
    let mut host = Host::new(
        orchestrator(async |_: OrchestrationContext, (): ()| -> Result<()> {
            panic_any(Undroppable)
        }),
        None,
    );
    assert_failed_with(&mut host, "a panic without a text");
}

struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("in a waker");
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a waker's destructor");
        }
    }
}

/// Polls a call with a waker of its own, as a combinator does, and waits for another.
async fn with_a_waker_of_its_own(ctx: OrchestrationContext, (): ()) -> Result<u32> {
    let mut call = ctx.call(ECHO, 1);
    let waker = Waker::from(Arc::new(Alarm));
    assert!(
        Pin::new(&mut call)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    std::mem::forget(waker);
    let other = ctx.call(ECHO, 2).await?;
    Ok(other + call.await?)
}

#[test]
fn a_waker_may_panic() {
    let mut host = Host::new(orchestrator(with_a_waker_of_its_own), None);
    host.turn();
    host.completed(0, "1");
    assert_failed_with(&mut host, "in a waker");
}

/// The code was changed and panics. As after a panic in a poll, what follows in the history is still
/// compared with what the code did.
#[test]
fn a_panic_where_the_history_goes_on_is_reported_as_changed_code() {
    fn flaky(predicate: fn(&Failure) -> bool) -> OrchestratorFunction {
        let policy = RetryPolicy::new(3, Duration::from_secs(1)).when(predicate);
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            Ok(ctx.call(ECHO.with_retry(policy), 1).await?)
        })
    }
    let mut host = Host::new(flaky(|_| true), None);
    host.turn();
    assert_eq!(actions(&host.failed(0, "E", "m").turn()), ["#1 timer +2"]);
    let answer = answer(&flaky(|_| panic!("in the predicate")), &host.request());
    let answer = actions(&answer);
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert!(answer[0].contains("NonDeterminism"), "{answer:?}");
}
