//! Histories that were rewound.
//!
//! When a client rewinds a failed instance, the host replaces what failed in the stored history by
//! generic events (each `TaskFailed` with its `TaskScheduled`, and the end of the execution) and asks
//! for another turn. From the first failure on, the code then takes another path than before, while
//! the history still holds the actions of the old path. What was open when the instance failed stays
//! open, because the host throws away what arrives for an instance that is Failed.
//!
//! Ids distinguish the paths. An action's id is its number, counted from 0, plus its *epoch* in the
//! upper bits. The epoch of the code is 0 at first. A new one begins when the history shows an action
//! that the code does not do: from there on, the history's actions of older epochs belong to a path
//! that was left, and the code asks for its actions in the new epoch. In the first turn after a rewind,
//! what is open is asked for again in one more epoch; the first answer of any of them counts.
//!
//! Invariant: all this is read from the history alone, so that a kept instance and every replay agree,
//! also past a second rewind. A history without generic events never comes here.
//!
//! Kind and name decide whether the code does what the history shows, as in every replay, and where
//! the history shows more (the time of a timer, the id of a child, a request to an entity), that as
//! well. It shows no inputs of activities, so that nothing is taken from a turn in which a path was left
//! and in which one call could stand for another of its name.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::entity_message::RELEASE;
use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};

use super::State;
use super::action_id::{LAST_EPOCH, parts, wire_id};
use super::kind::SlotKind;
use super::slot::Outcome;
use crate::engine::entities;
use crate::wire::{Event, EventKind, Request, WireError};
use crate::{Failure, error_type};

/// Hosts cut the times of timers, .NET to 100 ns.
const SAME_TIME: Duration = Duration::from_millis(1);

/// What is known of a history that was rewound.
#[derive(Debug)]
pub(in crate::engine) struct Rewound {
    /// How many generic events the whole history has, how many its past has, and how many were
    /// applied.
    total: usize,
    past: usize,
    seen: usize,
    /// The highest epoch so far.
    newest: u8,
    /// In the first turn after a rewind: what was asked for, to ask for it again.
    issued: Option<BTreeMap<usize, Issued>>,
    /// The children of the whole history, also of paths that were left, by the ids of their actions.
    children: BTreeMap<i32, Child>,
    /// Actions that the history seems to hold, confirmed since the turn began by kind and name alone. If
    /// the path turns out to be left in this turn, they may be others: see [`State::take_uncertain`].
    uncertain: Vec<OrchestratorAction>,
}

#[derive(Debug, PartialEq)]
struct Child {
    name: String,
    instance_id: String,
}

/// An action that the history holds.
#[derive(Debug)]
struct Issued {
    action: Option<OrchestratorActionType>,
    /// How many generic events came before it. A rewind puts one after everything that it undoes.
    seen: usize,
}

impl Rewound {
    /// `None` for a history without generic events. `total` is their number.
    pub(in crate::engine) fn of(request: &Request<'_>, total: usize) -> Option<Box<Self>> {
        if total == 0 {
            return None;
        }
        let (past, new) = request.events.split_at_checked(request.past)?;
        let generic = |kind| kind == EventKind::Generic;
        // The parent of a failed child gets no message, but the last event of its past is the end of its
        // execution.
        let reopened = past
            .iter()
            .rev()
            .find(|event| event.kind != EventKind::Other)
            .is_some_and(|event| generic(event.kind) && event.id >= 0);
        let first_turn = reopened || new.iter().any(|event| generic(event.kind));
        Some(Box::new(Rewound {
            total,
            past: past.iter().filter(|event| generic(event.kind)).count(),
            seen: 0,
            newest: 0,
            issued: first_turn.then(BTreeMap::new),
            children: BTreeMap::new(),
            uncertain: Vec::new(),
        }))
    }

    /// A rewind puts generic events where something failed, and one after everything that it undid.
    fn explains_another_path(&self) -> bool {
        self.seen > 0 && self.seen < self.total
    }

    /// A turn begins in the history.
    pub(super) fn turn_begins(&mut self) {
        self.uncertain.clear();
    }

    /// The history holds an action of the kind and the name of `action`.
    pub(super) fn seems_confirmed(&mut self, action: &OrchestratorAction) {
        let by_name_alone = matches!(
            action.orchestrator_action_type,
            Some(
                OrchestratorActionType::ScheduleTask(_)
                    | OrchestratorActionType::CreateSubOrchestration(_)
            )
        );
        if by_name_alone && self.explains_another_path() {
            self.uncertain.push(action.clone());
        }
    }

    /// The history does not hold these actions after all.
    fn not_confirmed(&mut self, actions: &[OrchestratorAction]) {
        if let Some(issued) = &mut self.issued {
            for (_, number) in actions.iter().filter_map(|action| parts(action.id)) {
                issued.remove(&number);
            }
        }
    }

    /// The history holds an action that the code asked for.
    pub(in crate::engine) fn confirmed(
        &mut self,
        number: usize,
        action: Option<OrchestratorActionType>,
    ) {
        let seen = self.seen;
        if let Some(issued) = &mut self.issued {
            let entry = issued
                .entry(number)
                .or_insert(Issued { action: None, seen });
            entry.seen = seen;
            entry.action = action.or(entry.action.take());
        }
    }
}

/// An action of the history that the code does not do.
pub(in crate::engine) struct Unexpected<'a> {
    pub(in crate::engine) epoch: u8,
    pub(in crate::engine) number: usize,
    pub(in crate::engine) kind: SlotKind,
    pub(in crate::engine) name: &'a str,
    pub(in crate::engine) target: Option<&'a str>,
    /// Whether the code did the same under that number, in another epoch.
    pub(in crate::engine) same: bool,
}

impl State {
    /// Whether the history was rewound.
    pub(in crate::engine) fn is_rewound(&self) -> bool {
        self.rewound.is_some()
    }

    /// A generic event was applied.
    pub(in crate::engine) fn generic_event(&mut self) {
        if let Some(rewound) = &mut self.rewound {
            rewound.seen += 1;
        }
    }

    /// Whether an action of the history is another than the one that the code asks for under its id, by
    /// what the history shows of it beside kind and name. Notes children.
    #[cold]
    pub(in crate::engine) fn is_another(
        &mut self,
        event: &Event<'_>,
        kind: SlotKind,
    ) -> Result<bool, WireError> {
        let Some(rewound) = self.rewound.as_deref_mut() else {
            return Ok(false);
        };
        if kind == SlotKind::SubOrchestration {
            let child = Child {
                name: event.name()?.to_owned(),
                instance_id: event.target()?.to_owned(),
            };
            rewound.children.insert(event.id, child);
        }
        if !rewound.explains_another_path() {
            return Ok(false);
        }
        let Some(asked) = self.actions.asked(event.id) else {
            return Ok(false);
        };
        Ok(match (kind, asked) {
            (SlotKind::Timer, OrchestratorActionType::CreateTimer(timer)) => {
                match (event.fire_at()?, timer.fire_at.as_ref()) {
                    (Some(shown), Some(asked)) => !is_same_time(shown, (*asked).into()),
                    _ => false,
                }
            }
            (SlotKind::SubOrchestration, OrchestratorActionType::CreateSubOrchestration(child)) => {
                child.instance_id != event.target()?
            }
            (SlotKind::SendEvent, OrchestratorActionType::SendEvent(sent))
                if event.target()?.starts_with('@') =>
            {
                match (event.sent()?, &sent.data) {
                    (Some(shown), Some(asked)) => entities::is_another_request(shown, asked),
                    _ => false,
                }
            }
            _ => false,
        })
    }

    /// The actions that started the same child as the action `id`, also those of a path that was left. A
    /// child with an id that the user chose is one instance for all of them, and a rewind continues the
    /// last.
    #[cold]
    pub(in crate::engine) fn same_child(&self, id: i32) -> Option<Vec<i32>> {
        let children = &self.rewound.as_deref()?.children;
        let child = children.get(&id)?;
        let same = children
            .iter()
            .filter(|(_, other)| *other == child)
            .map(|(id, _)| *id);
        Some(same.collect())
    }

    /// Whether a rewind is the reason why the history shows an action that the code does not do. If
    /// it is, the code goes on in a new epoch.
    #[cold]
    pub(in crate::engine) fn explained_by_rewind(&mut self, action: &Unexpected<'_>) -> bool {
        let Some(rewound) = self.rewound.as_deref_mut() else {
            return false;
        };
        rewound.newest = rewound.newest.max(action.epoch);
        if action.same
            && action.epoch > self.actions.epoch()
            && let Some(slot) = self.actions.get_mut(action.number)
            && slot.until < action.epoch
        {
            // Asked for again after a rewind. What is asked for under the number was undone by a later
            // rewind, because it failed.
            slot.until = action.epoch;
            let undone = self.actions.withdraw(action.number);
            rewound.confirmed(action.number, undone);
            return true;
        }
        if !rewound.explains_another_path() {
            return false;
        }
        if action.epoch >= self.actions.epoch() {
            self.leave_path();
        }
        if action.kind == SlotKind::SendEvent
            && action.name == RELEASE
            && action.target.is_some_and(|target| self.locks(target))
        {
            self.cannot_rewind(
                "it held a lock of entities or waited for one when it failed, and gave it up with \
                 the failure, so that others may have changed the entities since",
            );
        }
        true
    }

    /// Begins a new epoch: what is not in the history yet is asked for under new ids, because the
    /// path that was left may have used the old ones.
    fn leave_path(&mut self) {
        let Some(epoch) = self.next_epoch() else {
            return;
        };
        let mut asked = self.actions.take_unconfirmed();
        asked.extend(self.take_uncertain());
        asked.make_contiguous().sort_by_key(|action| action.id);
        for action in &mut asked {
            let Some((_, number)) = parts(action.id) else {
                continue;
            };
            if self.awaits_entity(number) {
                // The message holds the id of the request, which the action's id is part of.
                self.cannot_rewind(
                    "it called or locked an entity at the moment at which it takes another path",
                );
            }
            if let Some(OrchestratorActionType::CreateSubOrchestration(child)) =
                &mut action.orchestrator_action_type
                && child.instance_id == self.child_instance_id(self.actions.epoch(), number)
            {
                child.instance_id = self.child_instance_id(epoch, number);
            }
            if let Some(slot) = self.actions.get_mut(number) {
                slot.since = epoch;
                slot.until = epoch;
            }
            action.id = wire_id(epoch, number);
        }
        self.actions.begin_epoch(epoch, asked);
    }

    /// A turn in which a failure was undone has fewer actions on the path that goes on: what the code did
    /// about the failure is missing. So the turn always shows that the path was left, at its last action at
    /// the latest, but until then an activity or a child can stand for another of its name.
    ///
    /// A child whose id the user has chosen is known by that id.
    fn take_uncertain(&mut self) -> Vec<OrchestratorAction> {
        let Some(rewound) = self.rewound.as_deref_mut() else {
            return Vec::new();
        };
        let mut uncertain = std::mem::take(&mut rewound.uncertain);
        uncertain.retain(|action| match &action.orchestrator_action_type {
            Some(OrchestratorActionType::CreateSubOrchestration(child)) => parts(action.id)
                .is_some_and(|(epoch, number)| {
                    child.instance_id == self.child_instance_id(epoch, number)
                }),
            _ => true,
        });
        if let Some(rewound) = self.rewound.as_deref_mut() {
            rewound.not_confirmed(&uncertain);
        }
        uncertain
    }

    fn next_epoch(&mut self) -> Option<u8> {
        let rewound = self.rewound.as_deref_mut()?;
        if rewound.newest >= LAST_EPOCH {
            self.cannot_rewind("it was rewound too often");
            return None;
        }
        rewound.newest += 1;
        Some(rewound.newest)
    }

    /// In the first turn after a rewind: asks again for the activities and timers that are open.
    /// `answered` are those whose answers wait for the end of a suspension.
    ///
    /// Gives the children that are open. They cannot be asked for again: the host does not start one under
    /// the same instance id, and under another id it would run twice.
    pub(in crate::engine) fn ask_again(&mut self, answered: &[i32]) -> Vec<usize> {
        let mut children = Vec::new();
        let Some(rewound) = self.rewound.as_deref_mut() else {
            return children;
        };
        let past = rewound.past;
        let Some(issued) = rewound.issued.take() else {
            return children;
        };
        let mut again = Vec::new();
        for (number, issued) in issued {
            // Asked for after the rewind, in an earlier turn.
            let is_fresh = past > 0 && issued.seen >= past;
            let Some(slot) = self.actions.get(number).filter(|_| !is_fresh) else {
                continue;
            };
            let Some(task) = self.actions.get(slot.owner as usize) else {
                continue;
            };
            // Retries go on whether or not they are awaited.
            let is_wanted = task.extra.is_some() || !matches!(task.outcome, Outcome::Forgotten);
            let is_answered = || {
                answered
                    .iter()
                    .filter_map(|id| parts(*id))
                    .any(|(_, n)| n == number)
            };
            if slot.ended || !task.outcome.is_open() || is_answered() {
                continue;
            }
            match slot.kind {
                SlotKind::Activity | SlotKind::Timer if is_wanted => {
                    again.push((number, issued.action));
                }
                SlotKind::SubOrchestration if is_wanted => children.push(number),
                SlotKind::SendEvent if self.awaits_entity(number) => self.cannot_rewind(
                    "it waited for the answer of an entity when it failed; that answer is lost, and \
                     asking again would run the operation twice",
                ),
                _ => {}
            }
        }
        if again.is_empty() {
            return children;
        }
        let Some(epoch) = self.next_epoch() else {
            return children;
        };
        for (number, action) in again {
            self.actions.ask_again(number, epoch, action);
        }
        children
    }

    fn cannot_rewind(&mut self, reason: &str) {
        let failure = Failure::new(
            error_type::CANNOT_REWIND,
            format!(
                "orchestrator '{}' cannot go on after the rewind: {reason}. Start a new instance",
                self.name()
            ),
        );
        self.leave_history(failure.non_retriable());
    }
}

fn is_same_time(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) < SAME_TIME
}
