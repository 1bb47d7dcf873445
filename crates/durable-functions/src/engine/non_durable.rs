//! Awaits that no event of a history can complete: how they are recognised, and their failures.
//!
//! There are two signs. An orchestrator is pending while none of its durable futures waits. Or it
//! panics with one of the texts with which tokio reports that there is no runtime, because turns run on
//! threads without one. The texts are compared, because a panic carries nothing else. If a version of
//! tokio words them differently, the failure is a plain `Panic`.

use super::state::State;
use crate::{Failure, error_type};

/// What users should await instead, by what they did.
const TIMERS: &str = "for a pause use `ctx.sleep`, for a time limit `ctx.timeout`";
const TASKS: &str = "call activities instead of spawning tasks: calls run side by side from the moment they are made";
const IO: &str = "do input and output in an activity, or call HTTP by `ctx.call_http`";
const BLOCKING: &str = "run the other future in an activity";

/// Texts of tokio's panics, each with what was done and what to do instead.
const TEXTS: [(&str, &str, &[&str]); 7] = [
    (
        "timers are disabled",
        "used a timer of tokio (a sleep, an interval, a timeout)",
        &[TIMERS],
    ),
    (
        "IO is disabled",
        "used input or output of tokio (a socket, a process, a signal)",
        &[IO],
    ),
    (
        "`spawn_local` called from outside",
        "spawned a task",
        &[TASKS],
    ),
    (
        "can call blocking only when running on the multi-threaded runtime",
        "blocked its thread with `block_in_place`",
        &[BLOCKING],
    ),
    (
        "a runtime from within a runtime",
        "started a runtime",
        &[BLOCKING],
    ),
    (
        "a runtime in a context where blocking is not allowed",
        "ran a runtime of its own",
        &[BLOCKING],
    ),
    // The text of everything that finds no runtime at all; it does not say what was called.
    (
        "there is no reactor running",
        "used something that needs a tokio runtime (a sleep, a spawned task, a socket, a file, an \
         HTTP client)",
        &[TIMERS, TASKS, IO],
    ),
];

/// The failure for a panic of the orchestrator, if a non-durable await is its cause.
#[cold]
pub(crate) fn recognised(state: &State, panic: &Failure) -> Option<Failure> {
    let (_, done, instead) = TEXTS
        .iter()
        .find(|(text, ..)| panic.message().contains(text))?;
    Some(failure(format!(
        "orchestrator '{}' {done}, which no event of its history can complete ({}). An orchestrator \
         may only await what its context gives: {}",
        state.name(),
        panic.message(),
        instead.join("; ")
    )))
}

/// The failure for an orchestrator that waits while nothing durable does.
#[cold]
pub(crate) fn awaited(state: &State) -> Failure {
    failure(format!(
        "orchestrator '{}' awaits something that no event of its history can complete: a future that \
         is not durable (a tokio sleep, a channel, an HTTP call, a spawned task). An orchestrator may \
         only await what its context gives: {TIMERS}; {TASKS}; {IO}",
        state.name()
    ))
}

fn failure(message: String) -> Failure {
    Failure::new(error_type::NON_DURABLE_AWAIT, message).non_retriable()
}
