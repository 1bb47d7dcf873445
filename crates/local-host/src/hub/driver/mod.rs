//! The driver of the task hub: one thread that owns it, with its store and the clock.
//!
//! The thread is not one of tokio's, because a store blocks. Inputs come over a channel. The thread takes those that
//! wait as one group, runs each as a step and commits once, because a commit to a disk costs far more than a step.
//! Invariant: nothing of a group is answered, logged or handed out before its commit.
//!
//! - `input`: what the thread is asked to do; `thread`: its loop; `wait`: callers that wait for a state;
//!   `finished`: the limit of ended instances in memory

mod finished;
mod input;
#[cfg(test)]
mod tests;
mod thread;
mod wait;

use std::sync::mpsc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{EntityMetadata, OrchestrationState};
pub(super) use finished::FINISHED_INSTANCES;
use input::{Input, Job};
use task_hub::{Moment, Store, StoreError, StoreErrorKind};
pub(super) use thread::{RandomIds, Settings, spawn};
use tokio::sync::oneshot;
use wait::WaitFor;

/// The state machine over any store.
pub(super) type TaskHub = task_hub::Hub<Box<dyn Store + Send>>;

/// Why a call of the hub was not carried out. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("The host is stopping.")]
    Stopping,
    /// The log has the text of the failure, which can hold paths of the machine.
    #[error("local-host did nothing, because {}. Its log says more.", why(*.0))]
    Store(StoreErrorKind),
}

fn why(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Full => {
            "there is no space left for the state of its task hub. Free some space and try again"
        }
        StoreErrorKind::ReadOnly => "the folder with the state of its task hub is read-only",
        StoreErrorKind::Locked => "another process uses the state of its task hub",
        _ => "it cannot read or write the state of its task hub",
    }
}

/// Why an operation of a client did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OperationError {
    #[error(transparent)]
    Refused(#[from] task_hub::Error),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A handle to the thread.
#[derive(Clone, Debug)]
pub(super) struct Driver {
    inputs: mpsc::Sender<Input>,
}

/// The other end of a [`Driver`].
pub(super) type Inputs = mpsc::Receiver<Input>;

impl Driver {
    pub(super) fn new() -> (Self, Inputs) {
        let (inputs, receiver) = mpsc::channel();
        (Self { inputs }, receiver)
    }

    /// Runs a step; its result comes after the commit.
    pub(super) async fn step<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let job = Job::step(run, |outcome| {
            // A caller that has gone needs no answer.
            let _ = answer.send(outcome);
        });
        self.call(job, answered).await
    }

    /// Runs an operation of a client; its result comes after the commit.
    pub(super) async fn operate<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<T, task_hub::Error> + Send + 'static,
    ) -> Result<T, OperationError> {
        let outcome = self
            .step(|hub, at| match run(hub, at) {
                Err(task_hub::Error::Store(error)) => Err(error),
                outcome => Ok(outcome),
            })
            .await?;
        Ok(outcome?)
    }

    /// Reads what is committed.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&TaskHub) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let job = Job::read(
            |hub, _| read(hub),
            |outcome| {
                let _ = answer.send(outcome);
            },
        );
        self.call(job, answered).await
    }

    async fn call<T>(
        &self,
        job: impl input::Call + 'static,
        answered: oneshot::Receiver<Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        self.send(Input::Call(Box::new(job)))?;
        answered.await.unwrap_or(Err(Unavailable::Stopping))
    }

    /// Runs a step for which nobody waits. After the commit, `then` gets the result and the time of the step.
    pub(super) fn post<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(T, Timestamp) + Send + 'static,
    ) {
        let job = Job::step(
            |hub, at| Ok((run(hub, at)?, at.now)),
            |outcome| {
                if let Ok((value, now)) = outcome {
                    then(value, now);
                }
            },
        );
        // A thread that has ended takes no steps.
        let _ = self.send(Input::Call(Box::new(job)));
    }

    /// Waits until an instance exists whose state meets `condition`.
    pub(super) async fn wait_for(
        &self,
        id: &str,
        condition: impl FnMut(&OrchestrationState) -> bool + Send + 'static,
    ) -> Result<OrchestrationState, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let wait = WaitFor::new(
            id,
            |hub: &TaskHub, id: &str| hub.state(id),
            condition,
            answer,
        );
        self.send(Input::Wait(Box::new(wait)))?;
        answered.await.unwrap_or(Err(Unavailable::Stopping))
    }

    /// Waits until what clients see of an entity meets `condition`. An entity without a state has no members but
    /// its id.
    pub(super) async fn wait_for_entity(
        &self,
        id: &str,
        condition: impl FnMut(&EntityMetadata) -> bool + Send + 'static,
    ) -> Result<EntityMetadata, Unavailable> {
        let read = |hub: &TaskHub, id: &str| {
            let absent = || EntityMetadata {
                instance_id: id.to_owned(),
                ..EntityMetadata::default()
            };
            Ok(Some(hub.entity(id)?.unwrap_or_else(absent)))
        };
        let (answer, answered) = oneshot::channel();
        let wait = WaitFor::new(id, read, condition, answer);
        self.send(Input::Wait(Box::new(wait)))?;
        answered.await.unwrap_or(Err(Unavailable::Stopping))
    }

    /// Lets the thread hand out work again, because workers have changed.
    pub(super) fn wake(&self) {
        let _ = self.send(Input::Wake);
    }

    /// Ends the thread behind the inputs that wait, and closes the store.
    pub(super) async fn stop(&self) {
        let (answer, answered) = oneshot::channel();
        if self.send(Input::Stop(answer)).is_ok() {
            let _ = answered.await;
        }
    }

    fn send(&self, input: Input) -> Result<(), Unavailable> {
        self.inputs.send(input).map_err(|_| Unavailable::Stopping)
    }
}
