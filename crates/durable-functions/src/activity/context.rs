//! What an activity knows of its invocation.

#[cfg(any(feature = "handler", feature = "worker"))]
use std::time::Duration;

#[cfg(feature = "handler")]
use functions_handler::{Invocation, Value};
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio::time::Instant;
#[cfg(any(feature = "handler", feature = "worker"))]
use tokio_util::sync::CancellationToken;

use crate::time_limit::TimeLimit;
#[cfg(feature = "handler")]
use crate::{ClientRejection, DurableClient};

/// What an activity knows of its invocation.
///
/// Activities run at least once: after a crash or a time-out the host can run the same call again,
/// so what an activity does should be safe to repeat.
///
/// # Time
///
/// An activity has until its `deadline`, which is before the host's `functionTimeout`: a real host
/// kills the whole handler if one activity takes longer than that. At the deadline `cancellation`
/// fires; an activity that watches it can still answer by itself. A little later it is dropped, and
/// the orchestrator gets a failure of type
/// [`ActivityTimeout`](crate::error_type::ACTIVITY_TIMEOUT), which a retry policy retries.
///
/// ```
/// # use durable_functions::{ActivityContext, Failure, Result};
/// # async fn copy_page(_: u32) -> Result<()> { Ok(()) }
/// async fn copy(context: ActivityContext, pages: u32) -> Result<u32> {
///     for page in 0..pages {
///         if context.cancellation().is_cancelled() {
///             // What is done so far; the orchestrator calls again for the rest.
///             return Ok(page);
///         }
///         copy_page(page).await?;
///     }
///     Ok(pages)
/// }
/// ```
///
/// An activity that blocks its thread cannot be dropped; it is answered for as long as another worker
/// thread of the runtime is free, but runs on. Blocking work belongs in
/// `tokio::task::spawn_blocking`, with a clone of the token to check.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    pub(crate) function_name: String,
    pub(crate) invocation_id: String,
    pub(crate) instance_id: Option<String>,
    #[cfg(feature = "handler")]
    pub(crate) invocation: Option<Invocation>,
    #[cfg_attr(
        not(any(feature = "handler", feature = "worker")),
        allow(dead_code, reason = "no host, no deadline")
    )]
    pub(crate) time_limit: TimeLimit,
}

impl ActivityContext {
    /// A context for tests and other hosts than the custom handler: without a deadline, with a token
    /// that never fires.
    pub fn new(function_name: impl Into<String>, invocation_id: impl Into<String>) -> Self {
        ActivityContext {
            function_name: function_name.into(),
            invocation_id: invocation_id.into(),
            instance_id: None,
            #[cfg(feature = "handler")]
            invocation: None,
            time_limit: TimeLimit::default(),
        }
    }

    /// The name of the activity's function.
    pub fn function_name(&self) -> &str {
        &self.function_name
    }

    /// The id of this invocation, the same as in the host's log. A retry has another one.
    pub fn invocation_id(&self) -> &str {
        &self.invocation_id
    }

    /// The id of the orchestration instance that called, for logs.
    ///
    /// An input with a property `instanceId` overwrites it in the host, so do not decide by it.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}

#[cfg(feature = "handler")]
impl ActivityContext {
    /// The value of another input binding in the activity's function.json, such as a blob; `None` when there is no
    /// such binding.
    ///
    /// ```
    /// # use durable_functions::{ActivityContext, Failure, Result};
    /// // count-words/function.json: an activityTrigger, and a blob input `page` with the path `pages/{name}`.
    /// async fn count_words(context: ActivityContext, _: String) -> Result<usize> {
    ///     let page = context.data("page").ok_or("no binding `page`");
    ///     let page = page.map_err(|text| Failure::new("Binding", text))?.text()?;
    ///     Ok(page.unwrap_or_default().split_whitespace().count())
    /// }
    /// ```
    pub fn data(&self, binding: &str) -> Option<Value<'_>> {
        self.invocation.as_ref()?.data(binding)
    }

    /// The invocation, with all its bindings and their metadata; `None` outside of a custom handler, so in a
    /// worker and in a test.
    pub fn invocation(&self) -> Option<&Invocation> {
        self.invocation.as_ref()
    }
}

#[cfg(feature = "handler")]
impl ActivityContext {
    /// The client of the activity's `durableClient` binding, which its function.json may have beside the
    /// `activityTrigger` and under any name: for an activity that reports to its own instance, or looks whether that has
    /// ended. A terminated instance leaves its activities alone, and they run on.
    ///
    /// The client's address holds for this invocation; do not keep it. The input of the activity is never taken for a
    /// binding, whatever is in it.
    ///
    /// ```
    /// # use durable_functions::{ActivityContext, Event, Result};
    /// # async fn copy_page(_: u32) -> Result<()> { Ok(()) }
    /// /// What the orchestrator waits for besides, to show it in its custom status.
    /// const COPIED: Event<u32> = Event::new("copied");
    ///
    /// // copy/function.json: an activityTrigger, and {"type": "durableClient", "direction": "in", "name": "client"}.
    /// async fn copy(context: ActivityContext, pages: u32) -> Result<()> {
    ///     let client = context.durable_client()?;
    ///     let caller = client.instance_by_id(context.instance_id().unwrap_or_default());
    ///     for page in 0..pages {
    ///         if caller.status().await?.is_some_and(|it| it.runtime_status.is_terminal()) {
    ///             break;
    ///         }
    ///         copy_page(page).await?;
    ///         caller.raise(COPIED, &page).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ClientRejection::NoBinding`] without such a binding; [`ClientRejection::Client`] when its value cannot be used;
    /// [`ClientRejection::NotAnInvocation`] outside of a custom handler, so in a worker and in a test.
    pub fn durable_client(&self) -> Result<DurableClient, ClientRejection> {
        let invocation = self.invocation.as_ref();
        DurableClient::beside_the_trigger(invocation.ok_or(ClientRejection::NotAnInvocation)?)
    }
}

#[cfg(any(feature = "handler", feature = "worker"))]
impl ActivityContext {
    /// When the activity should have ended, on tokio's clock; `None` when the host sets no limit.
    pub fn deadline(&self) -> Option<Instant> {
        self.time_limit.deadline
    }

    /// The time until the deadline; zero after it, `None` when the host sets no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.time_limit.remaining()
    }

    /// Fires at the deadline, when the handler or worker is told to stop, and when the activity was dropped.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.time_limit.cancellation
    }

    /// The context with this deadline, for tests of activities that look at it.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.time_limit.deadline = Some(deadline);
        self
    }

    /// The context with this token, for tests of activities that watch it.
    #[must_use]
    pub fn with_cancellation(mut self, cancellation: CancellationToken) -> Self {
        self.time_limit.cancellation = cancellation;
        self
    }
}
