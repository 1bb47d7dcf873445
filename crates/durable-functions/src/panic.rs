//! Panics of user code become failures. No panic may leave the crate or end the process.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use crate::{Failure, error_type};

/// Runs code of `noun` (an activity, an orchestrator, an operation) that is not async. A panic becomes its
/// failure.
pub(crate) fn guarded<T>(
    noun: &str,
    code: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| Err(panicked(noun, panic)))
}

/// Runs async code. A panic while it runs, or when it is dropped, becomes its failure.
pub(crate) async fn caught<T>(
    noun: &str,
    code: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut code = Box::pin(code);
    let outcome = std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| code.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(noun, panic))))
    })
    .await;
    match catch_unwind(AssertUnwindSafe(|| drop(code))) {
        Ok(()) => outcome,
        Err(panic) => Err(panicked(noun, panic)),
    }
}

/// Drops a value of users. A panic of its destructor is ignored.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic);
    }
}

/// The failure for a panic. The value of the panic is never dropped: its destructor could panic again,
/// and a leak of some bytes is the smaller harm.
pub(crate) fn panicked(noun: &str, panic: Box<dyn Any + Send>) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text");
    let failure = Failure::new(error_type::PANIC, format!("the {noun} panicked: {text}"));
    std::mem::forget(panic);
    failure
}
