//! What a turn causes: activities, timers, sub-orchestrations, events, the next execution, the answer to the
//! parent.
//!
//! Invariant: effects belong to the step of the turn. A target sees a message if and only if the turn counts.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateSubOrchestrationAction, EventType, ExecutionStartedEvent, HistoryEvent,
    OrchestrationInstance, OrchestrationStatus, ParentInstanceInfo,
};

use crate::changes::{Activity, Payload};
use crate::instance::{FirstTurn, Phase, execution_id, without_input};
use crate::lease::Key;
use crate::notice::Notice;
use crate::plan::{Completion, Effect};
use crate::step::Step;
use crate::store::StoreError;
use crate::turn::TurnLease;
use crate::{events, history, ids};

/// The execution that decided.
pub(crate) struct Deciding {
    pub(crate) instance: String,
    pub(crate) execution: String,
    pub(crate) start: Arc<ExecutionStartedEvent>,
    /// The execution goes on, or may be rewound.
    pub(crate) keeps_timers: bool,
}

/// Whether a new start may not replace an instance in this status.
pub(crate) fn blocks_start(status: OrchestrationStatus) -> bool {
    !status.is_terminal()
}

impl Step<'_> {
    pub(crate) fn carry_out(
        &mut self,
        deciding: &Deciding,
        effect: Effect,
    ) -> Result<(), StoreError> {
        match effect {
            Effect::Activity { id, task } => {
                let number = self.number();
                self.changes.scheduled.push(Activity {
                    number,
                    instance: deciding.instance.clone(),
                    execution: deciding.execution.clone(),
                    id,
                    name: task.name,
                    version: task.version,
                    input: task.input,
                    tags: task.tags,
                });
                self.touch(Key::Activity(number));
                Ok(())
            }
            Effect::Timer { id, fire_at } => {
                let execution = Some(deciding.execution.clone());
                let fired = events::timer_fired(self.now, id, fire_at);
                if fire_at <= self.now {
                    // Dropped when the execution has ended.
                    let _ = self.deliver(&deciding.instance, execution, &fired)?;
                } else if deciding.keeps_timers {
                    let body = history::encode(&fired);
                    self.set_timer(fire_at, &deciding.instance, execution, body);
                }
                Ok(())
            }
            Effect::Child { id, action } => self.start_child(deciding, id, *action),
            Effect::Event { target, name, data } => self.send_event(deciding, target, name, data),
            Effect::Entity { id, message } => self.deliver_to_entity(&id, message),
        }
    }

    fn start_child(
        &mut self,
        parent: &Deciding,
        id: i32,
        action: CreateSubOrchestrationAction,
    ) -> Result<(), StoreError> {
        // The parent's tags are inherited; the child's own value wins.
        let mut tags = parent.start.tags.clone();
        tags.extend(action.tags);
        let child = action.instance_id;
        let start = ExecutionStartedEvent {
            name: action.name,
            version: action.version,
            input: action.input,
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: child.clone(),
                execution_id: Some(ids::plain(self.ids)),
            }),
            parent_instance: Some(ParentInstanceInfo {
                task_scheduled_id: id,
                name: Some(parent.start.name.clone()),
                version: parent.start.version.clone(),
                orchestration_instance: Some(OrchestrationInstance {
                    instance_id: parent.instance.clone(),
                    execution_id: Some(parent.execution.clone()),
                }),
            }),
            tags,
            ..ExecutionStartedEvent::default()
        };
        if self.start(&child, start, &blocks_start)? {
            return Ok(());
        }
        // The plan found the id free, so an effect before this one took it.
        let failed = events::child_failed(self.now, id, None);
        let _ = self.deliver(&parent.instance, Some(parent.execution.clone()), &failed)?;
        self.notice(Notice::ChildNotStarted {
            parent: parent.instance.clone(),
            child,
        });
        Ok(())
    }

    fn send_event(
        &mut self,
        sender: &Deciding,
        target: OrchestrationInstance,
        name: String,
        data: Option<String>,
    ) -> Result<(), StoreError> {
        let execution = target.execution_id.filter(|id| !id.is_empty());
        let event = events::event_raised(self.now, name.clone(), data);
        if let Err(why) = self.deliver(&target.instance_id, execution, &event)? {
            self.notice(Notice::EventUndelivered {
                sender: sender.instance.clone(),
                target: target.instance_id,
                event: name,
                why,
            });
        }
        Ok(())
    }

    /// Starts the next execution of the instance. Its first turn has the start, the carried-over events and,
    /// as in a real host, an `OrchestratorCompleted` at the end. Messages for the old execution are dropped;
    /// those for the current one are kept.
    pub(crate) fn continue_as_new(
        &mut self,
        turn: &TurnLease,
        end: Completion,
    ) -> Result<(), StoreError> {
        let now = self.now;
        let id = turn.instance.clone();
        let execution = ids::plain(self.ids);
        let Some(old) = self.instance(&id)? else {
            return Ok(());
        };
        let (old_start, old_execution) = (Arc::clone(&old.start), old.execution.clone());
        let start = ExecutionStartedEvent {
            name: old_start.name.clone(),
            version: end.new_version.or_else(|| old_start.version.clone()),
            input: end.result,
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: id.clone(),
                execution_id: Some(execution),
            }),
            parent_instance: old_start.parent_instance.clone(),
            tags: old_start.tags.clone(),
            ..ExecutionStartedEvent::default()
        };
        self.cancel_timers(&id, old_execution);
        for message in self.inbox(&id)? {
            if message.execution.is_some() {
                self.consume(message.number);
            }
        }
        let execution = execution_id(&start);
        let (record_start, input) = (without_input(&start), start.input.clone());
        let first = events::host_event(now, EventType::ExecutionStarted(Box::new(start)));
        let messages = std::iter::once(first)
            .chain(end.carryover)
            .chain(std::iter::once(events::orchestrator_completed(now)));
        let mut range = None;
        for event in messages {
            let number = self.send(&id, Some(execution.clone()), history::encode(&event));
            let from = range.map_or(number, |range: FirstTurn| range.from);
            range = Some(FirstTurn {
                from,
                to: number + 1,
            });
        }
        let Some(change) = self.edit(&id)? else {
            return Ok(());
        };
        change.clear_history();
        change.record.execution = execution;
        change.record.start = record_start;
        change.record.status = OrchestrationStatus::Running;
        change.record.created = now;
        change.record.phase = Phase::Begun;
        change.record.first_turn = range;
        change.input = Payload::Set(input);
        change.output = Payload::Set(None);
        Ok(())
    }

    pub(crate) fn notify_parent(
        &mut self,
        child: &str,
        start: &ExecutionStartedEvent,
        end: Completion,
    ) -> Result<(), StoreError> {
        if start.parent_instance.is_some() && end.status == OrchestrationStatus::Canceled {
            self.notice(Notice::ChildCanceled {
                child: child.to_owned(),
            });
        }
        self.answer_parent(start, |now, task| match end.status {
            OrchestrationStatus::Completed => events::child_completed(now, task, end.result),
            OrchestrationStatus::Canceled => events::child_failed(now, task, None),
            _ => events::child_failed(now, task, end.failure),
        })
    }

    /// Sends an event to the parent; `event` makes it from the id of the parent's action. It is dropped when
    /// the parent has ended, or is an entity.
    pub(crate) fn answer_parent(
        &mut self,
        start: &ExecutionStartedEvent,
        event: impl FnOnce(Timestamp, i32) -> HistoryEvent,
    ) -> Result<(), StoreError> {
        let Some(parent) = &start.parent_instance else {
            return Ok(());
        };
        let Some(target) = &parent.orchestration_instance else {
            return Ok(());
        };
        let event = event(self.now, parent.task_scheduled_id);
        let _ = self.deliver(&target.instance_id, target.execution_id.clone(), &event)?;
        Ok(())
    }
}
