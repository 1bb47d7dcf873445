//! Comparing what the code did with what the history says.
//!
//! Only what the code *scheduled* is compared: kind and name, never inputs. Completions of unknown
//! actions are ignored, because hosts deliver duplicates and results of forgotten work.

use super::State;
use super::action_id;
use super::kind::SlotKind;
use super::rewind::Unexpected;
use super::slot::Extra;
use crate::name::same_name;
use crate::{Failure, error_type};

impl State {
    /// The usual case of [`confirm`](Self::confirm), in which the code did exactly the same;
    /// false for every other.
    pub(in crate::engine) fn confirm_same(&mut self, id: i32, kind: SlotKind, name: &[u8]) -> bool {
        let Ok(number) = usize::try_from(id) else {
            return false;
        };
        let same = self.actions.get(number).is_some_and(|slot| {
            slot.kind == kind && slot.since == 0 && slot.name.as_bytes() == name
        });
        if same {
            self.confirmed(id, number);
        }
        same
    }

    /// The history says that action `id` was scheduled: the code must have done the same. `is_another`
    /// says that it has not, whatever kind and name are.
    pub(in crate::engine) fn confirm(
        &mut self,
        id: i32,
        kind: SlotKind,
        name: &str,
        target: Option<&str>,
        is_another: bool,
    ) {
        let Some((epoch, number)) = action_id::parts(id) else {
            // Not ours. The host marks a history that it stored in parts with a timer -100.
            if kind != SlotKind::Timer {
                self.leave_history(differs(
                    self,
                    id,
                    kind,
                    name,
                    target,
                    "nothing with that number",
                ));
            }
            return;
        };
        let slot = self.actions.get(number);
        let same = slot.is_some_and(|slot| {
            slot.kind == kind
                && !is_another
                && match slot.extra.as_deref() {
                    Some(Extra::Sent {
                        name: event,
                        target: instance,
                    }) => same_name(event, name) && target == Some(instance),
                    Some(Extra::Refused { .. }) => false,
                    _ => same_name(slot.name, name),
                }
        });
        if same && slot.is_some_and(|slot| slot.was_asked_for_in(epoch)) {
            self.confirmed(id, number);
            return;
        }
        let mut done = match slot {
            Some(_) => self.describe(number),
            None => "nothing more".to_owned(),
        };
        if let Some(Extra::Refused { reason, .. }) = slot.and_then(|slot| slot.extra.as_deref()) {
            done = format!("{done}, which is refused ({reason})");
        }
        let unexpected = Unexpected {
            epoch,
            number,
            kind,
            name,
            target,
            same,
        };
        if !self.explained_by_rewind(&unexpected) {
            self.leave_history(differs(self, id, kind, name, target, &done));
        }
    }

    /// The history holds an action that the code asked for.
    fn confirmed(&mut self, id: i32, number: usize) {
        if let Some(action) = self.actions.confirm(id)
            && let Some(rewound) = &mut self.rewound
        {
            rewound.seems_confirmed(&action);
            rewound.confirmed(number, action.orchestrator_action_type);
        }
    }
}

fn differs(
    state: &State,
    id: i32,
    kind: SlotKind,
    name: &str,
    target: Option<&str>,
    done: &str,
) -> Failure {
    let noun = kind.noun();
    let quoted = match target {
        _ if name.is_empty() => String::new(),
        Some(target) => format!(" '{name}' to '{target}'"),
        None => format!(" '{name}'"),
    };
    Failure::new(
        error_type::NON_DETERMINISM,
        format!(
            "orchestrator '{}' no longer does what its history says: action #{id} was {noun}{quoted}, \
             but the code now asks for {done}. Either the code was changed while instances were \
             running (let them finish first, or give the new code a new name), or it depends on \
             something that changes from one replay to the next (the clock, random numbers, the \
             order of a HashMap, the environment): take such values from the context or from an \
             activity",
            state.name()
        ),
    )
    .non_retriable()
}
