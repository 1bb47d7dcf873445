//! Everything outside the orchestrator: which activity ends when and how, which events arrive, what
//! the user does. All of it follows from a list of numbers, so that a failing case can be repeated
//! and made smaller; the number 0 is always the simplest choice.

use durable_protocol::messages::{OrchestratorActionType, OrchestratorResponse};

use proptest::prelude::*;

use crate::oracle::history::{Batch, Delivery};
use crate::oracle::program::{Dialect, EVENTS, RETRIED_ACTIVITY, RETRIED_CHILD};

/// After so many turns the user terminates the instance.
const MOST_TURNS: usize = 40;

/// The numbers that everything follows from; 0 once they are used up.
#[derive(Clone)]
pub(crate) struct Choices(Vec<u16>);

pub(crate) fn choices() -> impl Strategy<Value = Choices> {
    prop::collection::vec(any::<u16>(), 0..400).prop_map(Choices)
}

impl std::fmt::Debug for Choices {
    /// On one line even in `{:#?}`, and without the zeros at its end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let used = self
            .0
            .iter()
            .rposition(|&choice| choice != 0)
            .map_or(0, |last| last + 1);
        write!(f, "{:?}", &self.0[..used])
    }
}

#[derive(Clone, Copy, Debug)]
struct Open {
    place: usize,
    kind: Kind,
    retried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Task,
    Child,
    Timer,
}

pub(crate) struct World {
    /// With activities of this crate among the others, whose results travel in an envelope.
    dialect: Dialect,
    choices: std::vec::IntoIter<u16>,
    open: Vec<Open>,
    /// What has ended and may be delivered once more.
    ended: Vec<Delivery>,
    /// How many actions this execution has asked for.
    places: usize,
    turns: usize,
    /// Whether the next turn is the first of an execution.
    first: bool,
    clock: i64,
    suspended: bool,
    next_event: usize,
}

impl World {
    pub(crate) fn new(dialect: Dialect, choices: Choices) -> Self {
        World {
            dialect,
            choices: choices.0.into_iter(),
            open: Vec::new(),
            ended: Vec::new(),
            places: 0,
            turns: 0,
            first: true,
            clock: 0,
            suspended: false,
            next_event: 0,
        }
    }

    /// One of `0..n`.
    pub(crate) fn pick(&mut self, n: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % n
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.pick(100) >= 100 - percent
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// How many actions this execution has asked for.
    pub(crate) fn places(&self) -> usize {
        self.places
    }

    /// What comes in the next turn.
    pub(crate) fn next_batch(&mut self) -> Batch {
        self.turns += 1;
        let first = std::mem::replace(&mut self.first, false);
        let mut deliveries = Vec::new();
        if self.turns > MOST_TURNS || (!first && self.chance(1)) {
            deliveries.push(Delivery::Terminate);
        } else if self.suspended {
            // The clock stands still while suspended: durabletask applies the turn's time late.
            if self.chance(30) {
                self.deliver_some(&mut deliveries);
            }
            if !self.chance(40) {
                deliveries.push(Delivery::Resume);
                self.suspended = false;
            }
            if !self.suspended && self.chance(30) {
                self.deliver_some(&mut deliveries);
            }
        } else {
            self.clock += i64::try_from(self.pick(5)).unwrap();
            if !first && self.chance(4) {
                // First in its turn: durabletask asks again for what a turn asked for before it was
                // suspended.
                deliveries.push(Delivery::Suspend);
                self.suspended = true;
            }
            if !first || self.chance(10) {
                self.deliver_some(&mut deliveries);
            }
        }
        Batch {
            clock: self.clock,
            deliveries,
        }
    }

    fn deliver_some(&mut self, deliveries: &mut Vec<Delivery>) {
        let more = [0, 0, 1, 2, 5, 40];
        for _ in 0..=more[self.pick(more.len())] {
            if self.chance(5) && !self.ended.is_empty() {
                let again = self.pick(self.ended.len());
                deliveries.push(self.ended[again].clone());
            }
            if self.chance(3) {
                deliveries.push(Delivery::UnknownTask { id: 5000 });
                deliveries.push(Delivery::UnknownTimer { id: -100 });
            }
            if self.open.is_empty() || self.chance(15) {
                deliveries.push(self.raise());
            } else {
                let index = self.pick(self.open.len());
                let open = self.open.remove(index);
                let delivery = self.end(open);
                if !open.retried {
                    self.ended.push(delivery.clone());
                }
                deliveries.push(delivery);
            }
        }
    }

    fn raise(&mut self) -> Delivery {
        // One after the other, so that no program waits without end.
        let name = EVENTS[self.next_event % EVENTS.len()];
        self.next_event += 1 + self.pick(2);
        Delivery::Raised {
            name: match self.pick(3) {
                0 => name.to_owned(),
                1 => name.to_uppercase(),
                _ => name.to_lowercase(),
            },
            payload: self.value(),
        }
    }

    fn end(&mut self, open: Open) -> Delivery {
        let place = open.place;
        let fails = self.chance(if open.retried { 60 } else { 20 });
        match open.kind {
            Kind::Timer => Delivery::TimerFired { place },
            Kind::Task if self.dialect == Dialect::Full && self.chance(40) => {
                let value = self.value().unwrap_or_else(|| "null".to_owned());
                let envelope = if fails {
                    format!(
                        r#"{{"activityFailure":{{"errorType":"Own","errorMessage":{value:?}}}}}"#
                    )
                } else {
                    format!(r#"{{"activityResult":{value}}}"#)
                };
                Delivery::TaskCompleted {
                    place,
                    result: Some(serde_json::Value::from(envelope).to_string()),
                }
            }
            Kind::Task if fails => Delivery::TaskFailed {
                place,
                message: format!("no luck at {place}"),
            },
            Kind::Task => Delivery::TaskCompleted {
                place,
                result: self.value(),
            },
            Kind::Child if fails => Delivery::ChildFailed {
                place,
                message: format!("no child at {place}"),
            },
            Kind::Child => Delivery::ChildCompleted {
                place,
                result: self.value(),
            },
        }
    }

    fn value(&mut self) -> Option<String> {
        match self.pick(12) {
            9 => None,
            10 => Some("\"text\"".to_owned()),
            11 => Some("{\"a\":[1,2.5,null]}".to_owned()),
            small => Some(small.to_string()),
        }
    }

    /// Learns what an answer asks for.
    pub(crate) fn observe(&mut self, answer: &OrchestratorResponse) {
        for action in &answer.actions {
            let (kind, retried) = match action.orchestrator_action_type.as_ref().unwrap() {
                OrchestratorActionType::ScheduleTask(task) => {
                    (Some(Kind::Task), task.name == RETRIED_ACTIVITY)
                }
                OrchestratorActionType::CreateSubOrchestration(child) => {
                    (Some(Kind::Child), child.name == RETRIED_CHILD)
                }
                OrchestratorActionType::CreateTimer(_) => (Some(Kind::Timer), false),
                OrchestratorActionType::CompleteOrchestration(_) => continue,
                _ => (None, false),
            };
            if let Some(kind) = kind {
                self.open.push(Open {
                    place: self.places,
                    kind,
                    retried,
                });
            }
            self.places += 1;
        }
    }

    /// A new execution of the instance: what is still open reports to the old one.
    pub(crate) fn continue_as_new(&mut self) {
        self.open.clear();
        self.ended.clear();
        self.places = 0;
        self.suspended = false;
        self.first = true;
    }
}
