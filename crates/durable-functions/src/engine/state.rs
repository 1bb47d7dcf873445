//! What an orchestration knows of itself during a replay.
//!
//! Shared (as [`SharedState`]) by the engine, the context and the durable futures. Invariant:
//! no user code runs while it is borrowed; wakers are returned to the caller and woken after.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};

use super::confirmed::Confirmed;
use super::entities::Ledger;
use super::inbox::Inbox;
use super::names::Names;
use super::payload::Source;
use super::rewind::{Rewound, wire_id};
use super::slot::{Extra, Outcome, Slot, SlotKind};
use super::wake::WakerId;
use crate::wire::Request;
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

/// How the engine, the context and the durable futures of one execution have its state.
pub(crate) type SharedState = Rc<RefCell<State>>;

/// See the module documentation.
pub(crate) struct State {
    pub(crate) names: Names,
    pub(crate) parent: Option<Box<Parent>>,
    /// The time of the current turn.
    pub(crate) now: Timestamp,
    pub(crate) replaying: bool,
    pub(crate) custom_status: Option<String>,
    /// A failure that user code cannot swallow: it ends the instance whatever the orchestrator does.
    pub(crate) verdict: Option<Box<Failure>>,
    /// By action id.
    pub(crate) slots: Vec<Slot>,
    /// Actions that the history does not confirm yet, by ascending id.
    pub(crate) pending: VecDeque<OrchestratorAction>,
    /// How many durable futures hold a waker: zero while the orchestrator is pending means that it
    /// awaits something that is not durable.
    pub(crate) waiting: usize,
    pub(crate) confirmed: Confirmed,
    /// For a history that was rewound, which few are.
    pub(crate) rewound: Option<Box<Rewound>>,
    /// The epoch of the actions that the code asks for now.
    pub(crate) epoch: u8,
    /// What the payloads of the current turn are parts of.
    pub(crate) source: Source,
    /// The waker of the orchestrator itself.
    pub(crate) root: WakerId,
    /// Set instead of waking `root`.
    pub(crate) root_woken: bool,
    /// Made when it is first used, as `entities`: few orchestrations have either, and all would pay.
    pub(crate) inbox: Option<Box<Inbox>>,
    pub(crate) entities: Option<Box<Ledger>>,
    /// Wakers that a dropped future owes; woken by the engine, because no user code may run now.
    pub(crate) late_wakers: Vec<Waker>,
    pub(crate) continued: Option<Box<ContinuedAsNew>>,
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
    pub(crate) fn new(request: &Request<'_>, source: Source, root: WakerId) -> Self {
        let confirmed = Confirmed::from_events(&request.events);
        State {
            names: Names::new(request.instance_id, &source),
            parent: None,
            now: Timestamp::default(),
            replaying: true,
            custom_status: None,
            verdict: None,
            slots: Vec::with_capacity(confirmed.count() + 4),
            pending: VecDeque::new(),
            waiting: 0,
            rewound: Rewound::of(request, confirmed.generic_events()),
            epoch: 0,
            confirmed,
            source,
            root,
            root_woken: false,
            inbox: None,
            entities: None,
            late_wakers: Vec::new(),
            continued: None,
            default_version: request.properties.default_version.map(Into::into),
            http_poll_interval: request.properties.http_poll_interval,
            drawn: 0,
        }
    }

    /// Takes the next action id for `kind`. `action` is only made when the history does not hold
    /// it; one that cannot be made is not sent, and its task has failed.
    pub(crate) fn schedule(
        &mut self,
        kind: SlotKind,
        name: &'static str,
        owner: Option<usize>,
        action: impl FnOnce(&State, usize) -> Result<OrchestratorActionType, Failure>,
    ) -> usize {
        let id = self.slots.len();
        self.slots.push(Slot {
            kind,
            // More actions than an `i32` counts do not fit into a history.
            owner: u32::try_from(owner.unwrap_or(id)).unwrap_or(u32::MAX),
            name,
            ended: false,
            since: self.epoch,
            until: self.epoch,
            outcome: Outcome::Open,
            waker: None,
            extra: None,
        });
        if !self.confirmed.contains(id) {
            match action(self, id) {
                Ok(action) => self.pending.push_back(OrchestratorAction {
                    id: wire_id(self.epoch, id),
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

    /// Takes the next action id for an action that must not be sent: its task has failed, whatever
    /// the history holds.
    ///
    /// For what the code itself decides, so that a replay decides the same. An input that cannot be
    /// written is not such a thing: nobody writes it again once the history holds the action.
    pub(crate) fn refuse(&mut self, kind: SlotKind, name: &str, failure: Failure) -> usize {
        let id = self.slots.len();
        let refused = Extra::Refused {
            name: name.to_owned(),
            reason: failure.to_string(),
        };
        self.slots.push(Slot {
            kind,
            owner: u32::try_from(id).unwrap_or(u32::MAX),
            // No action of the history has no name, so that none is the same as this one.
            name: "",
            ended: true,
            since: self.epoch,
            until: self.epoch,
            outcome: Outcome::Failed(Box::new(failure)),
            waker: None,
            extra: Some(Box::new(refused)),
        });
        id
    }

    /// The id that the next action will have.
    pub(crate) fn next_id(&self) -> i32 {
        wire_id(self.epoch, self.slots.len())
    }

    /// Whether the history holds the next action already.
    pub(crate) fn next_is_confirmed(&self) -> bool {
        self.confirmed.contains(self.slots.len())
    }

    /// Ends the instance with `failure`; the first verdict stays.
    pub(crate) fn condemn(&mut self, failure: Failure) {
        self.verdict.get_or_insert_with(|| Box::new(failure));
    }

    /// Stores the outcome of a task; the returned waker is to be woken once the borrow has ended.
    #[must_use]
    pub(crate) fn settle(&mut self, task: usize, outcome: Outcome) -> Option<Waker> {
        let slot = self.slots.get_mut(task)?;
        if !slot.outcome.is_open() {
            return None;
        }
        slot.outcome = outcome;
        if let Some(Extra::Driver(_)) = slot.extra.as_deref() {
            slot.extra = None;
        }
        let waiter = slot.waker.take();
        self.release(waiter)
    }

    /// A future no longer waits; the returned waker is to be woken once the borrow has ended.
    #[must_use]
    pub(crate) fn release(&mut self, waiter: Option<Waiter>) -> Option<Waker> {
        match waiter? {
            Waiter::Root => {
                self.waiting -= 1;
                self.root_woken = true;
                None
            }
            Waiter::Other(waker) => {
                self.waiting -= 1;
                Some(waker)
            }
        }
    }

    /// A future waits: `place` is where its waker is kept.
    pub(crate) fn register(
        place: &mut Option<Waiter>,
        waiting: &mut usize,
        root: WakerId,
        waker: &Waker,
    ) {
        if place.is_none() {
            *waiting += 1;
        }
        match place {
            // An orchestrator that awaits one thing at a time is woken without counting a waker.
            _ if root.is(waker) => *place = Some(Waiter::Root),
            Some(Waiter::Other(known)) => known.clone_from(waker),
            _ => *place = Some(Waiter::Other(waker.clone())),
        }
    }

    /// What the future of `task` finds when it is polled: its outcome, or nothing, and then `waker`
    /// will be woken.
    pub(crate) fn poll(&mut self, task: usize, waker: &Waker) -> Option<Outcome> {
        let slot = self.slots.get_mut(task)?;
        if slot.outcome.is_open() {
            Self::register(&mut slot.waker, &mut self.waiting, self.root, waker);
            return None;
        }
        Some(std::mem::replace(&mut slot.outcome, Outcome::Taken))
    }

    /// The future of `task` is gone: nobody waits for it any more. The action itself goes on, the
    /// protocol cannot take it back.
    ///
    /// What is returned belongs to users and is to be dropped once the borrow has ended.
    #[must_use]
    pub(crate) fn forget(&mut self, task: usize) -> Option<Waiter> {
        let slot = self.slots.get_mut(task)?;
        slot.outcome = match slot.outcome.is_open() {
            true => Outcome::Forgotten,
            false => Outcome::Taken,
        };
        let waiter = slot.waker.take();
        if waiter.is_some() {
            self.waiting -= 1;
        }
        waiter
    }

    /// Cuts the ties to the request of the turn that ends now.
    pub(crate) fn detach(&mut self) {
        let source = std::mem::take(&mut self.source);
        for slot in &mut self.slots {
            if let Outcome::Completed(payload) = &mut slot.outcome {
                source.detach(payload);
            }
        }
        if let Some(inbox) = &mut self.inbox {
            inbox.detach(&source);
        }
        self.names.detach(&source);
    }

    /// The name of a task in messages, for example `activity 'copy' (#3)`.
    pub(crate) fn describe(&self, task: usize) -> String {
        match self.slots.get(task) {
            Some(slot) => match (slot.extra.as_deref(), slot.name) {
                (Some(Extra::Sent { name, target }), _) => {
                    format!("event '{name}' to '{target}' (#{task})")
                }
                (Some(Extra::Refused { name, .. }), _) => {
                    format!("{} '{name}' (#{task})", slot.kind.noun())
                }
                (_, "") => format!("{} (#{task})", slot.kind.noun()),
                (_, name) => format!("{} '{name}' (#{task})", slot.kind.noun()),
            },
            None => format!("task #{task}"),
        }
    }

    /// The error that a future yields for a failed task.
    pub(crate) fn error_of(&self, task: usize, failure: Failure) -> TaskError {
        TaskError::Failed {
            task: self.describe(task),
            failure,
        }
    }
}

/// Who waits for a task.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// The orchestrator itself.
    Root,
    /// A combinator of futures.
    Other(Waker),
}
