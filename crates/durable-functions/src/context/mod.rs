//! What an orchestrator may do: [`OrchestrationContext`]. One file for each operation.

mod activity;
mod continue_as_new;
mod custom_status;
mod entity;
mod event;
mod http;
mod join_all;
mod random;
mod send_event;
mod sub_orchestration;
mod task;
mod timer;

use std::fmt;
use std::time::SystemTime;

pub use continue_as_new::ContinueAsNew;
pub use entity::{EntityFuture, EntityLock, LockFuture};
pub use event::EventFuture;
pub use http::{HttpFuture, HttpRequest, HttpResponse};
pub use join_all::DurableTask;
pub use random::DurableRng;
use serde::Serialize;
pub use sub_orchestration::SubOrchestrationFuture;
pub use task::TaskFuture;
pub use timer::TimerFuture;

use crate::engine::{Parent, SharedState};
use crate::{Failure, Version, codec};

/// What an orchestrator may do, and what it may know.
///
/// Cheap to clone, so that auxiliary functions and `async` blocks can have it by value. It is not
/// `Send`: an orchestrator runs on one thread, and `tokio::spawn` inside one does not compile.
///
/// Everything that it gives is the same on every replay. Await nothing but the futures that it
/// returns, alone or combined: with [`join_all`](Self::join_all), which waits for all of a fan-out, or
/// with any combinator (`join!`, `select!` with `biased;`). The guide says [what else the code must not
/// do](crate::guide::determinism).
#[derive(Clone)]
pub struct OrchestrationContext {
    state: SharedState,
}

impl OrchestrationContext {
    pub(crate) fn new(state: SharedState) -> Self {
        OrchestrationContext { state }
    }

    /// Notes which line of code asks for the next action, so that a test hub can name it. Nothing without the feature
    /// `testing`; with it, a look at a flag.
    #[cfg_attr(feature = "testing", track_caller)]
    #[inline(always)]
    fn note_site(&self) {
        #[cfg(feature = "testing")]
        crate::testing::note_site(|| self.state.borrow().next_id());
    }

    /// The input of the next action, as JSON text. None when the history holds the action: then it is
    /// only needed for `retries`, which send it again.
    ///
    /// Made before anything borrows the state, because serialising runs code of users.
    fn input<I: Serialize>(
        &self,
        input: &I,
        noun: &str,
        name: &str,
        retries: bool,
    ) -> Result<Option<String>, Failure> {
        if !retries && self.state.borrow().next_is_confirmed() {
            return Ok(None);
        }
        codec::write_named_input(noun, name, input)
    }

    /// The id of this instance.
    pub fn instance_id(&self) -> String {
        self.state.borrow().instance_id().to_owned()
    }

    /// The id of this execution; a new one after each continue-as-new. Some hosts send none.
    pub fn execution_id(&self) -> Option<String> {
        self.state.borrow().execution_id().map(str::to_owned)
    }

    /// The name of the orchestrator, spelled as the client spelled it.
    pub fn name(&self) -> String {
        self.state.borrow().name().to_owned()
    }

    /// The version that the instance was started with; empty if it was started with none. It does not change while the
    /// instance runs, so changed code can keep the old way for old instances:
    ///
    /// ```
    /// use durable_functions::{Activity, OrchestrationContext, Result};
    ///
    /// const CHECK_FRAUD: Activity<u32, ()> = Activity::new("check-fraud");
    /// const CHARGE: Activity<u32, u64> = Activity::new("charge-card");
    ///
    /// async fn pay(ctx: OrchestrationContext, order: u32) -> Result<u64> {
    ///     if ctx.version() >= "1.2" {
    ///         ctx.call(CHECK_FRAUD, order).await?;
    ///     }
    ///     Ok(ctx.call(CHARGE, order).await?)
    /// }
    /// ```
    pub fn version(&self) -> Version {
        Version::of(self.state.borrow().version())
    }

    /// Whether the orchestrator holds a [lock](Self::lock) of entities, or waits for one: there are things then that
    /// it must not do, such as starting a sub-orchestration.
    pub fn is_in_critical_section(&self) -> bool {
        self.state.borrow().is_in_critical_section()
    }

    /// The orchestration that started this one; `None` when a client did.
    pub fn parent(&self) -> Option<Parent> {
        self.state.borrow().parent().cloned()
    }

    /// The current time (UTC) of the orchestration: when this turn began. The same on every replay,
    /// unlike the clock of the machine.
    pub fn now(&self) -> SystemTime {
        self.state.borrow().now().to_system_time()
    }

    /// Whether the code that runs now has already run in an earlier turn. For side effects such as
    /// logs; never let the flow depend on it.
    pub fn is_replaying(&self) -> bool {
        self.state.borrow().is_replaying()
    }
}

impl fmt::Debug for OrchestrationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct("OrchestrationContext")
            .field("instance_id", &state.instance_id())
            .field("name", &state.name())
            .field("replaying", &state.is_replaying())
            .finish_non_exhaustive()
    }
}
