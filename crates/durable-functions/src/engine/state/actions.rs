//! The actions of an execution: what the code asked for, in this order, and what of it the history
//! holds already.
//!
//! Invariant: the number of an action is its place in that order. An action that the history holds is
//! not asked for again.

use std::collections::VecDeque;

use durable_protocol::messages::{OrchestratorAction, OrchestratorActionType};

use super::action_id::{parts, wire_id};
use super::confirmed::Confirmed;
use super::kind::SlotKind;
use super::slot::{Extra, Outcome, Slot};
use crate::Failure;

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Actions {
    /// By number.
    slots: Vec<Slot>,
    /// What the history does not hold yet, by ascending id.
    unconfirmed: VecDeque<OrchestratorAction>,
    confirmed: Confirmed,
    /// The epoch of what the code asks for now; see [`super::rewind`].
    epoch: u8,
}

impl Actions {
    /// The actions of an execution whose history holds those of `confirmed`.
    pub(super) fn new(confirmed: Confirmed) -> Self {
        Actions {
            slots: Vec::with_capacity(confirmed.count() + 4),
            unconfirmed: VecDeque::new(),
            confirmed,
            epoch: 0,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    /// How many bytes they take.
    pub(super) fn weight(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    pub(super) fn epoch(&self) -> u8 {
        self.epoch
    }

    pub(super) fn get(&self, number: usize) -> Option<&Slot> {
        self.slots.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }

    /// Takes all slots: the execution is over.
    pub(super) fn take_slots(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.slots)
    }

    /// The id that the next action will have.
    pub(super) fn next_id(&self) -> i32 {
        wire_id(self.epoch, self.slots.len())
    }

    /// Whether the history holds the action `number` already.
    pub(super) fn is_confirmed(&self, number: usize) -> bool {
        self.confirmed.contains(number)
    }

    /// Takes the next number for an action of a task; a task's first action is its own owner.
    pub(super) fn add(
        &mut self,
        kind: SlotKind,
        name: &'static str,
        owner: Option<usize>,
    ) -> usize {
        let number = self.slots.len();
        self.slots.push(Slot {
            kind,
            // More actions than an `i32` counts do not fit into a history.
            owner: u32::try_from(owner.unwrap_or(number)).unwrap_or(u32::MAX),
            name,
            ended: false,
            since: self.epoch,
            until: self.epoch,
            outcome: Outcome::Open,
            waker: None,
            extra: None,
        });
        number
    }

    /// Takes the next number for an action that must not be sent: its task has failed, whatever the
    /// history holds.
    ///
    /// Only for what a replay decides in the same way. An input that cannot be written is not refused
    /// like this, because it is not written again once the history holds the action.
    pub(super) fn refuse(&mut self, kind: SlotKind, name: &str, failure: Failure) -> usize {
        let number = self.add(kind, "", None);
        self.refuse_added(number, name, failure);
        number
    }

    /// Refuses an action that has its number already.
    pub(super) fn refuse_added(&mut self, number: usize, name: &str, failure: Failure) {
        if let Some(slot) = self.slots.get_mut(number) {
            // Every action of the history has a name, so that none is the same as this one.
            slot.name = "";
            slot.extra = Some(Box::new(Extra::Refused {
                name: name.to_owned(),
                reason: failure.to_string(),
            }));
            slot.ended = true;
            slot.outcome = Outcome::Failed(Box::new(failure));
        }
    }

    /// Asks the host for the action `number`.
    pub(super) fn ask(&mut self, number: usize, action: OrchestratorActionType) {
        self.unconfirmed.push_back(OrchestratorAction {
            id: wire_id(self.epoch, number),
            orchestrator_action_type: Some(action),
        });
    }

    /// Asks the host once more for the action `number`, in a later epoch.
    pub(super) fn ask_again(
        &mut self,
        number: usize,
        epoch: u8,
        action: Option<OrchestratorActionType>,
    ) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.until = epoch;
        }
        self.unconfirmed.push_back(OrchestratorAction {
            id: wire_id(epoch, number),
            orchestrator_action_type: action,
        });
    }

    /// What the host has to be asked for.
    pub(crate) fn unconfirmed(&self) -> &VecDeque<OrchestratorAction> {
        &self.unconfirmed
    }

    /// The action that the host has to be asked for under this id.
    pub(super) fn asked(&self, id: i32) -> Option<&OrchestratorActionType> {
        let mut unconfirmed = self.unconfirmed.iter();
        let action = unconfirmed.find(|action| action.id == id)?;
        action.orchestrator_action_type.as_ref()
    }

    /// The action `number` that the host has to be asked for, to change it: one of the latest.
    pub(super) fn asked_mut(&mut self, number: usize) -> Option<&mut OrchestratorActionType> {
        let mut latest_first = self.unconfirmed.iter_mut().rev();
        let action = latest_first
            .find(|action| parts(action.id).is_some_and(|(_, asked)| asked == number))?;
        action.orchestrator_action_type.as_mut()
    }

    /// The history holds the action with this id: it is no longer asked for.
    pub(super) fn confirm(&mut self, id: i32) -> Option<OrchestratorAction> {
        if self
            .unconfirmed
            .front()
            .is_some_and(|action| action.id == id)
        {
            return self.unconfirmed.pop_front();
        }
        let index = self
            .unconfirmed
            .binary_search_by_key(&id, |action| action.id)
            .ok()?;
        self.unconfirmed.remove(index)
    }

    /// The action `number` is no longer asked for, under whatever id.
    pub(super) fn withdraw(&mut self, number: usize) -> Option<OrchestratorActionType> {
        let index = self
            .unconfirmed
            .iter()
            .position(|action| parts(action.id).is_some_and(|(_, asked)| asked == number))?;
        self.unconfirmed.remove(index)?.orchestrator_action_type
    }

    /// The host has stored what was asked for.
    pub(super) fn confirm_all(&mut self) {
        self.unconfirmed.clear();
    }

    /// What the code asks for from here on is asked for whatever the history holds.
    pub(super) fn forget_history(&mut self) {
        self.confirmed = Confirmed::default();
    }

    /// Begins an epoch, and asks in it for what the history does not hold yet.
    pub(super) fn begin_epoch(&mut self, epoch: u8, asked: VecDeque<OrchestratorAction>) {
        self.epoch = epoch;
        self.unconfirmed = asked;
    }

    /// Takes what the host has to be asked for, to change it for another epoch.
    pub(super) fn take_unconfirmed(&mut self) -> VecDeque<OrchestratorAction> {
        std::mem::take(&mut self.unconfirmed)
    }

    /// The name of an action in messages, for example `activity 'copy' (#3)`.
    pub(super) fn describe(&self, number: usize) -> String {
        match self.slots.get(number) {
            Some(slot) => match (slot.extra.as_deref(), slot.name) {
                (Some(Extra::Sent { name, target }), _) => {
                    format!("event '{name}' to '{target}' (#{number})")
                }
                (Some(Extra::Refused { name, .. }), _) => {
                    format!("{} '{name}' (#{number})", slot.kind.noun())
                }
                (_, "") => format!("{} (#{number})", slot.kind.noun()),
                (_, name) => format!("{} '{name}' (#{number})", slot.kind.noun()),
            },
            None => format!("task #{number}"),
        }
    }
}
