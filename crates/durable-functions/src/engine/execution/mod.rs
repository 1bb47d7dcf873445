//! One execution of an orchestrator: the live future, to which the events of the history are applied.
//!
//! Owns the orchestrator's future and the state that it shares with the context. The request is shared:
//! events borrow from it while they are applied, and what is needed later is kept as ranges of it.

mod events;
mod poll;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use durable_protocol::messages::OrchestratorResponse;

use super::answer::{self, Completion};
use super::entities;
use super::function::{OrchestratorFunction, RunningOrchestrator};
use super::payload::Source;
use super::state::{SharedState, State};
use super::wake::{WakeFlag, WakerId};
use crate::panic::drop_quietly;
use crate::wire::{Event, EventKind, Request, WireError};
use crate::{Failure, error_type, replay};

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
    /// Returns the encoded answer; `None` when a replay could decide differently. The turn must then be replayed.
    pub(crate) fn resume(
        &mut self,
        function: &OrchestratorFunction,
        rest: &Request<'_>,
        bytes: &Rc<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, WireError> {
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

    /// The encoded answer to the turn whose events have been applied.
    pub(crate) fn answer(&mut self) -> Vec<u8> {
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
        let end = self.completion.as_mut().map(|completion| {
            answer::completion(state.next_id(), completion, state.now(), state.source())
        });
        // What changed code asks for must not happen in this instance. But locks that it holds must be
        // released.
        let all = !(self.diverged && end.is_some());
        let asked = state
            .unconfirmed()
            .filter(|action| all || entities::is_release(action));
        OrchestratorResponse::encode_parts(
            state.instance_id(),
            asked.chain(&end),
            state.custom_status(),
        )
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
