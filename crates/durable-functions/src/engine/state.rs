//! What an orchestration knows of itself during a replay.
//!
//! Shared (as `Rc<RefCell<State>>`) by the engine, the context and the durable futures. Invariant:
//! no user code runs while it is borrowed; wakers are returned to the caller and woken after.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::confirmed::Confirmed;
use super::inbox::Inbox;
use super::slot::{Outcome, Slot, SlotKind};
use crate::entity::Ledger;
use crate::proto::{OrchestratorAction, OrchestratorActionType};
use crate::wire::Timestamp;
use crate::{Failure, TaskError};

/// The orchestration that started this one as a sub-orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub(crate) instance_id: String,
    pub(crate) name: String,
}

impl Parent {
    /// The instance id of the parent.
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// The name of the parent's orchestrator.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// See the module documentation.
pub(crate) struct State {
    pub(crate) instance_id: Rc<str>,
    pub(crate) execution_id: Option<Rc<str>>,
    pub(crate) name: Rc<str>,
    pub(crate) version: Option<Rc<str>>,
    pub(crate) parent: Option<Parent>,
    /// The time of the current turn.
    pub(crate) now: Timestamp,
    pub(crate) replaying: bool,
    pub(crate) custom_status: Option<String>,
    /// A failure that user code cannot swallow: it ends the instance whatever the orchestrator does.
    pub(crate) verdict: Option<Failure>,
    /// By action id.
    pub(crate) slots: Vec<Slot>,
    /// Actions that the history does not confirm yet, by ascending id.
    pub(crate) pending: VecDeque<OrchestratorAction>,
    /// How many durable futures hold a waker: zero while the orchestrator is pending means that it
    /// awaits something that is not durable.
    pub(crate) waiting: usize,
    pub(crate) confirmed: Confirmed,
    pub(crate) inbox: Inbox,
    pub(crate) entities: Ledger,
    /// Wakers that a dropped future owes; woken by the engine, because no user code may run now.
    pub(crate) late_wakers: Vec<Waker>,
    pub(crate) continued: Option<ContinuedAsNew>,
    /// The host's `defaultVersion`, for sub-orchestrations.
    pub(crate) default_version: Option<Rc<str>>,
    /// What host.json says about the polls of durable HTTP calls.
    pub(crate) http_poll_interval: Option<Duration>,
    /// How many deterministic ids and random streams were drawn.
    pub(crate) drawn: u64,
}

/// What the next generation begins with.
#[derive(Debug, Clone)]
pub(crate) struct ContinuedAsNew {
    pub(crate) input: Option<String>,
    pub(crate) keep_events: bool,
    pub(crate) version: Option<String>,
}

impl State {
    pub(crate) fn new(instance_id: &str, confirmed: Confirmed) -> Self {
        State {
            instance_id: instance_id.into(),
            execution_id: None,
            name: "<unknown>".into(),
            version: None,
            parent: None,
            now: Timestamp::default(),
            replaying: true,
            custom_status: None,
            verdict: None,
            slots: Vec::with_capacity(confirmed.count() + 4),
            pending: VecDeque::new(),
            waiting: 0,
            confirmed,
            inbox: Inbox::default(),
            entities: Ledger::default(),
            late_wakers: Vec::new(),
            continued: None,
            default_version: None,
            http_poll_interval: None,
            drawn: 0,
        }
    }

    /// Takes the next action id for `kind`. `action` is only made when the history does not hold
    /// it; one that cannot be made is not sent, and its task has failed.
    pub(crate) fn schedule(
        &mut self,
        kind: SlotKind,
        name: Cow<'static, str>,
        owner: Option<usize>,
        action: impl FnOnce(&State, usize) -> Result<OrchestratorActionType, Failure>,
    ) -> usize {
        let id = self.slots.len();
        self.slots.push(Slot {
            kind,
            name,
            target: None,
            owner: owner.unwrap_or(id),
            outcome: Outcome::Open,
            waker: None,
            driver: None,
        });
        if !self.confirmed.contains(id) {
            match action(self, id) {
                Ok(action) => self.pending.push_back(OrchestratorAction {
                    id: wire_id(id),
                    orchestrator_action_type: Some(action),
                }),
                Err(failure) => {
                    if let Some(slot) = self.slots.last_mut() {
                        slot.outcome = Outcome::Failed(Box::new(failure));
                    }
                }
            }
        }
        id
    }

    /// Ends the instance with `failure`; the first verdict stays.
    pub(crate) fn condemn(&mut self, failure: Failure) {
        self.verdict.get_or_insert(failure);
    }

    /// Stores the outcome of a task; the returned waker is to be woken once the borrow has ended.
    #[must_use]
    pub(crate) fn settle(&mut self, task: usize, outcome: Outcome) -> Option<Waker> {
        let slot = self.slots.get_mut(task)?;
        if !slot.outcome.is_open() {
            return None;
        }
        slot.outcome = outcome;
        slot.driver = None;
        let waker = slot.waker.take();
        if waker.is_some() {
            self.waiting -= 1;
        }
        waker
    }

    /// What the future of `task` finds when it is polled: its outcome, or nothing, and then `waker`
    /// will be woken.
    pub(crate) fn poll(&mut self, task: usize, waker: &Waker) -> Option<Outcome> {
        let slot = self.slots.get_mut(task)?;
        if slot.outcome.is_open() {
            match &mut slot.waker {
                Some(known) => known.clone_from(waker),
                none => {
                    *none = Some(waker.clone());
                    self.waiting += 1;
                }
            }
            return None;
        }
        Some(std::mem::replace(&mut slot.outcome, Outcome::Taken))
    }

    /// The future of `task` is gone: nobody waits for it any more. The action itself goes on, the
    /// protocol cannot take it back.
    pub(crate) fn forget(&mut self, task: usize) {
        if let Some(slot) = self.slots.get_mut(task) {
            if slot.waker.take().is_some() {
                self.waiting -= 1;
            }
            if !slot.outcome.is_open() {
                slot.outcome = Outcome::Taken;
            }
        }
    }

    /// The name of a task in messages, for example `activity 'copy' (#3)`.
    pub(crate) fn describe(&self, task: usize) -> String {
        match self.slots.get(task) {
            Some(slot) if slot.name.is_empty() => format!("{} (#{task})", slot.kind.noun()),
            Some(slot) if let Some(target) = &slot.target => {
                format!(
                    "{} '{}' to '{target}' (#{task})",
                    slot.kind.noun(),
                    slot.name
                )
            }
            Some(slot) => format!("{} '{}' (#{task})", slot.kind.noun(), slot.name),
            None => format!("task #{task}"),
        }
    }

    /// The error that a future yields for a failed task.
    pub(crate) fn failed(&self, task: usize, failure: Failure) -> TaskError {
        TaskError::Failed {
            task: self.describe(task),
            failure,
        }
    }
}

/// Action ids are small and count up from 0; past `i32::MAX` no history could hold them.
pub(crate) fn wire_id(id: usize) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}
