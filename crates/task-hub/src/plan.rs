//! From the actions of an answer to history events and effects.
//!
//! Invariant: nothing is carried out here. As on a real host, an answer with one bad action has no effect at
//! all. An action that would make a real host hang (a message that its queue cannot take, a child that cannot
//! be started) is refused, and the driver words why.

mod refused;

use std::collections::HashSet;
use std::iter::successors;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CompleteOrchestrationAction, ContinueAsNewEvent, CreateSubOrchestrationAction,
    CreateTimerAction, EventSentEvent, EventType, ExecutionCompletedEvent, HistoryEvent,
    OrchestrationInstance, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    ScheduleTaskAction, SendEventAction, SubOrchestrationInstanceCreatedEvent, TaskFailureDetails,
    TaskScheduledEvent, TimerCreatedEvent,
};
pub use refused::{Place, Refusal, Refused};

use crate::options::Limits;
use crate::store::StoreError;
use crate::{entity, events};

/// The turn whose actions are read.
pub(crate) struct Context<'a> {
    pub(crate) instance_id: &'a str,
    pub(crate) now: Timestamp,
    /// When it ends, its parent gets a message.
    pub(crate) has_parent: bool,
    pub(crate) limits: &'a Limits,
    /// Whether an instance with this id exists and has not ended.
    pub(crate) is_running: &'a mut dyn FnMut(&str) -> Result<bool, StoreError>,
}

/// Why there is no plan.
pub(crate) enum NoPlan {
    Refused(Refused),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// Why the reading of the actions stops.
enum Stop {
    Refusal(Refusal),
    Store(StoreError),
}

/// The result of reading the actions of one answer.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The action events, in the order of the actions.
    pub(crate) events: Vec<HistoryEvent>,
    pub(crate) effects: Vec<Effect>,
    /// The completion; of several, a real host takes the last one.
    pub(crate) completion: Option<Completion>,
}

/// Something that the step does after the turn.
#[derive(Debug)]
pub(crate) enum Effect {
    Activity {
        id: i32,
        task: Box<ScheduleTaskAction>,
    },
    Timer {
        id: i32,
        fire_at: Timestamp,
    },
    Child {
        id: i32,
        action: Box<CreateSubOrchestrationAction>,
    },
    Event {
        target: OrchestrationInstance,
        name: String,
        data: Option<String>,
    },
    Entity {
        id: String,
        message: entity::Message,
    },
}

/// The end of an execution.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) status: OrchestrationStatus,
    pub(crate) result: Option<String>,
    pub(crate) failure: Option<TaskFailureDetails>,
    pub(crate) new_version: Option<String>,
    /// Only external events can be carried over.
    pub(crate) carryover: Vec<HistoryEvent>,
}

/// Reads the actions of an answer.
///
/// # Errors
/// The answer is refused, or the store failed.
pub(crate) fn plan(actions: Vec<OrchestratorAction>, context: Context<'_>) -> Result<Plan, NoPlan> {
    let mut planner = Planner {
        context,
        plan: Plan::default(),
        children: HashSet::new(),
    };
    for action in actions {
        let behind_completion = planner.plan.completion.is_some();
        planner.action(action).map_err(|stop| match stop {
            Stop::Store(error) => NoPlan::Store(error),
            Stop::Refusal(refusal) => NoPlan::Refused(Refused {
                refusal,
                behind_completion,
            }),
        })?;
    }
    Ok(planner.plan)
}

struct Planner<'a> {
    context: Context<'a>,
    plan: Plan,
    /// The children of this answer.
    children: HashSet<String>,
}

impl Planner<'_> {
    fn action(&mut self, action: OrchestratorAction) -> Result<(), Stop> {
        let id = action.id;
        match action.orchestrator_action_type {
            Some(OrchestratorActionType::ScheduleTask(task)) => self.schedule_task(id, task)?,
            Some(OrchestratorActionType::CreateTimer(timer)) => self.create_timer(id, &timer)?,
            Some(OrchestratorActionType::CreateSubOrchestration(child)) => {
                self.create_child(id, child)?;
            }
            Some(OrchestratorActionType::SendEvent(event)) => self.send_event(id, *event)?,
            Some(OrchestratorActionType::CompleteOrchestration(end)) => self.complete(id, *end)?,
            Some(OrchestratorActionType::SendEntityMessage(action)) => {
                let message = action.entity_message_type.ok_or(Refusal::FieldMissing)?;
                let (target, name, data) = entity::from_action(message);
                let target = target.ok_or(Refusal::FieldMissing)?;
                self.send_to_entity(id, target, &name, Some(data))?;
            }
            Some(OrchestratorActionType::TerminateOrchestration(_)) => {
                return Err(Refusal::Unsupported("TerminateOrchestration").into());
            }
            Some(OrchestratorActionType::RewindOrchestration(_)) => {
                return Err(Refusal::Unsupported("RewindOrchestration").into());
            }
            None => return Err(Refusal::Unsupported("None").into()),
        }
        Ok(())
    }

    /// Refuses a text that a storage queue would refuse.
    fn sendable(&self, place: &dyn Fn() -> Place, text: &str) -> Result<(), Refusal> {
        match durable_protocol::nonchars::find(text) {
            Some(character) if !self.context.limits.noncharacters => Err(Refusal::Character {
                place: place(),
                character,
            }),
            _ => Ok(()),
        }
    }

    fn is_too_far(&self, time: Timestamp) -> bool {
        let longest = self.context.limits.longest_timer;
        longest.is_some_and(|longest| time.since(self.context.now) > longest)
    }

    fn record(&mut self, id: i32, kind: EventType) {
        self.plan
            .events
            .push(events::event(id, self.context.now, kind));
    }

    fn schedule_task(&mut self, id: i32, task: Box<ScheduleTaskAction>) -> Result<(), Refusal> {
        self.sendable(&|| Place::ActivityName, &task.name)?;
        let input = task.input.as_deref().unwrap_or_default();
        self.sendable(&|| Place::ActivityInput(task.name.clone()), input)?;
        // Without the input: by default, a real host leaves it out of the history.
        self.record(
            id,
            EventType::TaskScheduled(Box::new(TaskScheduledEvent {
                name: task.name.clone(),
                version: task.version.clone(),
                tags: task.tags.clone(),
                ..TaskScheduledEvent::default()
            })),
        );
        self.plan.effects.push(Effect::Activity { id, task });
        Ok(())
    }

    fn create_timer(&mut self, id: i32, timer: &CreateTimerAction) -> Result<(), Refusal> {
        let fire_at = timer.fire_at.ok_or(Refusal::FieldMissing)?;
        let fire_at = Timestamp::from(fire_at).in_ticks();
        if self.is_too_far(fire_at) {
            return Err(Refusal::TimerTooFar);
        }
        self.record(
            id,
            EventType::TimerCreated(TimerCreatedEvent {
                fire_at: Some(fire_at.into()),
            }),
        );
        self.plan.effects.push(Effect::Timer { id, fire_at });
        Ok(())
    }

    fn create_child(
        &mut self,
        id: i32,
        child: Box<CreateSubOrchestrationAction>,
    ) -> Result<(), Stop> {
        if child.instance_id.is_empty() {
            return Err(Refusal::ChildWithoutId { name: child.name }.into());
        }
        if entity::is_entity(&child.instance_id) {
            let id = child.instance_id;
            return Err(Refusal::ChildWithEntityId { id }.into());
        }
        self.sendable(&|| Place::ChildId, &child.instance_id)?;
        self.sendable(&|| Place::ChildName, &child.name)?;
        let input = child.input.as_deref().unwrap_or_default();
        self.sendable(&|| Place::ChildInput(child.name.clone()), input)?;
        let taken = child.instance_id == self.context.instance_id
            || (self.context.is_running)(&child.instance_id)?
            || !self.children.insert(child.instance_id.clone());
        if taken {
            let id = child.instance_id;
            return Err(Refusal::ChildIdTaken { id }.into());
        }
        self.record(
            id,
            EventType::SubOrchestrationInstanceCreated(Box::new(
                SubOrchestrationInstanceCreatedEvent {
                    instance_id: child.instance_id.clone(),
                    name: child.name.clone(),
                    version: child.version.clone(),
                    ..SubOrchestrationInstanceCreatedEvent::default()
                },
            )),
        );
        self.plan.effects.push(Effect::Child { id, action: child });
        Ok(())
    }

    fn send_event(&mut self, id: i32, action: SendEventAction) -> Result<(), Refusal> {
        let target = action.instance.ok_or(Refusal::FieldMissing)?;
        if entity::is_entity(&target.instance_id) {
            return self.send_to_entity(id, target.instance_id, &action.name, action.data);
        }
        self.sendable(&|| Place::EventName, &action.name)?;
        let data = action.data.as_deref().unwrap_or_default();
        self.sendable(&|| Place::EventData(action.name.clone()), data)?;
        self.record_sent(id, &target.instance_id, &action.name, action.data.as_ref());
        self.plan.effects.push(Effect::Event {
            target,
            name: action.name,
            data: action.data,
        });
        Ok(())
    }

    fn send_to_entity(
        &mut self,
        id: i32,
        target: String,
        name: &str,
        data: Option<String>,
    ) -> Result<(), Refusal> {
        if !entity::is_entity(&target) {
            let why = "its id does not begin with '@'".to_owned();
            return Err(Refusal::EntityMessage { target, why });
        }
        let text = data.as_deref().unwrap_or_default();
        self.sendable(&|| Place::EntityMessage(target.clone()), text)?;
        let message = match entity::read(name, data.as_deref()) {
            Ok(message) => message,
            Err(why) => return Err(Refusal::EntityMessage { target, why }),
        };
        if entity::delivery_time(name).is_some_and(|time| self.is_too_far(time)) {
            return Err(Refusal::SignalTooFar);
        }
        self.record_sent(id, &target, name, data.as_ref());
        self.plan.effects.push(Effect::Entity {
            id: target,
            message,
        });
        Ok(())
    }

    fn record_sent(&mut self, id: i32, target: &str, name: &str, data: Option<&String>) {
        self.record(
            id,
            EventType::EventSent(Box::new(EventSentEvent {
                instance_id: target.to_owned(),
                name: name.to_owned(),
                input: data.cloned(),
            })),
        );
    }

    fn complete(&mut self, id: i32, end: CompleteOrchestrationAction) -> Result<(), Refusal> {
        let status = end.orchestration_status();
        let known = OrchestrationStatus::try_from(end.orchestration_status).is_ok();
        if self.context.has_parent && status != OrchestrationStatus::ContinuedAsNew {
            let output = end.result.as_deref().unwrap_or_default();
            self.sendable(&|| Place::ChildOutput, output)?;
            for details in successors(end.failure_details.as_ref(), |it| {
                it.inner_failure.as_deref()
            }) {
                self.sendable(&|| Place::ChildFailure, &details.error_type)?;
                self.sendable(&|| Place::ChildFailure, &details.error_message)?;
            }
        }
        if status == OrchestrationStatus::ContinuedAsNew {
            self.record(
                id,
                EventType::ContinueAsNew(ContinueAsNewEvent {
                    input: end.result.clone(),
                }),
            );
        } else if status.is_terminal() {
            self.record(
                id,
                EventType::ExecutionCompleted(Box::new(ExecutionCompletedEvent {
                    orchestration_status: end.orchestration_status,
                    result: end.result.clone(),
                    failure_details: end.failure_details.clone(),
                })),
            );
        } else {
            let status = if known {
                status.as_str().to_owned()
            } else {
                end.orchestration_status.to_string()
            };
            return Err(Refusal::NotAnEnd { status });
        }
        self.plan.completion = Some(Completion {
            status,
            carryover: self.carryover(&end.carryover_events),
            result: end.result,
            failure: end.failure_details,
            new_version: end.new_version,
        });
        Ok(())
    }

    fn carryover(&self, events: &[HistoryEvent]) -> Vec<HistoryEvent> {
        events
            .iter()
            .filter_map(|event| match &event.event_type {
                Some(kind @ EventType::EventRaised(_)) => Some(events::event(
                    event.event_id,
                    self.context.now,
                    kind.clone(),
                )),
                _ => None,
            })
            .collect()
    }
}
