//! One step: reads what it needs and collects what it changes.
//!
//! Invariant: a step sees its own changes, and nothing outside it does before [`Step::finish`]. A step that
//! fails has changed nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationStatus;
use durable_protocol::messages::{EventType, ExecutionStartedEvent, HistoryEvent};
use prost::bytes::Bytes;

use crate::changes::{
    CancelledTimers, Changes, EntityRecord, HistoryChange, InstanceChange, Message, Payload, Timer,
};
use crate::history::Kind;
use crate::ids::Ids;
use crate::instance::{InstanceRecord, Phase};
use crate::lease::{Key, Work};
use crate::notice::{Notice, Undelivered};
use crate::options::Options;
use crate::store::{Store, StoreError};
use crate::{events, history};

/// The outcome of sending an event to an instance.
pub(crate) type Delivery = Result<(), Undelivered>;

pub(crate) struct Step<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) options: &'a Options,
    pub(crate) work: &'a Work,
    pub(crate) ids: &'a mut dyn Ids,
    pub(crate) now: Timestamp,
    pub(crate) notices: Vec<Notice>,
    pub(crate) changes: Changes,
    first_number: u64,
    next_number: u64,
    instances: BTreeMap<String, Draft>,
    pub(crate) entities: BTreeMap<String, EntityRecord>,
    changed_entities: HashSet<String>,
    consumed: HashSet<u64>,
    touched: Vec<Key>,
    /// The places in `changes.sent` of the messages of each target, as far as they were needed.
    sent_to: HashMap<String, Vec<usize>>,
    /// How many of `changes.sent` are in `sent_to`.
    indexed: usize,
}

/// An instance that the step has read.
struct Draft {
    change: InstanceChange,
    is_changed: bool,
}

/// A finished step.
pub(crate) struct Finished {
    pub(crate) changes: Changes,
    pub(crate) notices: Vec<Notice>,
    /// Work that may be ready now.
    pub(crate) touched: Vec<Key>,
    pub(crate) next_number: u64,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        store: &'a dyn Store,
        options: &'a Options,
        work: &'a Work,
        next_number: u64,
        ids: &'a mut dyn Ids,
        now: Timestamp,
    ) -> Self {
        Self {
            store,
            options,
            work,
            ids,
            now,
            notices: Vec::new(),
            changes: Changes::default(),
            first_number: next_number,
            next_number,
            instances: BTreeMap::new(),
            entities: BTreeMap::new(),
            changed_entities: HashSet::new(),
            consumed: HashSet::new(),
            touched: Vec::new(),
            sent_to: HashMap::new(),
            indexed: 0,
        }
    }

    pub(crate) fn finish(self) -> Finished {
        let mut changes = self.changes;
        let drafts = self.instances.into_values();
        changes.instances = drafts
            .filter(|draft| draft.is_changed)
            .map(|draft| draft.change)
            .collect();
        let mut entities = self.entities;
        entities.retain(|id, _| self.changed_entities.contains(id));
        changes.entities = entities.into_values().collect();
        // A message that was sent and read by this step never reaches the store.
        changes
            .sent
            .retain(|message| !self.consumed.contains(&message.number));
        let first = self.first_number;
        changes.consumed.retain(|number| *number < first);
        Finished {
            changes,
            notices: self.notices,
            touched: self.touched,
            next_number: self.next_number,
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    pub(crate) fn touch(&mut self, key: Key) {
        self.touched.push(key);
    }

    fn draft(&mut self, id: &str) -> Result<Option<&mut Draft>, StoreError> {
        if !self.instances.contains_key(id) {
            let Some(record) = self.store.instance(id)? else {
                return Ok(None);
            };
            self.instances
                .insert(id.to_owned(), Draft::unchanged(record));
        }
        Ok(self.instances.get_mut(id))
    }

    pub(crate) fn instance(&mut self, id: &str) -> Result<Option<&InstanceRecord>, StoreError> {
        Ok(self.draft(id)?.map(|draft| &draft.change.record))
    }

    /// The instance, to be changed.
    pub(crate) fn edit(&mut self, id: &str) -> Result<Option<&mut InstanceChange>, StoreError> {
        Ok(self.draft(id)?.map(|draft| {
            draft.is_changed = true;
            &mut draft.change
        }))
    }

    pub(crate) fn is_running(&mut self, id: &str) -> Result<bool, StoreError> {
        let instance = self.instance(id)?;
        Ok(instance.is_some_and(|instance| !instance.status.is_terminal()))
    }

    pub(crate) fn change_entity(&mut self, id: &str) -> Option<&mut EntityRecord> {
        self.changed_entities.insert(id.to_owned());
        self.entities.get_mut(id)
    }

    /// The messages that wait for `target`, lowest number first.
    pub(crate) fn inbox(&mut self, target: &str) -> Result<Vec<Message>, StoreError> {
        let mut inbox = self.store.inbox(target)?;
        // A turn can send to thousands of instances and read the inbox of each.
        for (place, message) in self.changes.sent.iter().enumerate().skip(self.indexed) {
            match self.sent_to.get_mut(&message.target) {
                Some(places) => places.push(place),
                None => {
                    self.sent_to.insert(message.target.clone(), vec![place]);
                }
            }
        }
        self.indexed = self.changes.sent.len();
        let sent = self.sent_to.get(target).into_iter().flatten();
        inbox.extend(
            sent.filter_map(|place| self.changes.sent.get(*place))
                .cloned(),
        );
        inbox.retain(|message| !self.consumed.contains(&message.number));
        Ok(inbox)
    }

    /// Removes a message.
    pub(crate) fn consume(&mut self, number: u64) {
        if self.consumed.insert(number) {
            self.changes.consumed.push(number);
        }
    }

    /// Puts a message into an inbox, whatever state the target is in.
    pub(crate) fn send(&mut self, target: &str, execution: Option<String>, body: Bytes) -> u64 {
        let number = self.number();
        self.changes.sent.push(Message {
            number,
            target: target.to_owned(),
            execution,
            body,
        });
        self.touch(Key::of_target(target));
        number
    }

    /// Sends an event to an instance. `execution` is the one that it is for; `None` for the current one.
    pub(crate) fn deliver(
        &mut self,
        target: &str,
        execution: Option<String>,
        event: &HistoryEvent,
    ) -> Result<Delivery, StoreError> {
        self.deliver_encoded(target, execution, history::encode(event))
    }

    pub(crate) fn deliver_encoded(
        &mut self,
        target: &str,
        execution: Option<String>,
        body: Bytes,
    ) -> Result<Delivery, StoreError> {
        let Some(instance) = self.instance(target)? else {
            return Ok(Err(Undelivered::Unknown));
        };
        let is_current = execution
            .as_ref()
            .is_none_or(|execution| *execution == instance.execution);
        if instance.has_ended() || !is_current {
            return Ok(Err(Undelivered::Ended(instance.status)));
        }
        self.send(target, execution, body);
        Ok(Ok(()))
    }

    /// Sends a message at `due`.
    pub(crate) fn set_timer(
        &mut self,
        due: Timestamp,
        target: &str,
        execution: Option<String>,
        body: Bytes,
    ) {
        let number = self.number();
        self.changes.timers.push(Timer {
            due,
            message: Message {
                number,
                target: target.to_owned(),
                execution,
                body,
            },
        });
    }

    /// Starts an execution under `id`, unless an instance exists whose status `blocks`. `start` must name the
    /// execution.
    pub(crate) fn start(
        &mut self,
        id: &str,
        start: ExecutionStartedEvent,
        blocks: &dyn Fn(OrchestrationStatus) -> bool,
    ) -> Result<bool, StoreError> {
        let mut record = InstanceRecord::new(id, &start, self.now);
        let mut replaces = false;
        if let Some(old) = self.instance(id)? {
            if blocks(old.status) {
                return Ok(false);
            }
            replaces = true;
            record.earlier = old.earlier.max(old.history);
            let execution = old.execution.clone();
            self.cancel_timers(id, execution);
            for message in self.inbox(id)? {
                self.consume(message.number);
            }
        }
        let due = start
            .scheduled_start_timestamp
            .map(Timestamp::from)
            .filter(|due| *due > self.now);
        let input = start.input.clone();
        let event = events::host_event(self.now, EventType::ExecutionStarted(Box::new(start)));
        let execution = Some(record.execution.clone());
        let body = history::encode(&event);
        match due {
            Some(due) => self.set_timer(due, id, execution, body),
            None => {
                record.phase = Phase::Begun;
                self.send(id, execution, body);
            }
        }
        self.instances.insert(
            id.to_owned(),
            Draft {
                change: InstanceChange {
                    record,
                    input: Payload::Set(input),
                    output: Payload::Set(None),
                    history: HistoryChange {
                        cleared: replaces,
                        ..HistoryChange::default()
                    },
                },
                is_changed: true,
            },
        );
        Ok(true)
    }

    pub(crate) fn cancel_timers(&mut self, target: &str, execution: String) {
        self.changes.cancelled.push(CancelledTimers {
            target: target.to_owned(),
            execution,
        });
    }

    /// Ends the execution of an instance. External events that were not read are reported; results that come
    /// too late are normal.
    pub(crate) fn end(
        &mut self,
        id: &str,
        status: OrchestrationStatus,
        output: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.now;
        if let Some(change) = self.edit(id)? {
            change.record.phase = Phase::Ended;
            change.record.status = status;
            change.record.updated = now;
            change.output = Payload::Set(output);
            let execution = change.record.execution.clone();
            // A failed execution can be rewound, so its timers stay.
            if status != OrchestrationStatus::Failed {
                self.cancel_timers(id, execution);
            }
        }
        for message in self.inbox(id)? {
            self.consume(message.number);
            if history::kind(&message.body) == Kind::EventRaised
                && let Some(EventType::EventRaised(event)) =
                    history::decode(&message.body).event_type
            {
                self.notice(Notice::EventUnread {
                    instance: id.to_owned(),
                    event: event.name,
                });
            }
        }
        Ok(())
    }
}

impl Draft {
    fn unchanged(record: InstanceRecord) -> Self {
        Self {
            change: InstanceChange {
                record,
                input: Payload::Keep,
                output: Payload::Keep,
                history: HistoryChange::default(),
            },
            is_changed: false,
        }
    }
}

impl InstanceChange {
    /// Appends events to the history.
    pub(crate) fn append(&mut self, events: impl IntoIterator<Item = Bytes>) {
        let before = self.history.appended.len();
        self.history.appended.extend(events);
        self.record.history += (self.history.appended.len() - before) as u64;
    }

    /// Begins the history of a new execution.
    pub(crate) fn clear_history(&mut self) {
        self.record.history = 0;
        self.history = HistoryChange {
            cleared: true,
            ..HistoryChange::default()
        };
    }
}
