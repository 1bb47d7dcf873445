//! What an orchestration knows of itself during a replay.
//!
//! Shared (as [`SharedState`]) by the engine, the context and the durable futures. Invariant: no user
//! code runs while it is borrowed; wakers are returned to the caller and woken after.

mod action_id;
mod actions;
mod comparison;
mod confirmed;
mod driver;
mod events;
mod inbox;
mod kind;
mod names;
mod options;
mod rewind;
mod slot;
mod task;
mod waiters;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};

pub(crate) use driver::Call;
pub(super) use inbox::Raised;
pub(crate) use kind::SlotKind;
pub(crate) use options::RetryPredicate;
pub(crate) use slot::Outcome;

use super::entities::Ledger;
use super::payload::Source;
use super::wake::WakerId;
use crate::wire::{Identity, Properties, Request};
use crate::{Failure, TaskError};
use actions::Actions;
use confirmed::Confirmed;
use inbox::Inbox;
use names::Names;
use rewind::Rewound;
use waiters::{Waiter, Waiters};

/// The orchestration that started this one as a sub-orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    instance_id: String,
    name: String,
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
    names: Names,
    /// The time of the current turn.
    now: Timestamp,
    /// The number of the current turn.
    turn: u32,
    replaying: bool,
    custom_status: Option<String>,
    fatal: Option<Box<Fatal>>,
    actions: Actions,
    /// For a history that was rewound, which few are.
    rewound: Option<Box<Rewound>>,
    waiters: Waiters,
    /// What the payloads of the current turn are parts of.
    source: Source,
    /// Made when it is first used, as `entities`: few orchestrations have either, and all would pay.
    inbox: Option<Box<Inbox>>,
    entities: Option<Box<Ledger>>,
    /// By task. Kept until the execution is over, because dropping one runs code of users.
    retry_predicates: BTreeMap<usize, RetryPredicate>,
    continued: Option<Box<ContinuedAsNew>>,
    settings: Settings,
    /// How many deterministic ids and random streams were drawn.
    drawn: u64,
}

/// A failure that user code cannot catch: it ends the instance whatever the orchestrator does.
#[derive(Debug)]
pub(super) struct Fatal {
    pub(super) failure: Failure,
    /// Whether the code left the path that its history shows.
    pub(super) diverged: bool,
}

/// What the next execution begins with.
#[derive(Debug, Clone)]
pub(super) struct ContinuedAsNew {
    pub(super) input: Option<String>,
    pub(super) keep_events: bool,
    pub(super) version: Option<String>,
}

/// What host.json says, as each request repeats it.
struct Settings {
    /// The `defaultVersion`, for sub-orchestrations.
    default_version: Option<Rc<str>>,
    /// How long to wait between the polls of durable HTTP calls.
    http_poll_interval: Option<Duration>,
}

impl Settings {
    fn of(properties: &Properties<'_>) -> Self {
        Settings {
            default_version: properties.default_version.map(Into::into),
            http_poll_interval: properties.http_poll_interval,
        }
    }
}

impl State {
    pub(super) fn new(request: &Request<'_>, source: Source, root: WakerId) -> Self {
        let confirmed = Confirmed::from_events(&request.events);
        State {
            names: Names::new(request.instance_id, &source),
            now: Timestamp::default(),
            turn: 0,
            replaying: true,
            custom_status: None,
            fatal: None,
            rewound: Rewound::of(request, confirmed.generic_events()),
            actions: Actions::new(confirmed),
            waiters: Waiters::new(root),
            source,
            inbox: None,
            entities: None,
            retry_predicates: BTreeMap::new(),
            continued: None,
            settings: Settings::of(&request.properties),
            drawn: 0,
        }
    }

    /// Goes on with a request that holds only what is new.
    pub(super) fn begin_turn(&mut self, rest: &Request<'_>, source: Source) {
        self.source = source;
        self.settings = Settings::of(&rest.properties);
        self.actions.forget_history();
        if rest.properties.leaves_out_past {
            // The host keeps the history to itself: it has stored what was answered.
            self.actions.confirm_all();
        }
    }

    /// Makes the state independent of the request of the turn that ends now.
    pub(super) fn detach(&mut self) {
        let source = std::mem::take(&mut self.source);
        for slot in self.actions.iter_mut() {
            if let Outcome::Completed(payload) = &mut slot.outcome {
                source.detach(payload);
            }
        }
        if let Some(inbox) = &mut self.inbox {
            inbox.detach(&source);
        }
        self.names.detach(&source);
    }

    /// What tasks, events and retries hold that belongs to users, for the caller to drop: the execution is
    /// over.
    pub(super) fn take_held(&mut self) -> impl Sized + use<> {
        (
            self.actions.take_slots(),
            self.inbox.take(),
            std::mem::take(&mut self.retry_predicates),
        )
    }

    /// How many bytes the state takes, roughly.
    pub(super) fn weight(&self) -> usize {
        self.actions.weight()
    }

    /// Adds what the history says about the execution.
    pub(super) fn identify(&mut self, identity: &Identity<'_>) {
        self.names.identify(identity, &self.source);
    }

    pub(crate) fn instance_id(&self) -> &str {
        self.names.instance_id(&self.source)
    }

    pub(crate) fn execution_id(&self) -> Option<&str> {
        self.names.execution_id(&self.source)
    }

    /// The orchestrator's name, spelled as the client spelled it.
    pub(crate) fn name(&self) -> &str {
        self.names.name(&self.source)
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.names.version(&self.source)
    }

    pub(crate) fn parent(&self) -> Option<&Parent> {
        self.names.parent()
    }

    /// The time of the current turn.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The number of the current turn.
    pub(crate) fn turn(&self) -> u32 {
        self.turn
    }

    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        self.turn = self.turn.wrapping_add(1);
        if let Some(rewound) = &mut self.rewound {
            rewound.turn_begins();
        }
    }

    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying
    }

    pub(super) fn set_replaying(&mut self, replaying: bool) {
        self.replaying = replaying;
    }

    pub(super) fn custom_status(&self) -> Option<&String> {
        self.custom_status.as_ref()
    }

    pub(crate) fn set_custom_status(&mut self, json: String) {
        self.custom_status = Some(json);
    }

    /// What host.json says about the polls of durable HTTP calls.
    pub(crate) fn http_poll_interval(&self) -> Option<Duration> {
        self.settings.http_poll_interval
    }

    /// What the payloads of the current turn are parts of. A payload is decoded without a borrow of
    /// the state, because decoding runs code of users.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The number of the next deterministic id.
    pub(crate) fn draw(&mut self) -> u64 {
        let drawn = self.drawn;
        self.drawn += 1;
        drawn
    }

    /// Ends the instance with `failure`, whatever the orchestrator does; the first one counts.
    pub(crate) fn fail_instance(&mut self, failure: Failure) {
        self.set_fatal(failure, false);
    }

    /// Ends the instance with `failure`, because the code does not do what the history says.
    fn leave_history(&mut self, failure: Failure) {
        self.set_fatal(failure, true);
    }

    fn set_fatal(&mut self, failure: Failure, diverged: bool) {
        self.fatal
            .get_or_insert_with(|| Box::new(Fatal { failure, diverged }));
    }

    /// Whether a failure ends the instance whatever the orchestrator does.
    pub(super) fn is_failed(&self) -> bool {
        self.fatal.is_some()
    }

    pub(super) fn take_fatal(&mut self) -> Option<Box<Fatal>> {
        self.fatal.take()
    }

    /// Decides that the orchestrator starts again; false if that was decided before.
    pub(crate) fn continue_as_new(&mut self, input: Option<String>) -> bool {
        if self.continued.is_some() {
            return false;
        }
        self.continued = Some(Box::new(ContinuedAsNew {
            input,
            keep_events: true,
            version: None,
        }));
        true
    }

    /// The next execution does not get the events that were not taken.
    pub(crate) fn drop_events_of_next(&mut self) {
        if let Some(next) = &mut self.continued {
            next.keep_events = false;
        }
    }

    /// The next execution has this version.
    pub(crate) fn set_version_of_next(&mut self, version: String) {
        if let Some(next) = &mut self.continued {
            next.version = Some(version);
        }
    }

    /// Whether the orchestrator is to start again.
    pub(super) fn is_continued(&self) -> bool {
        self.continued.is_some()
    }

    pub(super) fn take_continued(&mut self) -> Option<Box<ContinuedAsNew>> {
        self.continued.take()
    }

    /// What the history does not hold yet of what the code asked for.
    pub(super) fn unconfirmed(&self) -> impl ExactSizeIterator<Item = &OrchestratorAction> {
        self.actions.unconfirmed().iter()
    }

    /// How many actions the code has asked for.
    pub(super) fn action_count(&self) -> usize {
        self.actions.count()
    }

    /// The id that the next action will have.
    pub(crate) fn next_id(&self) -> i32 {
        self.actions.next_id()
    }

    /// Whether the history holds the next action already.
    pub(crate) fn next_is_confirmed(&self) -> bool {
        self.actions.is_confirmed(self.actions.count())
    }

    /// What the code asks for from here on is asked for whatever the history holds.
    pub(super) fn forget_history(&mut self) {
        self.actions.forget_history();
    }

    /// Takes the next number for an action of `kind`. `action` is only made when the history does not
    /// hold it; one that cannot be made is not sent, and its task has failed.
    fn schedule(
        &mut self,
        kind: SlotKind,
        name: &'static str,
        owner: Option<usize>,
        action: impl FnOnce(&State, usize) -> Result<OrchestratorActionType, Failure>,
    ) -> usize {
        let number = self.actions.add(kind, name, owner);
        if !self.actions.is_confirmed(number) {
            match action(self, number) {
                Ok(action) => self.actions.ask(number, action),
                Err(failure) => {
                    if let Some(slot) = self.actions.get_mut(number) {
                        slot.outcome = Outcome::Failed(Box::new(failure));
                    }
                }
            }
        }
        number
    }

    /// Takes the next number for an action that must not be sent; see [`Actions::refuse`].
    pub(super) fn refuse(&mut self, kind: SlotKind, name: &str, failure: Failure) -> usize {
        self.actions.refuse(kind, name, failure)
    }

    /// Stores the outcome of a task; the returned waker is to be woken once the borrow has ended.
    #[must_use]
    pub(super) fn settle(&mut self, task: usize, outcome: Outcome) -> Option<Waker> {
        let slot = self.actions.get_mut(task)?;
        if !slot.outcome.is_open() {
            return None;
        }
        slot.settle(outcome);
        self.waiters.release(&mut slot.waker)
    }

    /// What the future of `task` finds when it is polled: its outcome, or nothing, and then `waker`
    /// will be woken.
    pub(crate) fn poll(&mut self, task: usize, waker: &Waker) -> Option<Outcome> {
        let slot = self.actions.get_mut(task)?;
        if slot.outcome.is_open() {
            self.waiters.register(&mut slot.waker, waker);
            return None;
        }
        Some(std::mem::replace(&mut slot.outcome, Outcome::Taken))
    }

    /// The future of `task` was dropped. The action itself goes on: the protocol cannot cancel it.
    ///
    /// What is returned belongs to users and is to be dropped once the borrow has ended.
    #[must_use]
    pub(crate) fn forget(&mut self, task: usize) -> Option<Waiter> {
        let slot = self.actions.get_mut(task)?;
        match slot.outcome {
            Outcome::Taken => {}
            Outcome::Open => slot.outcome = Outcome::Forgotten,
            _ => slot.outcome = Outcome::Taken,
        }
        self.waiters.remove(&mut slot.waker)
    }

    /// Who waits for tasks and events.
    pub(super) fn waiters(&mut self) -> &mut Waiters {
        &mut self.waiters
    }

    /// An event has arrived; the returned waker is to be woken once the borrow has ended.
    #[must_use]
    pub(super) fn raise(&mut self, name: &str, input: Option<&[u8]>) -> Option<Waker> {
        if let Some(waker) = self.entity_answered(name, input) {
            return waker;
        }
        let input = self.source.payload(input);
        let inbox = self.inbox.get_or_insert_default();
        inbox.raise(name, input, &mut self.waiters)
    }

    /// Waits for the next event of a name; gives the number of the receiver.
    pub(crate) fn wait_for(&mut self, name: &str) -> usize {
        self.inbox.get_or_insert_default().wait_for(name)
    }

    /// The event of a receiver, if it has arrived; otherwise `waker` will be woken.
    pub(crate) fn poll_event(&mut self, receiver: usize, waker: &Waker) -> Option<Raised> {
        if self.continued.is_some() {
            // This execution is over; the next one gets the event.
            return None;
        }
        let inbox = self.inbox.as_deref_mut()?;
        inbox.poll(receiver, waker, &mut self.waiters)
    }

    /// The future of a receiver is gone. What is returned belongs to users and is to be dropped once
    /// the borrow has ended.
    #[must_use]
    pub(crate) fn stop_waiting(&mut self, receiver: usize) -> Option<Waiter> {
        let inbox = self.inbox.as_deref_mut()?;
        inbox.stop_waiting(receiver, &mut self.waiters)
    }

    /// The events that were not taken, in the order of their arrival.
    pub(super) fn unconsumed(&self) -> Vec<Raised> {
        let inbox = self.inbox.as_deref();
        inbox.map_or_else(Vec::new, Inbox::unconsumed)
    }

    /// What the execution keeps about entities, if it has dealt with any.
    pub(super) fn entities(&self) -> Option<&Ledger> {
        self.entities.as_deref()
    }

    /// What the execution keeps about entities, to change it.
    pub(super) fn entities_mut(&mut self) -> Option<&mut Ledger> {
        self.entities.as_deref_mut()
    }

    /// The same, made if it is not there yet.
    pub(super) fn ledger(&mut self) -> &mut Ledger {
        self.entities.get_or_insert_default()
    }

    /// The name of a task in messages, for example `activity 'copy' (#3)`.
    pub(crate) fn describe(&self, task: usize) -> String {
        self.actions.describe(task)
    }

    /// The error that a future yields for a failed task.
    pub(crate) fn error_of(&self, task: usize, failure: Failure) -> TaskError {
        TaskError::Failed {
            task: self.describe(task),
            failure,
        }
    }
}
