//! From the actions of an answer to history events and effects.
//!
//! Nothing is carried out here. As on a real host, an answer with one bad action has no effect at all. An
//! action that would make a real host hang (a message that its queue cannot take, a child that cannot be
//! started) is refused, with a message that says so.

mod refusal;

use std::collections::HashSet;
use std::iter::successors;
use std::time::Duration;

use durable_protocol::messages::{
    CompleteOrchestrationAction, ContinueAsNewEvent, CreateSubOrchestrationAction,
    CreateTimerAction, EventSentEvent, EventType, ExecutionCompletedEvent, HistoryEvent,
    OrchestrationInstance, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    ScheduleTaskAction, SendEventAction, SubOrchestrationInstanceCreatedEvent, TaskFailureDetails,
    TaskScheduledEvent, TimerCreatedEvent,
};
use prost_types::Timestamp;
use refusal::{Refusal, failure, null_reference, unsupported, worse};

use super::failure::HostFailure;
use super::{clock, entity, events, nonchars};

/// A storage queue hides a message for at most this long.
const LONGEST_TIMER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The turn whose actions are read.
pub(super) struct Context<'a> {
    pub(super) instance_id: &'a str,
    /// The orchestrator's name as the client spelled it.
    pub(super) name: &'a str,
    /// The function that was invoked.
    pub(super) folder: &'a str,
    pub(super) now: Timestamp,
    /// When it ends, its parent gets a message.
    pub(super) has_parent: bool,
    /// U+FFFE and U+FFFF are harmless.
    pub(super) base64_queue_messages: bool,
    /// Whether an instance with this id exists and has not ended.
    pub(super) is_running: &'a dyn Fn(&str) -> bool,
}

/// The result of reading the actions of one answer.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The action events, in the order of the actions.
    pub(super) events: Vec<HistoryEvent>,
    pub(super) effects: Vec<Effect>,
    /// The completion; of several, a real host takes the last one.
    pub(super) completion: Option<Completion>,
}

/// Something to do once the turn is persisted.
#[derive(Debug)]
pub(super) enum Effect {
    Activity {
        id: i32,
        name: String,
        input: Option<String>,
    },
    Timer {
        id: i32,
        created: Timestamp,
        fire_at: Timestamp,
    },
    Child {
        id: i32,
        action: Box<CreateSubOrchestrationAction>,
    },
    Event {
        target: OrchestrationInstance,
        event: HistoryEvent,
    },
    Entity {
        id: String,
        message: entity::Message,
    },
}

/// The end of an execution.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) status: OrchestrationStatus,
    pub(super) result: Option<String>,
    pub(super) failure: Option<TaskFailureDetails>,
    pub(super) new_version: Option<String>,
    /// Only external events can be carried over.
    pub(super) carryover: Vec<HistoryEvent>,
}

/// Reads the actions of an answer.
///
/// # Errors
/// The failure with which the instance ends.
pub(super) fn plan(
    actions: Vec<OrchestratorAction>,
    context: &Context<'_>,
) -> Result<Plan, HostFailure> {
    let mut planner = Planner {
        context,
        plan: Plan::default(),
        children: HashSet::new(),
    };
    for action in actions {
        let behind_completion = planner.plan.completion.is_some();
        if let Err(refusal) = planner.action(action) {
            return Err(failure(
                refusal,
                behind_completion,
                context.name,
                context.folder,
            ));
        }
    }
    Ok(planner.plan)
}

struct Planner<'a> {
    context: &'a Context<'a>,
    plan: Plan,
    /// The children of this answer.
    children: HashSet<String>,
}

impl Planner<'_> {
    fn action(&mut self, action: OrchestratorAction) -> Result<(), Refusal> {
        let id = action.id;
        match action.orchestrator_action_type {
            Some(OrchestratorActionType::ScheduleTask(task)) => self.schedule_task(id, *task),
            Some(OrchestratorActionType::CreateTimer(timer)) => self.create_timer(id, &timer),
            Some(OrchestratorActionType::CreateSubOrchestration(child)) => {
                self.create_child(id, child)
            }
            Some(OrchestratorActionType::SendEvent(event)) => self.send_event(id, *event),
            Some(OrchestratorActionType::CompleteOrchestration(end)) => self.complete(id, *end),
            Some(OrchestratorActionType::SendEntityMessage(action)) => {
                let message = action.entity_message_type.ok_or_else(null_reference)?;
                let (target, name, data) = entity::from_action(message);
                let target = target.ok_or_else(null_reference)?;
                self.send_to_entity(id, target, name, Some(data))
            }
            Some(OrchestratorActionType::TerminateOrchestration(_)) => {
                unsupported("TerminateOrchestration")
            }
            Some(OrchestratorActionType::RewindOrchestration(_)) => {
                unsupported("RewindOrchestration")
            }
            None => unsupported("None"),
        }
    }

    /// Refuses a text that a storage queue would refuse.
    fn sendable(&self, place: &dyn Fn() -> String, text: &str) -> Result<(), Refusal> {
        match durable_protocol::nonchars::find(text) {
            Some(name) if !self.context.base64_queue_messages => worse(
                format!("{} holds {name}.", place()),
                nonchars::REPEATED_TURN,
            ),
            _ => Ok(()),
        }
    }

    fn record(&mut self, id: i32, kind: EventType) {
        self.plan
            .events
            .push(events::event(id, self.context.now, kind));
    }

    fn schedule_task(&mut self, id: i32, task: ScheduleTaskAction) -> Result<(), Refusal> {
        self.sendable(&|| "the name of an activity".to_owned(), &task.name)?;
        let input = task.input.as_deref().unwrap_or_default();
        self.sendable(&|| format!("the input of activity '{}'", task.name), input)?;
        // Without the input: by default, a real host leaves it out of the history.
        self.record(
            id,
            EventType::TaskScheduled(Box::new(TaskScheduledEvent {
                name: task.name.clone(),
                version: task.version,
                tags: task.tags,
                ..TaskScheduledEvent::default()
            })),
        );
        self.plan.effects.push(Effect::Activity {
            id,
            name: task.name,
            input: task.input,
        });
        Ok(())
    }

    fn create_timer(&mut self, id: i32, timer: &CreateTimerAction) -> Result<(), Refusal> {
        let Some(fire_at) = timer.fire_at else {
            return Err(null_reference());
        };
        let fire_at = clock::cut(fire_at);
        if clock::until(self.context.now, fire_at) > LONGEST_TIMER {
            return worse(
                "it creates a timer more than seven days ahead.",
                "the Azure Storage provider cannot store such a timer: the turn would be delivered \
                 again for ever, and all orchestrations of the task hub would slow down to one turn \
                 in ten seconds. Split long timers into shorter ones.",
            );
        }
        self.record(
            id,
            EventType::TimerCreated(TimerCreatedEvent {
                fire_at: Some(fire_at),
            }),
        );
        self.plan.effects.push(Effect::Timer {
            id,
            created: self.context.now,
            fire_at,
        });
        Ok(())
    }

    fn create_child(
        &mut self,
        id: i32,
        child: Box<CreateSubOrchestrationAction>,
    ) -> Result<(), Refusal> {
        if child.instance_id.is_empty() {
            return worse(
                format!(
                    "it starts sub-orchestration '{}' without an instance id.",
                    child.name
                ),
                "the message could not be processed or removed: the parent would stay Running and \
                 the task hub would slow down to one turn in ten seconds. Generate the id.",
            );
        }
        if child.instance_id.starts_with('@') {
            return worse(
                format!(
                    "the id '{}' of a sub-orchestration begins with '@'.",
                    child.instance_id
                ),
                "the message would go to the entities and could not be processed or removed.",
            );
        }
        self.sendable(
            &|| "the id of a sub-orchestration".to_owned(),
            &child.instance_id,
        )?;
        self.sendable(
            &|| "the name of a sub-orchestration".to_owned(),
            &child.name,
        )?;
        let input = child.input.as_deref().unwrap_or_default();
        self.sendable(
            &|| format!("the input of sub-orchestration '{}'", child.name),
            input,
        )?;
        let taken = child.instance_id == self.context.instance_id
            || (self.context.is_running)(&child.instance_id)
            || !self.children.insert(child.instance_id.clone());
        if taken {
            return worse(
                format!(
                    "it starts a sub-orchestration with the id '{}' of an instance that is running.",
                    child.instance_id
                ),
                "the two would overwrite each other: turns and activities repeat, results come late \
                 or never.",
            );
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
        let Some(target) = action.instance else {
            return Err(null_reference());
        };
        if target.instance_id.starts_with('@') {
            return self.send_to_entity(id, target.instance_id, action.name, action.data);
        }
        self.sendable(&|| "the name of an event".to_owned(), &action.name)?;
        let data = action.data.as_deref().unwrap_or_default();
        self.sendable(&|| format!("the data of event '{}'", action.name), data)?;
        self.record_sent(id, &target.instance_id, &action.name, action.data.as_ref());
        self.plan.effects.push(Effect::Event {
            target,
            event: events::event_raised(self.context.now, action.name, action.data),
        });
        Ok(())
    }

    fn send_to_entity(
        &mut self,
        id: i32,
        target: String,
        name: String,
        data: Option<String>,
    ) -> Result<(), Refusal> {
        let text = data.as_deref().unwrap_or_default();
        self.sendable(&|| format!("a message to the entity '{target}'"), text)?;
        let message = match entity::read(&name, data.as_deref()) {
            Ok(message) => message,
            Err(why) => {
                return worse(
                    format!("it sends an event to the entity '{target}', and {why}."),
                    "the entity could not process the message, or would ignore it.",
                );
            }
        };
        if entity::is_too_far(&name, self.context.now, LONGEST_TIMER) {
            return worse(
                "it schedules a signal more than seven days ahead.",
                "the Azure Storage provider cannot store such a message: the turn would be \
                 delivered again for ever.",
            );
        }
        self.record_sent(id, &target, &name, data.as_ref());
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
            self.sendable(&|| "the output of a sub-orchestration".to_owned(), output)?;
            for details in successors(end.failure_details.as_ref(), |it| {
                it.inner_failure.as_deref()
            }) {
                let place = || "the failure of a sub-orchestration".to_owned();
                self.sendable(&place, &details.error_type)?;
                self.sendable(&place, &details.error_message)?;
            }
        }
        match status {
            OrchestrationStatus::ContinuedAsNew => self.record(
                id,
                EventType::ContinueAsNew(ContinueAsNewEvent {
                    input: end.result.clone(),
                }),
            ),
            OrchestrationStatus::Completed
            | OrchestrationStatus::Failed
            | OrchestrationStatus::Canceled
            | OrchestrationStatus::Terminated => self.record(
                id,
                EventType::ExecutionCompleted(Box::new(ExecutionCompletedEvent {
                    orchestration_status: end.orchestration_status,
                    result: end.result.clone(),
                    failure_details: end.failure_details.clone(),
                })),
            ),
            OrchestrationStatus::Running
            | OrchestrationStatus::Pending
            | OrchestrationStatus::Suspended => {
                let status = if known {
                    status.as_str().to_owned()
                } else {
                    end.orchestration_status.to_string()
                };
                return worse(
                    format!("it completes with status {status}, which is not an end."),
                    "the instance would keep that status and never run again.",
                );
            }
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
