//! The history of one execution as a host keeps it for one engine.
//!
//! Engines number their actions differently (from 0 or from 1, with a new number for a retry or
//! without). A [`Delivery`] therefore names an action by its *place*: how many actions the execution
//! asked for before it. Each [`History`] knows which id its engine gave to which place.

use durable_protocol::messages::{
    EventRaisedEvent, EventType, ExecutionTerminatedEvent, HistoryEvent, OrchestratorRequest,
    OrchestratorResponse, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceFailedEvent, TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails,
    TimerFiredEvent,
};

use crate::support::stored::{self, confirmation, event};

/// Something that the host delivers to an execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Delivery {
    TaskCompleted {
        place: usize,
        result: Option<String>,
    },
    TaskFailed {
        place: usize,
        message: String,
    },
    ChildCompleted {
        place: usize,
        result: Option<String>,
    },
    ChildFailed {
        place: usize,
        message: String,
    },
    TimerFired {
        place: usize,
    },
    Raised {
        name: String,
        payload: Option<String>,
    },
    /// The end of a task that the program did not start.
    UnknownTask {
        id: i32,
    },
    UnknownTimer {
        id: i32,
    },
    Suspend,
    Resume,
    Terminate,
}

/// What comes in one turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    /// Seconds since [`START`](crate::support::START).
    pub(crate) clock: i64,
    pub(crate) deliveries: Vec<Delivery>,
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    generation: u64,
    pub(crate) past: Vec<HistoryEvent>,
    /// The id of the action at each place.
    ids: Vec<i32>,
    /// What precedes the deliveries of the first turn.
    opening: Vec<HistoryEvent>,
}

impl History {
    /// A new execution; `carried` are the events that the one before passes on.
    pub(crate) fn new(generation: u64, carried: Vec<HistoryEvent>) -> Self {
        let (input, execution) = (generation.to_string(), format!("e{generation}"));
        let mut opening = vec![stored::execution_started(
            "program",
            Some(&input),
            &execution,
        )];
        opening.extend(carried);
        if generation > 0 {
            // As the extension does after a continue-as-new.
            opening.push(stored::turn_ended(0));
        }
        History {
            generation,
            past: Vec::new(),
            ids: Vec::new(),
            opening,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The request that brings `batch`.
    pub(crate) fn request(&self, batch: &Batch) -> OrchestratorRequest {
        let mut messages = Vec::new();
        if self.past.is_empty() {
            messages.extend(self.opening.iter().cloned());
        }
        let deliveries = batch.deliveries.iter();
        messages.extend(deliveries.map(|delivery| self.event(delivery, batch.clock)));
        stored::request(&self.past, messages, batch.clock)
    }

    /// Stores a turn: its new events, then what the answer asked for.
    pub(crate) fn store(&mut self, request: OrchestratorRequest, answer: &OrchestratorResponse) {
        self.past.extend(request.new_events);
        for action in &answer.actions {
            if let Some(confirmation) = confirmation(action) {
                self.ids.push(action.id);
                self.past.push(event(action.id, confirmation, 0));
            }
        }
        self.past.push(stored::turn_ended(0));
    }

    /// The confirmation of the action at `place`, to be tampered with.
    pub(crate) fn confirmation_mut(&mut self, place: usize) -> &mut HistoryEvent {
        // With re-used ids, the last one of that id is the one whose turn comes.
        let id = self.ids[place];
        self.past
            .iter_mut()
            .rfind(|event| event.event_id == id)
            .unwrap()
    }

    fn event(&self, delivery: &Delivery, clock: i64) -> HistoryEvent {
        let failure = |message: &str| {
            Some(TaskFailureDetails {
                error_type: "Broken".to_owned(),
                error_message: message.to_owned(),
                ..Default::default()
            })
        };
        let kind = match delivery {
            Delivery::TaskCompleted { place, result } => {
                EventType::TaskCompleted(TaskCompletedEvent {
                    task_scheduled_id: self.ids[*place],
                    result: result.clone(),
                })
            }
            Delivery::TaskFailed { place, message } => {
                EventType::TaskFailed(Box::new(TaskFailedEvent {
                    task_scheduled_id: self.ids[*place],
                    failure_details: failure(message),
                }))
            }
            Delivery::ChildCompleted { place, result } => {
                EventType::SubOrchestrationInstanceCompleted(
                    SubOrchestrationInstanceCompletedEvent {
                        task_scheduled_id: self.ids[*place],
                        result: result.clone(),
                    },
                )
            }
            Delivery::ChildFailed { place, message } => EventType::SubOrchestrationInstanceFailed(
                Box::new(SubOrchestrationInstanceFailedEvent {
                    task_scheduled_id: self.ids[*place],
                    failure_details: failure(message),
                }),
            ),
            Delivery::TimerFired { place } => EventType::TimerFired(TimerFiredEvent {
                timer_id: self.ids[*place],
                fire_at: self.fire_at(*place),
            }),
            Delivery::Raised { name, payload } => EventType::EventRaised(EventRaisedEvent {
                name: name.clone(),
                input: payload.clone(),
            }),
            Delivery::UnknownTask { id } => EventType::TaskCompleted(TaskCompletedEvent {
                task_scheduled_id: *id,
                result: Some("1".to_owned()),
            }),
            Delivery::UnknownTimer { id } => EventType::TimerFired(TimerFiredEvent {
                timer_id: *id,
                fire_at: None,
            }),
            Delivery::Suspend => EventType::ExecutionSuspended(Default::default()),
            Delivery::Resume => EventType::ExecutionResumed(Default::default()),
            Delivery::Terminate => EventType::ExecutionTerminated(ExecutionTerminatedEvent {
                input: Some("\"enough\"".to_owned()),
                recurse: false,
            }),
        };
        event(-1, kind, clock)
    }

    fn fire_at(&self, place: usize) -> Option<prost_types::Timestamp> {
        let id = self.ids[place];
        self.past.iter().find_map(|event| match &event.event_type {
            Some(EventType::TimerCreated(timer)) if event.event_id == id => timer.fire_at,
            _ => None,
        })
    }
}
