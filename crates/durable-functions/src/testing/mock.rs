//! Activities that a test stands in for, and what they were called with.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::TestHub;
use crate::activity::ActivityFunction;
use crate::{Activity, ActivityContext, Failure, Result, codec};

/// An activity that a test stands in for: what it was called with, and what the next calls get.
///
/// Each *run* of the activity counts: with [`Faults`](super::Faults) a call can run more than once.
pub struct Mock<I, O> {
    shared: Arc<Mutex<Shared<O>>>,
    input: PhantomData<fn() -> I>,
}

struct Shared<O> {
    /// The inputs as JSON texts, so that they need not be cloned.
    calls: Vec<String>,
    /// What the next calls get in place of what the closure answers.
    next: VecDeque<Result<O>>,
}

impl TestHub {
    /// Answers the calls of an activity by `answer`, in place of a function that is registered. An activity can
    /// answer differently each time, because the closure may keep a state.
    ///
    /// ```
    /// # use durable_functions::testing::{TestError, TestHub};
    /// # use durable_functions::{Activity, Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy};
    /// # use std::time::Duration;
    /// # const CHARGE: Activity<u32, String> =
    /// #     Activity::new("charge").with_retry(RetryPolicy::new(3, Duration::from_secs(60)));
    /// # const ORDER: Orchestrator<u32, String> = Orchestrator::new("order");
    /// # async fn order(ctx: OrchestrationContext, cents: u32) -> Result<String> { Ok(ctx.call(CHARGE, cents).await?) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::result::Result<(), TestError> {
    /// let mut hub = TestHub::new().orchestrator(ORDER, order);
    /// let charge = hub.mock(CHARGE, |cents| Ok(format!("receipt for {cents}")));
    /// charge.fail_next(2, Failure::new("Busy", "try later"));
    /// assert_eq!(hub.run(ORDER, &700).await?, "receipt for 700");
    /// assert_eq!(charge.calls(), [700, 700, 700]);
    /// # Ok(()) }
    /// ```
    pub fn mock<I, O>(
        &mut self,
        activity: Activity<I, O>,
        answer: impl FnMut(I) -> Result<O> + Send + 'static,
    ) -> Mock<I, O>
    where
        I: DeserializeOwned + 'static,
        O: Serialize + Send + 'static,
    {
        let name = activity.name();
        let mock = Mock {
            shared: Arc::new(Mutex::new(Shared {
                calls: Vec::new(),
                next: VecDeque::new(),
            })),
            input: PhantomData,
        };
        let calls = mock.clone();
        let answer = Mutex::new(answer);
        let function = move |_: ActivityContext, input: Box<RawValue>| {
            let result = codec::read_input::<I>("activity", name, input.get().as_bytes());
            let result = result.map_err(Into::into).and_then(|typed| {
                if let Some(next) = calls.record(input.get()) {
                    return next;
                }
                // Not under the lock of the calls: the closure may look at them.
                let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                answer(typed)
            });
            async move { result }
        };
        self.add_activity(ActivityFunction::new(Activity::new(name), function));
        mock
    }
}

impl<I, O> Mock<I, O> {
    /// The inputs of all calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<I>
    where
        I: DeserializeOwned,
    {
        let shared = self.lock();
        let calls = shared.calls.iter();
        // Each of them was read before.
        calls
            .filter_map(|input| codec::read(input.as_bytes()).ok())
            .collect()
    }

    /// How many calls there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().calls.len()
    }

    /// Gives the next calls these outputs, one each, before the closure answers again.
    pub fn return_next(&self, outputs: impl IntoIterator<Item = O>) -> &Self {
        self.lock().next.extend(outputs.into_iter().map(Ok));
        self
    }

    /// Lets this number of calls fail, before the closure answers again. Behind what earlier calls of this method and
    /// of [`return_next`](Self::return_next) said.
    pub fn fail_next(&self, times: usize, failure: Failure) -> &Self {
        let failures = (0..times).map(|_| Err(failure.clone().into()));
        self.lock().next.extend(failures);
        self
    }

    /// Notes a call, and takes what it gets unless the closure answers it.
    fn record(&self, input: &str) -> Option<Result<O>> {
        let mut shared = self.lock();
        shared.calls.push(input.to_owned());
        shared.next.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, Shared<O>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I, O> Clone for Mock<I, O> {
    fn clone(&self) -> Self {
        Mock {
            shared: Arc::clone(&self.shared),
            input: PhantomData,
        }
    }
}

impl<I, O> fmt::Debug for Mock<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("calls", &self.lock().calls)
            .finish()
    }
}
