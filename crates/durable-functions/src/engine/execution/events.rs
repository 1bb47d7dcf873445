//! Applying events: each changes the state, and the orchestrator is polled when it waited for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

use durable_protocol::messages::TaskFailureDetails;
use prost::Message;

use super::Execution;
use crate::activity::{envelope, report};
use crate::engine::answer::Completion;
use crate::engine::function::OrchestratorFunction;
use crate::engine::state::SlotKind;
use crate::wire::{Event, EventKind, WireError};
use crate::{Failure, replay};

impl Execution {
    /// Applies events one by one and lets the orchestrator go as far as it can after each.
    ///
    /// Not only polling runs code of users, but also retry predicates, wakers, and errors that are
    /// formatted or dropped. A panic anywhere ends the orchestrator, and the events that follow are still
    /// compared with what it did.
    pub(super) fn apply_all(
        &mut self,
        function: &OrchestratorFunction,
        events: &[Event<'_>],
        past: bool,
    ) -> Result<(), WireError> {
        self.state.borrow_mut().set_replaying(past);
        let mut events = events.iter();
        loop {
            let applied = catch_unwind(AssertUnwindSafe(|| {
                events.try_for_each(|event| self.apply(function, event))
            }));
            match applied {
                Ok(applied) => return applied,
                Err(panic) => {
                    let end = self.failed_after_all(self.panicked(panic));
                    self.finish(end);
                }
            }
        }
    }

    /// Ends with the failure that the orchestrator cannot catch, whatever it has decided.
    #[cold]
    pub(super) fn fail(&mut self) {
        let fatal = self.state.borrow_mut().take_fatal();
        if let Some(fatal) = fatal {
            self.diverged |= fatal.diverged;
            self.completion = None;
            self.finish(Completion::Failed(fatal.failure));
        }
    }

    #[inline(always)]
    fn apply(
        &mut self,
        function: &OrchestratorFunction,
        event: &Event<'_>,
    ) -> Result<(), WireError> {
        match event.kind {
            EventKind::Other => return Ok(()),
            EventKind::Generic => self.state.borrow_mut().generic_event(),
            EventKind::OrchestratorStarted => {
                let now = event.timestamp()?;
                self.state.borrow_mut().set_now(now);
                return Ok(());
            }
            EventKind::ExecutionStarted => self.start(function, event)?,
            EventKind::TaskScheduled => self.confirm(event, SlotKind::Activity)?,
            EventKind::SubOrchestrationCreated => {
                self.confirm(event, SlotKind::SubOrchestration)?
            }
            EventKind::EventSent => self.confirm(event, SlotKind::SendEvent)?,
            EventKind::TimerCreated => self.confirm(event, SlotKind::Timer)?,
            EventKind::ExecutionTerminated => {
                let reason = event.reason()?.map(str::to_owned);
                // The host takes the message for consumed with this turn, so that the next execution
                // would not get it.
                self.completion
                    .take_if(|end| matches!(end, Completion::ContinuedAsNew { .. }));
                self.finish(Completion::Terminated(reason));
            }
            EventKind::ExecutionSuspended => {
                self.suspended.get_or_insert_default();
            }
            EventKind::ExecutionResumed => {
                for (kind, body) in self.suspended.take().unwrap_or_default() {
                    self.deliver(&Event::of(kind, &body))?;
                }
            }
            kind => match &mut self.suspended {
                Some(waiting) if self.completion.is_none() => {
                    waiting.push_back((kind, event.body().into()));
                }
                // An execution that has ended waits for nothing; its next execution gets the events.
                _ => self.deliver(event)?,
            },
        }
        if self.state.borrow().is_failed() {
            self.fail();
        }
        Ok(())
    }

    #[inline(always)]
    fn confirm(&mut self, event: &Event<'_>, kind: SlotKind) -> Result<(), WireError> {
        let mut state = self.state.borrow_mut();
        let is_another = state.is_rewound() && state.is_another(event, kind)?;
        let (name, target) = match kind {
            SlotKind::Timer => ("", None),
            SlotKind::SendEvent => (event.name()?, Some(event.target()?)),
            SlotKind::Activity | SlotKind::SubOrchestration => {
                if !is_another && state.confirm_same(event.id, kind, event.name_bytes()?) {
                    return Ok(());
                }
                (event.name()?, None)
            }
        };
        state.confirm(event.id, kind, name, target, is_another);
        Ok(())
    }

    #[inline(never)]
    fn start(
        &mut self,
        function: &OrchestratorFunction,
        event: &Event<'_>,
    ) -> Result<(), WireError> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let identity = event.identity()?;
        self.state.borrow_mut().identify(&identity);
        let state = Rc::clone(&self.state);
        let replaying = replay::enter(self.state.borrow().is_replaying());
        let made = catch_unwind(AssertUnwindSafe(|| function.run(state, identity.input)));
        drop(replaying);
        match made {
            Ok(Ok(root)) => {
                self.root = Some(root);
                self.poll();
            }
            Ok(Err(failure)) => self.finish(Completion::Failed(failure)),
            Err(panic) => {
                let end = self.failed_after_all(self.panicked(panic));
                self.finish(end);
            }
        }
        Ok(())
    }

    /// Applies the end of a task, and polls if anybody waited for it.
    fn deliver(&mut self, event: &Event<'_>) -> Result<(), WireError> {
        match &mut self.completion {
            None => {}
            Some(Completion::ContinuedAsNew { next, .. }) => {
                // Arrived in the same turn, after the decision: the next execution gets it.
                if next.keep_events && event.kind == EventKind::EventRaised {
                    let (name, input) = event.raised()?;
                    drop(self.state.borrow_mut().raise(name, input));
                }
                return Ok(());
            }
            Some(_) => return Ok(()),
        }
        let waker = match event.kind {
            EventKind::TaskCompleted => {
                let (id, result) = event.completion()?;
                match result.and_then(envelope::failure_in) {
                    Some(failure) => self.failed(id, SlotKind::Activity, failure),
                    None => {
                        let mut state = self.state.borrow_mut();
                        state.completed(id, SlotKind::Activity, result)
                    }
                }
            }
            EventKind::TaskFailed => {
                let (id, details) = event.failure()?;
                let failure = failure(details, of_activity);
                self.failed(id, SlotKind::Activity, failure)
            }
            EventKind::SubOrchestrationCompleted => {
                let (id, result) = event.completion()?;
                let mut state = self.state.borrow_mut();
                state.completed(id, SlotKind::SubOrchestration, result)
            }
            EventKind::SubOrchestrationFailed => {
                let (id, details) = event.failure()?;
                let failure = failure(details, Failure::from_details);
                self.failed(id, SlotKind::SubOrchestration, failure)
            }
            EventKind::EventRaised => {
                let (name, input) = event.raised()?;
                self.state.borrow_mut().raise(name, input)
            }
            EventKind::TimerFired => {
                let id = event.timer_id()?;
                self.state.borrow_mut().timer_fired(id)
            }
            _ => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if self.woken() {
            self.poll();
        }
        Ok(())
    }

    /// The action `id` failed.
    #[inline(never)]
    fn failed(&mut self, id: i32, kind: SlotKind, failure: Failure) -> Option<Waker> {
        let number = self.state.borrow_mut().end_of(id, kind)?;
        // Code of users, which may use the context.
        let predicate = self.state.borrow().retry_predicate(number);
        let retry = predicate.is_none_or(|retry| retry(&failure));
        self.state
            .borrow_mut()
            .attempt_failed(number, failure, retry)
    }
}

/// A task failed, whether or not its details can be read: the orchestrator decides what that means.
fn failure(details: Option<&[u8]>, read: fn(TaskFailureDetails) -> Failure) -> Failure {
    match details {
        Some(details) => {
            TaskFailureDetails::decode(details).map_or_else(|_| Failure::unreadable(), read)
        }
        None => Failure::unknown(),
    }
}

/// What an activity of this crate reported; for any other failure, what the host says.
fn of_activity(details: TaskFailureDetails) -> Failure {
    report::failure_in(&details).unwrap_or_else(|| Failure::from_details(details))
}
