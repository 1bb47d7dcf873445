//! One instance: its status, its history, its messages.
//!
//! Invariants: at most one turn is under way. Messages are taken in the order of their arrival. A message for
//! another execution than the current one is dropped. What clients see changes together with the history,
//! under the lock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use durable_protocol::messages::{
    EventType, ExecutionStartedEvent, HistoryEvent, OrchestrationState, OrchestrationStatus,
};
use prost_types::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::history::{History, NewEvents};
use super::undo::undo;
use super::{clock, events};

/// A message to an instance.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The execution that it is for; `None` for the one that is current when it arrives.
    pub(super) execution: Option<String>,
    pub(super) event: HistoryEvent,
}

/// The outcome of delivering a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Queued, and no turn is under way: the caller must start the turns.
    Start,
    /// Queued.
    Queued,
    /// The execution has ended.
    Dropped,
}

pub(super) struct Instance {
    pub(super) id: String,
    state: watch::Sender<OrchestrationState>,
    work: Mutex<Work>,
}

/// The data that turns change.
pub(super) struct Work {
    pub(super) execution: Execution,
    inbox: VecDeque<Message>,
    /// The messages of the first turn of a continued execution, which has no others.
    generation: Option<Vec<Message>>,
    /// Turns are under way.
    busy: bool,
    /// The length of the longest history that an earlier start under this id had.
    earlier: usize,
    /// How many turns were delivered.
    delivered: u64,
}

/// One execution of the instance.
pub(super) struct Execution {
    pub(super) id: String,
    /// How it was started, without the input.
    pub(super) start: ExecutionStartedEvent,
    pub(super) history: History,
    timers: Vec<AbortHandle>,
    /// The start message was taken into a turn.
    started: bool,
    ended: bool,
    /// It has failed and may be rewound, so its timers keep running.
    can_be_rewound: bool,
    /// The time of the latest turn: turns never go back in time.
    latest: Timestamp,
}

impl Execution {
    /// `start` must name the execution.
    pub(super) fn new(start: &ExecutionStartedEvent) -> Self {
        Self {
            id: execution_id(start),
            start: ExecutionStartedEvent {
                input: None,
                ..start.clone()
            },
            history: History::default(),
            timers: Vec::new(),
            started: false,
            ended: false,
            can_be_rewound: false,
            latest: Timestamp::default(),
        }
    }

    /// Stops the timers of the execution.
    fn stop_timers(&mut self) {
        for timer in self.timers.drain(..) {
            timer.abort();
        }
    }
}

fn execution_id(start: &ExecutionStartedEvent) -> String {
    start
        .orchestration_instance
        .as_ref()
        .and_then(|instance| instance.execution_id.clone())
        .unwrap_or_default()
}

/// The result of rewinding one instance.
pub(super) struct Rewound {
    /// The instance ids of the sub-orchestrations that failed.
    pub(super) children: Vec<String>,
    /// An earlier execution under the same id had a longer history.
    pub(super) is_shadowed: bool,
}

/// One turn, ready to be sent.
pub(super) struct Turn {
    pub(super) execution: String,
    /// The number of this delivery, counted for the instance.
    delivery: u64,
    pub(super) start: ExecutionStartedEvent,
    /// The time of the turn.
    pub(super) began: Timestamp,
    /// The encoded `OrchestratorRequest`.
    pub(super) request: Vec<u8>,
    pub(super) events: NewEvents,
    /// The messages in it, to be delivered again if the turn is abandoned.
    pub(super) messages: Vec<Message>,
}

impl Instance {
    /// A new instance that waits for its start message.
    pub(super) fn new(id: String, start: &ExecutionStartedEvent, created: Timestamp) -> Self {
        Self {
            state: watch::Sender::new(first_state(&id, start, created)),
            work: Mutex::new(Work {
                execution: Execution::new(start),
                inbox: VecDeque::new(),
                generation: None,
                busy: false,
                earlier: 0,
                delivered: 0,
            }),
            id,
        }
    }

    /// Replaces the execution under this id, unless `blocks` is true for its status.
    pub(super) fn restart(
        &self,
        start: &ExecutionStartedEvent,
        created: Timestamp,
        blocks: impl FnOnce(OrchestrationStatus) -> bool,
    ) -> bool {
        let mut work = self.work();
        if blocks(self.status()) {
            return false;
        }
        work.execution.stop_timers();
        work.earlier = work.earlier.max(work.execution.history.count());
        work.execution = Execution::new(start);
        work.inbox.clear();
        work.generation = None;
        self.state
            .send_replace(first_state(&self.id, start, created));
        true
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        // Nothing in this module panics while it holds the lock.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of the execution that a turn belongs to. `None` when the execution ended while the turn was
    /// under way, or when the turn was delivered again since: its decision is dropped then.
    pub(super) fn work_of(&self, turn: &Turn) -> Option<MutexGuard<'_, Work>> {
        let work = self.work();
        let current = !work.execution.ended
            && work.execution.id == turn.execution
            && work.delivered == turn.delivery;
        current.then_some(work)
    }

    /// Undoes the failure of the execution. The error is the status, when it is not Failed.
    pub(super) fn rewind(&self, now: Timestamp) -> Result<Rewound, OrchestrationStatus> {
        let mut work = self.work();
        let status = self.status();
        if status != OrchestrationStatus::Failed || !work.execution.ended {
            return Err(status);
        }
        work.execution.ended = false;
        let children = work.execution.history.rewrite(undo);
        self.update(|state| {
            state.set_orchestration_status(OrchestrationStatus::Pending);
            state.last_updated_timestamp = Some(now);
        });
        Ok(Rewound {
            children,
            is_shadowed: work.earlier > work.execution.history.count(),
        })
    }

    /// Stops the timers of an instance that is removed.
    pub(super) fn stop_timers(&self) {
        self.work().execution.stop_timers();
    }

    /// Whether the execution has ended and no turn is under way.
    pub(super) fn has_ended(&self) -> bool {
        let work = self.work();
        work.execution.ended && !work.busy
    }

    pub(super) fn status(&self) -> OrchestrationStatus {
        self.state.borrow().orchestration_status()
    }

    pub(super) fn state(&self) -> OrchestrationState {
        self.state.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<OrchestrationState> {
        self.state.subscribe()
    }

    /// Changes what clients see. Call it with the lock held.
    pub(super) fn update(&self, change: impl FnOnce(&mut OrchestrationState)) {
        self.state.send_modify(change);
    }

    /// Puts a message into the inbox.
    pub(super) fn deliver(&self, message: Message) -> Delivery {
        let mut work = self.work();
        if work.execution.ended || !work.is_for_current(&message) {
            return Delivery::Dropped;
        }
        work.inbox.push_back(message);
        if work.busy || !work.has_work() {
            return Delivery::Queued;
        }
        work.busy = true;
        Delivery::Start
    }

    /// Terminates a scheduled instance whose start message is not due. As in a real host, only the status
    /// changes: the instance still runs at its time. `false` when the instance has begun.
    pub(super) fn terminate_before_start(&self, reason: Option<String>) -> bool {
        let work = self.work();
        if work.execution.started || work.execution.ended || work.has_start() {
            return false;
        }
        self.update(|state| {
            state.set_orchestration_status(OrchestrationStatus::Terminated);
            state.output = reason;
            state.last_updated_timestamp = Some(clock::now());
        });
        true
    }

    /// Stores a timer with the execution that created it, or stops it when that has ended.
    pub(super) fn keep_timer(&self, execution: &str, timer: AbortHandle) {
        let mut work = self.work();
        let is_void = work.execution.ended && !work.execution.can_be_rewound;
        if is_void || work.execution.id != execution {
            timer.abort();
        } else {
            let timers = &mut work.execution.timers;
            if timers.len() == timers.capacity() {
                timers.retain(|timer| !timer.is_finished());
            }
            timers.push(timer);
        }
    }

    /// Whether a turn can begin. If not, the instance becomes idle.
    pub(super) fn has_turn(&self) -> bool {
        let mut work = self.work();
        work.busy = work.has_work();
        work.busy
    }

    /// Takes the waiting messages into a turn. `None`, and idle, when a newer execution replaced the one that
    /// had messages.
    pub(super) fn begin_turn(&self, tail: &[u8]) -> Option<Turn> {
        let mut work = self.work();
        let messages = work.take_messages();
        if messages.is_empty() {
            work.busy = false;
            return None;
        }
        work.delivered += 1;
        let delivery = work.delivered;
        let execution = &mut work.execution;
        execution.started = true;
        let began = messages
            .iter()
            .filter_map(due)
            .fold(clock::later(clock::now(), execution.latest), clock::later);
        execution.latest = began;
        let mut new = NewEvents::default();
        new.push(&events::orchestrator_started(began));
        for message in &messages {
            new.push(&message.event);
        }
        Some(Turn {
            execution: execution.id.clone(),
            delivery,
            start: execution.start.clone(),
            began,
            request: execution.history.request(&self.id, &new, tail),
            events: new,
            messages,
        })
    }

    /// Puts the messages of an abandoned turn back, before those that arrived since.
    pub(super) fn abandon(&self, turn: Turn) {
        let Some(mut work) = self.work_of(&turn) else {
            return;
        };
        for message in turn.messages.into_iter().rev() {
            work.inbox.push_front(message);
        }
    }
}

impl Work {
    fn is_for_current(&self, message: &Message) -> bool {
        message
            .execution
            .as_ref()
            .is_none_or(|id| *id == self.execution.id)
    }

    fn has_start(&self) -> bool {
        self.inbox.iter().any(is_start)
    }

    /// Before the start message, other messages wait.
    fn has_work(&self) -> bool {
        !self.execution.ended
            && (self.generation.is_some()
                || (!self.inbox.is_empty() && (self.execution.started || self.has_start())))
    }

    fn take_messages(&mut self) -> Vec<Message> {
        if let Some(messages) = self.generation.take() {
            return messages;
        }
        if !self.has_work() {
            return Vec::new();
        }
        let (mut messages, others): (Vec<_>, Vec<_>) = self.inbox.drain(..).partition(is_start);
        messages.extend(others);
        messages
    }

    /// Ends the execution. Returns the messages that will not be read.
    pub(super) fn end(&mut self, status: OrchestrationStatus) -> Vec<Message> {
        self.execution.ended = true;
        self.execution.can_be_rewound = status == OrchestrationStatus::Failed;
        if !self.execution.can_be_rewound {
            self.execution.stop_timers();
        }
        self.inbox.drain(..).collect()
    }

    /// Starts a new execution whose first turn gets `messages`. Messages for the old execution are dropped;
    /// those for the current one are kept.
    pub(super) fn continue_as_new(
        &mut self,
        start: &ExecutionStartedEvent,
        messages: Vec<Message>,
    ) {
        self.execution.stop_timers();
        let latest = self.execution.latest;
        self.execution = Execution::new(start);
        self.execution.latest = latest;
        self.inbox.retain(|message| message.execution.is_none());
        self.generation = Some(messages);
    }
}

fn is_start(message: &Message) -> bool {
    matches!(
        message.event.event_type,
        Some(EventType::ExecutionStarted(_))
    )
}

/// The time when a message was due. A turn with a fired timer never begins before its time, even when the
/// clock was set back meanwhile.
fn due(message: &Message) -> Option<Timestamp> {
    match &message.event.event_type {
        Some(EventType::TimerFired(fired)) => fired.fire_at,
        _ => None,
    }
}

fn first_state(id: &str, start: &ExecutionStartedEvent, created: Timestamp) -> OrchestrationState {
    let mut state = OrchestrationState {
        instance_id: id.to_owned(),
        name: start.name.clone(),
        version: start.version.clone(),
        scheduled_start_timestamp: start.scheduled_start_timestamp,
        created_timestamp: Some(created),
        last_updated_timestamp: Some(created),
        input: start.input.clone(),
        tags: start.tags.clone(),
        ..OrchestrationState::default()
    };
    state.set_orchestration_status(OrchestrationStatus::Pending);
    state
}

/// Whether a new start may not replace an instance in this status.
pub(super) fn blocks_start(status: OrchestrationStatus) -> bool {
    !status.is_terminal()
}
