//! What the thread is asked to do.

use task_hub::{Moment, StoreError};
use tokio::sync::oneshot;

use super::wait::Wait;
use super::{TaskHub, Unavailable};

pub(in crate::hub) enum Input {
    Call(Box<dyn Call>),
    Wait(Box<dyn Wait>),
    /// A worker has come or gone.
    Wake,
    /// The answer comes when the store is closed.
    Stop(oneshot::Sender<()>),
}

/// A step or a read.
pub(in crate::hub) trait Call: Send {
    /// Whether it changes nothing.
    fn is_read(&self) -> bool;

    fn run(&mut self, hub: &mut TaskHub, at: &mut Moment<'_>) -> Result<(), StoreError>;

    /// Gives the result to the caller, after the commit, or says why there is none.
    fn answer(self: Box<Self>, committed: Result<(), Unavailable>);
}

/// A call made of closures.
pub(super) struct Job<R, T, A> {
    is_read: bool,
    run: Option<R>,
    outcome: Option<T>,
    answer: A,
}

impl<R, T, A> Job<R, T, A>
where
    R: FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<T, StoreError> + Send,
    T: Send,
    A: FnOnce(Result<T, Unavailable>) + Send,
{
    pub(super) fn step(run: R, answer: A) -> Self {
        Self {
            is_read: false,
            run: Some(run),
            outcome: None,
            answer,
        }
    }

    pub(super) fn read(run: R, answer: A) -> Self {
        Self {
            is_read: true,
            ..Self::step(run, answer)
        }
    }
}

impl<R, T, A> Call for Job<R, T, A>
where
    R: FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<T, StoreError> + Send,
    T: Send,
    A: FnOnce(Result<T, Unavailable>) + Send,
{
    fn is_read(&self) -> bool {
        self.is_read
    }

    fn run(&mut self, hub: &mut TaskHub, at: &mut Moment<'_>) -> Result<(), StoreError> {
        if let Some(run) = self.run.take() {
            self.outcome = Some(run(hub, at)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Unavailable>) {
        let Self {
            outcome, answer, ..
        } = *self;
        let outcome = committed.and_then(|()| outcome.ok_or(Unavailable::Stopping));
        answer(outcome);
    }
}
