//! One execution of an orchestrator: the live future, fed with events.
//!
//! Owns the orchestrator's future and the state that it shares with the context. The request is shared:
//! events borrow from it while they are applied, and what is needed later is kept as ranges of it.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use durable_protocol::messages::{OrchestratorResponse, TaskFailureDetails};
use prost::Message;

use super::answer::{self, Completion};
use super::entities;
use super::function::{OrchestratorFunction, RunningOrchestrator};
use super::non_durable;
use super::payload::Source;
use super::state::{SharedState, SlotKind, State};
use super::wake::{WakeFlag, WakerId};
use crate::activity::report;
use crate::panic::{drop_quietly, panicked};
use crate::wire::{Event, EventKind, Request, WireError};
use crate::{Error, Failure, error_type, replay};

/// An orchestrator that wakes itself this often without any event, apart from what its tasks explain,
/// will not stop by itself.
const SELF_WAKES: usize = 10_000;

pub(crate) struct Execution {
    state: SharedState,
    root: Option<RunningOrchestrator>,
    started: bool,
    flag: Arc<WakeFlag>,
    waker: Waker,
    completion: Option<Completion>,
    /// Whether the code left the path that its history shows.
    diverged: bool,
    /// While suspended: the events that wait for the resumption.
    suspended: Option<VecDeque<(EventKind, Box<[u8]>)>>,
}

impl Execution {
    pub(crate) fn new(request: &Request<'_>, bytes: &Rc<Vec<u8>>) -> Self {
        let (flag, waker) = WakeFlag::new();
        let state = State::new(request, Source::new(bytes), WakerId::of(&waker));
        Execution {
            state: Rc::new(RefCell::new(state)),
            root: None,
            started: false,
            flag,
            waker,
            completion: None,
            diverged: false,
            suspended: None,
        }
    }

    /// Applies all events of a request.
    pub(crate) fn run(
        &mut self,
        function: &OrchestratorFunction,
        request: &Request<'_>,
    ) -> Result<(), WireError> {
        let (past, new) = request.events.split_at(request.past);
        self.apply_all(function, past, true)?;
        self.apply_all(function, new, false)?;
        self.ask_again(false)
    }

    /// The same for a request that was answered before: all of it counts as past.
    pub(crate) fn rerun(
        &mut self,
        function: &OrchestratorFunction,
        request: &Request<'_>,
    ) -> Result<(), WireError> {
        self.apply_all(function, &request.events, true)?;
        self.ask_again(true)
    }

    /// The id of the instance; `None` when the request had none.
    pub(crate) fn instance_id(&self) -> Option<String> {
        let state = self.state.borrow();
        Some(state.instance_id().to_owned()).filter(|id| !id.is_empty())
    }

    /// Whether the orchestrator has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.completion.is_some()
    }

    /// How many bytes it takes to keep this execution, roughly. What the orchestrator itself holds is
    /// unknown and counted as a constant.
    pub(crate) fn weight(&self) -> usize {
        const ORCHESTRATOR: usize = 4096;
        ORCHESTRATOR + self.state.borrow().weight()
    }

    /// Continues with the rest of a history whose beginning this execution has consumed.
    ///
    /// `None` when a replay could decide differently. The turn must then be replayed.
    pub(crate) fn resume(
        &mut self,
        function: &OrchestratorFunction,
        rest: &Request<'_>,
        bytes: &Rc<Vec<u8>>,
    ) -> Result<Option<OrchestratorResponse>, WireError> {
        if rest
            .events
            .iter()
            .any(|event| event.kind == EventKind::Generic)
        {
            // Rewound: what the code does may depend on the whole history.
            return Ok(None);
        }
        let (past, new) = rest.events.split_at(rest.past);
        self.state.borrow_mut().begin_turn(rest, Source::new(bytes));
        self.apply_all(function, past, true)?;
        if self.has_ended() || self.state.borrow().unconfirmed().len() > 0 {
            return Ok(None);
        }
        self.apply_all(function, new, false)?;
        Ok((!self.diverged).then(|| self.answer()))
    }

    /// Prepares for being kept: nothing may refer to the request of the turn that ends.
    pub(crate) fn rest(&mut self) {
        self.state.borrow_mut().detach();
    }

    /// Applies events one by one and lets the orchestrator go as far as it can after each.
    ///
    /// Not only polling runs code of users, but also retry predicates, wakers, and errors that are
    /// formatted or dropped. A panic anywhere ends the orchestrator, and the events that follow are still
    /// compared with what it did.
    fn apply_all(
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

    /// What the first turn after a rewind has to do; nothing in any other.
    fn ask_again(&mut self, silent: bool) -> Result<(), WireError> {
        if self.completion.is_some() || !self.state.borrow().is_rewound() {
            return Ok(());
        }
        let mut answered = Vec::new();
        for (kind, body) in self.suspended.iter().flatten() {
            answered.extend(Event::of(*kind, body).ended()?);
        }
        let children = self.state.borrow_mut().ask_again(&answered);
        if !silent && !children.is_empty() {
            let state = self.state.borrow();
            let children: Vec<_> = children
                .iter()
                .map(|child| state.describe(*child))
                .collect();
            tracing::warn!(
                instance = state.instance_id(),
                ?children,
                "sub-orchestrations were open when the rewound instance failed: one that ended \
                 before the rewind is not reported again, and the instance waits for it until it is \
                 terminated"
            );
        }
        if self.state.borrow().is_failed() {
            self.fail();
        }
        Ok(())
    }

    /// Ends with the failure that the orchestrator cannot catch, whatever it has decided.
    #[cold]
    fn fail(&mut self) {
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
                let mut state = self.state.borrow_mut();
                state.completed(id, SlotKind::Activity, result)
            }
            EventKind::TaskFailed => {
                let (id, details) = event.failure()?;
                let failure = failure(details, of_activity);
                let mut state = self.state.borrow_mut();
                state.failed(id, SlotKind::Activity, failure)
            }
            EventKind::SubOrchestrationCompleted => {
                let (id, result) = event.completion()?;
                let mut state = self.state.borrow_mut();
                state.completed(id, SlotKind::SubOrchestration, result)
            }
            EventKind::SubOrchestrationFailed => {
                let (id, details) = event.failure()?;
                let failure = failure(details, Failure::from_details);
                let mut state = self.state.borrow_mut();
                state.failed(id, SlotKind::SubOrchestration, failure)
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

    /// Whether anything asked for a poll since the last call.
    fn woken(&self) -> bool {
        let root = self.state.borrow_mut().waiters().take_root_woken();
        self.flag.take() || root
    }

    /// Polls the orchestrator until it waits for an event, or ends.
    fn poll(&mut self) {
        let _replaying = replay::enter(self.state.borrow().is_replaying());
        let mut polls = 0;
        let end = loop {
            let Some(root) = &mut self.root else { return };
            let mut context = Context::from_waker(&self.waker);
            let polled = catch_unwind(AssertUnwindSafe(|| root.as_mut().poll(&mut context)));
            let mut state = self.state.borrow_mut();
            if state.waiters().has_late() {
                let late = state.waiters().take_late();
                drop(state);
                late.into_iter().for_each(Waker::wake);
                state = self.state.borrow_mut();
            }
            if state.is_failed() {
                return;
            }
            let waits = !state.waiters().is_empty();
            let woken = state.waiters().take_root_woken() | self.flag.take();
            // A failure counts whatever was decided before it: an instance that failed and goes on
            // would fail again in every execution, and its status would not show it.
            if let Ok(Poll::Pending | Poll::Ready(Ok(_))) = polled
                && let Some(next) = state.take_continued()
            {
                break Completion::ContinuedAsNew {
                    next,
                    events: Vec::new(),
                };
            }
            drop(state);
            match polled {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(Ok(output))) => break Completion::Completed(output),
                Ok(Poll::Ready(Err(error))) => {
                    break self.failed_after_all(Error::to_failure(&error));
                }
                Err(panic) => break self.failed_after_all(self.panicked(panic)),
            }
            if !woken {
                if waits {
                    return;
                }
                break Completion::Failed(non_durable::awaited(&self.state.borrow()));
            }
            polls += 1;
            if polls > SELF_WAKES + 16 * self.state.borrow().action_count() {
                break Completion::Failed(non_durable::awaited(&self.state.borrow()));
            }
        };
        self.finish(end);
    }

    /// The end of an orchestrator that failed, perhaps after it had continued as new.
    fn failed_after_all(&self, failure: Failure) -> Completion {
        let state = self.state.borrow();
        if state.is_continued() {
            warn_not_started_again(&state);
        }
        Completion::Failed(failure)
    }

    /// The failure for a panic of the orchestrator.
    fn panicked(&self, panic: Box<dyn Any + Send>) -> Failure {
        let failure = panicked("orchestrator", panic);
        non_durable::recognised(&self.state.borrow(), &failure).unwrap_or(failure)
    }

    /// Ends the execution; the first end counts. Dropping the orchestrator runs user code.
    fn finish(&mut self, completion: Completion) {
        let _replaying = replay::enter(self.state.borrow().is_replaying());
        self.state.borrow_mut().release_all_locks();
        let root = self.root.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(root)));
        let completion = match (dropped, completion) {
            (Ok(()), completion) => completion,
            (Err(panic), completion) => {
                if matches!(completion, Completion::ContinuedAsNew { .. }) {
                    warn_not_started_again(&self.state.borrow());
                }
                Completion::Failed(self.panicked(panic))
            }
        };
        self.completion.get_or_insert(completion);
    }

    /// The answer to the turn whose events have been applied.
    pub(crate) fn answer(&mut self) -> OrchestratorResponse {
        if !self.started && self.completion.is_none() {
            self.finish(Completion::Failed(Failure::new(
                error_type::INVALID_REQUEST,
                "the history has no ExecutionStarted event",
            )));
        }
        let state = self.state.borrow();
        if let Some(Completion::ContinuedAsNew { next, events }) = &mut self.completion
            && next.keep_events
        {
            *events = state.unconsumed();
        }
        let unconfirmed = state.unconfirmed();
        let mut actions = Vec::with_capacity(unconfirmed.len() + 1);
        actions.extend(unconfirmed.cloned());
        if let Some(completion) = &mut self.completion {
            if self.diverged {
                // What changed code asks for must not happen in this instance. But locks that it holds
                // must be released.
                actions.retain(entities::is_release);
            }
            actions.push(answer::completion(
                state.next_id(),
                completion,
                state.now(),
                state.source(),
            ));
        }
        OrchestratorResponse {
            instance_id: state.instance_id().to_owned(),
            actions,
            custom_status: state.custom_status().map(str::to_owned),
            ..Default::default()
        }
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        // Unloading is no step of the orchestration: what its destructors log is written at its end.
        let _replaying = replay::enter(true);
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.set_replaying(true);
        }
        // The answer is made already, so a panic changes nothing. Tasks hold wakers of users.
        drop_quietly(self.root.take());
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let held = state.take_held();
            drop(state);
            drop_quietly(held);
        }
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

/// Written once, by the turn in which it happens.
#[cold]
fn warn_not_started_again(state: &State) {
    if !state.is_replaying() {
        tracing::warn!(
            instance = state.instance_id(),
            orchestrator = state.name(),
            "the orchestrator failed after continue_as_new: the failure counts, and the instance is \
             not started again"
        );
    }
}
