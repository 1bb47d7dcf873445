//! The tables of a memory store and what a step does to them.
//!
//! Invariant: each index holds exactly the rows of its table.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use durable_protocol::Timestamp;
use prost::bytes::Bytes;

use crate::changes::{Activity, Changes, EntityRecord, InstanceChange, Message, Payload, Timer};
use crate::instance::{InstanceRecord, Payloads};
use crate::query::{EntityFilter, InstanceFilter, Page, PageRequest};
use crate::store::Waiting;

#[derive(Clone, Debug)]
struct Row {
    record: InstanceRecord,
    payloads: Payloads,
    history: Vec<Bytes>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    instances: BTreeMap<String, Row>,
    entities: BTreeMap<String, EntityRecord>,
    /// The messages of each target that has any, lowest number first.
    inboxes: HashMap<Arc<str>, VecDeque<Message>>,
    /// The target of each message.
    targets: HashMap<u64, Arc<str>>,
    timers: BTreeMap<(Timestamp, u64), Timer>,
    /// When each timer is due.
    timer_dues: HashMap<u64, Timestamp>,
    /// The numbers of the timers of each target that has any.
    timers_of: HashMap<String, BTreeSet<u64>>,
    activities: BTreeMap<u64, Activity>,
}

impl Tables {
    pub(super) fn instance(&self, id: &str) -> Option<InstanceRecord> {
        self.instances.get(id).map(|row| row.record.clone())
    }

    pub(super) fn payloads(&self, id: &str) -> Payloads {
        self.instances
            .get(id)
            .map(|row| row.payloads.clone())
            .unwrap_or_default()
    }

    pub(super) fn history(&self, id: &str) -> Vec<Bytes> {
        self.instances
            .get(id)
            .map(|row| row.history.clone())
            .unwrap_or_default()
    }

    pub(super) fn inbox(&self, target: &str) -> Vec<Message> {
        let inbox = self.inboxes.get(target);
        inbox.into_iter().flatten().cloned().collect()
    }

    pub(super) fn activity(&self, number: u64) -> Option<Activity> {
        self.activities.get(&number).cloned()
    }

    pub(super) fn entity(&self, id: &str) -> Option<EntityRecord> {
        self.entities.get(id).cloned()
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<Timer> {
        self.timers
            .values()
            .take_while(|timer| timer.due <= now)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Page<InstanceRecord> {
        page_of(&self.instances, &filter.prefix, page, |row| {
            filter
                .accepts(row.record.status, row.record.created)
                .then(|| row.record.clone())
        })
    }

    pub(super) fn entities(&self, filter: &EntityFilter, page: &PageRequest) -> Page<EntityRecord> {
        page_of(&self.entities, &filter.prefix, page, |entity| {
            filter
                .accepts(entity.state.is_some(), entity.modified)
                .then(|| entity.clone())
        })
    }

    pub(super) fn waiting(&self) -> Waiting {
        let messages = self.targets.keys();
        let mut targets: Vec<_> = self.inboxes.keys().map(|id| id.to_string()).collect();
        targets.sort_unstable();
        Waiting {
            targets,
            activities: self.activities.keys().copied().collect(),
            last_number: messages
                .chain(self.timer_dues.keys())
                .chain(self.activities.keys())
                .copied()
                .max()
                .unwrap_or_default(),
        }
    }

    pub(super) fn apply(&mut self, changes: Changes) {
        for id in &changes.purged {
            self.purge(id);
        }
        for cancelled in &changes.cancelled {
            for number in self.timer_numbers(&cancelled.target, Some(&cancelled.execution)) {
                self.remove_timer(number);
            }
        }
        for number in changes.fired {
            self.remove_timer(number);
        }
        for number in changes.consumed {
            self.remove_message(number);
        }
        for number in &changes.finished {
            self.activities.remove(number);
        }
        for change in changes.instances {
            self.change(change);
        }
        for entity in changes.entities {
            self.entities.insert(entity.id.clone(), entity);
        }
        for message in changes.sent {
            self.add_message(message);
        }
        for timer in changes.timers {
            let number = timer.message.number;
            let of = self.timers_of.entry(timer.message.target.clone());
            of.or_default().insert(number);
            self.timer_dues.insert(number, timer.due);
            self.timers.insert((timer.due, number), timer);
        }
        for activity in changes.scheduled {
            self.activities.insert(activity.number, activity);
        }
    }

    fn change(&mut self, change: InstanceChange) {
        let row = match self.instances.get_mut(&change.record.id) {
            Some(row) => row,
            None => self
                .instances
                .entry(change.record.id.clone())
                .or_insert_with(|| Row {
                    record: change.record.clone(),
                    payloads: Payloads::default(),
                    history: Vec::new(),
                }),
        };
        row.record = change.record;
        if let Payload::Set(input) = change.input {
            row.payloads.input = input;
        }
        if let Payload::Set(output) = change.output {
            row.payloads.output = output;
        }
        if change.history.cleared {
            row.history = Vec::new();
        }
        for (index, event) in change.history.replaced {
            let slot = usize::try_from(index)
                .ok()
                .and_then(|index| row.history.get_mut(index));
            if let Some(slot) = slot {
                *slot = event;
            }
        }
        row.history.extend(change.history.appended);
    }

    fn purge(&mut self, id: &str) {
        self.instances.remove(id);
        self.entities.remove(id);
        for message in self.inboxes.remove(id).into_iter().flatten() {
            self.targets.remove(&message.number);
        }
        for number in self.timer_numbers(id, None) {
            self.remove_timer(number);
        }
    }

    fn timer_numbers(&self, target: &str, execution: Option<&str>) -> Vec<u64> {
        let is_of = |number: &&u64| {
            let due = self.timer_dues.get(number);
            due.and_then(|due| self.timers.get(&(*due, **number)))
                .is_some_and(|timer| {
                    execution.is_none() || timer.message.execution.as_deref() == execution
                })
        };
        let numbers = self.timers_of.get(target).into_iter().flatten();
        numbers.filter(is_of).copied().collect()
    }

    fn remove_timer(&mut self, number: u64) {
        let Some(timer) = self
            .timer_dues
            .remove(&number)
            .and_then(|due| self.timers.remove(&(due, number)))
        else {
            return;
        };
        remove_from(&mut self.timers_of, &timer.message.target, number);
    }

    fn add_message(&mut self, message: Message) {
        let number = message.number;
        let target = match self.inboxes.get_key_value(message.target.as_str()) {
            Some((target, _)) => Arc::clone(target),
            None => message.target.as_str().into(),
        };
        let inbox = self.inboxes.entry(Arc::clone(&target)).or_default();
        // The hub gives rising numbers, so this is the end.
        let place = inbox.partition_point(|other| other.number < number);
        inbox.insert(place, message);
        self.targets.insert(number, target);
    }

    fn remove_message(&mut self, number: u64) {
        let Some(target) = self.targets.remove(&number) else {
            return;
        };
        let Some(inbox) = self.inboxes.get_mut(&target) else {
            return;
        };
        if let Ok(place) = inbox.binary_search_by_key(&number, |message| message.number) {
            inbox.remove(place);
        }
        if inbox.is_empty() {
            self.inboxes.remove(&target);
        }
    }
}

/// Removes a number from an index, and the entry with its last number.
fn remove_from(index: &mut HashMap<String, BTreeSet<u64>>, target: &str, number: u64) {
    if let Some(numbers) = index.get_mut(target) {
        numbers.remove(&number);
        if numbers.is_empty() {
            index.remove(target);
        }
    }
}

fn page_of<R, T>(
    table: &BTreeMap<String, R>,
    prefix: &str,
    page: &PageRequest,
    read: impl Fn(&R) -> Option<T>,
) -> Page<T> {
    let after = page.after.as_deref().filter(|after| *after >= prefix);
    let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
    let mut found = table
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(id, _)| id.starts_with(prefix))
        .filter_map(|(id, row)| read(row).map(|row| (id, row)));
    let mut rows = Vec::new();
    let mut last = None;
    for (id, row) in found.by_ref().take(page.limit) {
        rows.push(row);
        last = Some(id.clone());
    }
    Page {
        next: found.next().and(last),
        rows,
    }
}
