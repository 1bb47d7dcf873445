//! Calling an activity.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{OrchestrationContext, TaskFuture};
use crate::Activity;
#[cfg(doc)]
use crate::TaskError;
use crate::engine::Call;

impl OrchestrationContext {
    /// Calls an activity.
    ///
    /// The activity is scheduled when this returns, not when the future is first polled, so two
    /// calls in a row run at the same time. Dropping the future forgets the result; the activity
    /// itself cannot be taken back.
    ///
    /// An activity must be idempotent: the host may deliver a call twice, and an instance that is
    /// rewound asks again for what was open when it failed.
    ///
    /// # Errors
    /// The future yields [`TaskError::Failed`] when the activity failed (after the last retry of the
    /// handle's policy) or its input cannot be written as JSON, and [`TaskError::Decode`] when its
    /// result is not an `O`.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn call<I, O>(&self, activity: Activity<I, O>, input: I) -> TaskFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let call = Call::Activity {
            name: activity.name,
        };
        let retries = activity.retry.is_some();
        let input = self.input(&input, "activity", activity.name, retries);
        self.note_site();
        let task = self.state.borrow_mut().call(call, || input, activity.retry);
        TaskFuture::activity(&self.state, task)
    }
}
