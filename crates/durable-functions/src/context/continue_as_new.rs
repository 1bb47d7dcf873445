//! Continue-as-new: a fresh history for an orchestration that goes on.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::OrchestrationContext;
use crate::engine::SharedState;
use crate::name::{check_name, same_name};
use crate::{Failure, Orchestrator, Result, codec, error_type};

impl OrchestrationContext {
    /// Ends this execution and starts the orchestrator again, under the same instance id, with
    /// `input` and an empty history. `orchestrator` is the handle of the orchestrator that runs, so that the compiler
    /// checks the input.
    ///
    /// The decision is taken when this returns, and awaiting it ends the orchestrator, so write
    /// `return ctx.continue_as_new(ORCHESTRATOR, input).await`. What is called before the next await is still
    /// sent; a second continue-as-new has no effect. Events that were not taken go on to the next
    /// execution. Results of calls and timers that are still open never arrive.
    ///
    /// ```
    /// use std::time::Duration;
    /// use durable_functions::{Activity, OrchestrationContext, Orchestrator, Result};
    ///
    /// const CLEAN_UP: Activity<u64, u64> = Activity::new("clean-up");
    /// const CLEAN_UP_DAILY: Orchestrator<u64, ()> = Orchestrator::new("clean-up-daily");
    ///
    /// async fn clean_up_daily(ctx: OrchestrationContext, removed: u64) -> Result<()> {
    ///     let removed = removed + ctx.call(CLEAN_UP, removed).await?;
    ///     ctx.sleep(Duration::from_secs(24 * 60 * 60)).await;
    ///     return ctx.continue_as_new(CLEAN_UP_DAILY, removed).await;
    /// }
    /// ```
    ///
    /// A version of the handle does not count: the next execution has the version of this one, unless
    /// [`with_version`](ContinueAsNew::with_version) gives it another.
    ///
    /// An input that cannot be written as JSON, or the handle of another orchestrator, ends the instance with a failure.
    pub fn continue_as_new<I: Serialize, O>(
        &self,
        orchestrator: Orchestrator<I, O>,
        input: I,
    ) -> ContinueAsNew<O> {
        let input = codec::write_input("continue-as-new of", orchestrator.name, &input);
        let mut state = self.state.borrow_mut();
        let input = match same_name(state.name(), orchestrator.name) {
            true => input,
            false => Err(another(state.name(), orchestrator.name)),
        };
        let decides = match input {
            Ok(input) => state.continue_as_new(input),
            Err(failure) => {
                state.fail_instance(failure);
                false
            }
        };
        drop(state);
        ContinueAsNew {
            state: Rc::clone(&self.state),
            decides,
            output: PhantomData,
        }
    }
}

/// The failure of an orchestrator that continues as another one.
fn another(name: &str, other: &str) -> Failure {
    Failure::new(
        error_type::INVALID_NAME,
        format!(
            "orchestrator '{name}' cannot continue as '{other}': an instance keeps its orchestrator. Give \
             `continue_as_new` the handle of '{name}', or start an instance of '{other}'"
        ),
    )
    .non_retriable()
}

/// Never resolves: the execution is over; see [`OrchestrationContext::continue_as_new`].
#[must_use = "await it: what comes after it does not count"]
pub struct ContinueAsNew<O> {
    state: SharedState,
    /// Not the second one.
    decides: bool,
    output: PhantomData<fn() -> O>,
}

impl<O> ContinueAsNew<O> {
    /// Drops the events that were not taken, instead of passing them on.
    pub fn dropping_events(self) -> Self {
        if self.decides {
            self.state.borrow_mut().drop_events_of_next();
        }
        self
    }

    /// Gives the next execution another version; without it, it keeps this one's.
    ///
    /// A version that holds U+FFFE or U+FFFF ends the instance with a failure.
    pub fn with_version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        if let Err(failure) = check_name("version", &version) {
            self.state.borrow_mut().fail_instance(failure);
        } else if self.decides {
            self.state.borrow_mut().set_version_of_next(version);
        }
        self
    }
}

impl<O> Future for ContinueAsNew<O> {
    type Output = Result<O>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}
