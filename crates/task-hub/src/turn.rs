//! Turns: which messages one takes, and what its answer changes.
//!
//! Invariants: a turn takes the waiting messages in the order of their arrival, the start first. They stay in
//! the inbox until the answer is committed, so a turn that is lost comes again with all of them.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    EventType, ExecutionCompletedEvent, ExecutionStartedEvent, HistoryEvent, OrchestrationStatus,
    OrchestratorResponse,
};
use prost::bytes::Bytes;

use crate::changes::{Message, Payload};
use crate::effects::Deciding;
use crate::history::Kind;
use crate::instance::Phase;
use crate::lease;
use crate::notice::Notice;
use crate::plan::{self, Completion, NoPlan, Plan, Refusal, Refused};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::work::{Needed, Taken, Turn};
use crate::{Token, events, history};

/// A turn that is under way.
#[derive(Debug)]
pub(crate) struct TurnLease {
    pub(crate) instance: String,
    execution: String,
    start: Arc<ExecutionStartedEvent>,
    began: Timestamp,
    /// The new events, encoded.
    new: Vec<Bytes>,
    /// The numbers of the messages in it.
    messages: Vec<u64>,
    /// What the messages mean for the status.
    seen: Vec<Seen>,
    /// Other messages wait, which the first turn of a continued execution does not take.
    pub(crate) leaves_messages: bool,
}

#[derive(Debug)]
enum Seen {
    Started,
    Suspended(Option<String>),
    Resumed(Option<String>),
    OrchestratorCompleted,
    Other,
}

/// The next turn of an instance. `None` when it has none.
pub(crate) fn take(
    store: &dyn Store,
    id: &str,
    now: Timestamp,
) -> Result<Option<TurnLease>, StoreError> {
    let Some(record) = store.instance(id)? else {
        return Ok(None);
    };
    if record.phase != Phase::Begun {
        return Ok(None);
    }
    let mut inbox = store.inbox(id)?;
    let waiting = inbox.len();
    if let Some(first) = record.first_turn {
        inbox.retain(|message| (first.from..first.to).contains(&message.number));
    }
    let leaves_messages = inbox.len() < waiting;
    if inbox.is_empty() {
        return Ok(None);
    }
    let kinds = inbox
        .into_iter()
        .map(|message| (history::kind(&message.body), message));
    let (starts, others): (Vec<_>, Vec<_>) =
        kinds.partition(|(kind, _)| *kind == Kind::ExecutionStarted);
    let mut began = now.max(record.latest);
    let mut new = vec![Bytes::new()];
    let mut messages = Vec::new();
    let mut seen = Vec::new();
    for (kind, Message { number, body, .. }) in starts.into_iter().chain(others) {
        // A turn with a fired timer never begins before its time, even when the clock was set back meanwhile.
        if kind == Kind::TimerFired
            && let Some(due) = fire_at(&body)
        {
            began = began.max(due);
        }
        seen.push(Seen::of(kind, &body));
        new.push(body);
        messages.push(number);
    }
    if let Some(first) = new.first_mut() {
        *first = history::encode(&events::orchestrator_started(began));
    }
    Ok(Some(TurnLease {
        instance: record.id,
        execution: record.execution,
        start: record.start,
        began,
        new,
        messages,
        seen,
        leaves_messages,
    }))
}

fn fire_at(event: &Bytes) -> Option<Timestamp> {
    match history::decode(event).event_type {
        Some(EventType::TimerFired(fired)) => fired.fire_at.map(Timestamp::from),
        _ => None,
    }
}

impl Seen {
    fn of(kind: Kind, event: &Bytes) -> Self {
        match kind {
            Kind::ExecutionStarted => Self::Started,
            Kind::OrchestratorCompleted => Self::OrchestratorCompleted,
            Kind::ExecutionSuspended | Kind::ExecutionResumed => {
                match history::decode(event).event_type {
                    Some(EventType::ExecutionSuspended(event)) => Self::Suspended(event.input),
                    Some(EventType::ExecutionResumed(event)) => Self::Resumed(event.input),
                    _ => Self::Other,
                }
            }
            Kind::TimerFired | Kind::EventRaised | Kind::Other => Self::Other,
        }
    }
}

impl TurnLease {
    pub(crate) fn needed(&self) -> Needed {
        Needed {
            kind: lease::Kind::Turn,
            name: self.start.name.clone(),
            version: self.start.version.clone(),
        }
    }

    pub(crate) fn item(&self, past: Vec<Bytes>, token: Token, abandoned: u32) -> Turn {
        Turn {
            token,
            instance: self.instance.clone(),
            execution: self.execution.clone(),
            start: Arc::clone(&self.start),
            began: self.began,
            past,
            new: self.new.clone(),
            abandoned,
        }
    }
}

impl Step<'_> {
    /// Takes the answer to a turn.
    pub(crate) fn turn_answered(
        &mut self,
        turn: &TurnLease,
        response: OrchestratorResponse,
    ) -> Result<Taken, StoreError> {
        if !self.is_current(turn)? {
            return Ok(Taken::Void);
        }
        match self.plan(turn, &response.custom_status, response.actions) {
            Ok(plan) => self.decided(turn, plan, response.custom_status)?,
            Err(NoPlan::Store(error)) => return Err(error),
            Err(NoPlan::Refused(refused)) => {
                let output = (self.options.refusal_output)(&turn.start.name, &refused);
                self.fail(turn, output)?;
                self.notice(Notice::OrchestrationRefused {
                    instance: turn.instance.clone(),
                    name: turn.start.name.clone(),
                    refused,
                });
            }
        }
        Ok(Taken::Yes)
    }

    /// Fails the instance, because the orchestrator could not be run.
    pub(crate) fn turn_failed(
        &mut self,
        turn: &TurnLease,
        output: String,
    ) -> Result<Taken, StoreError> {
        if !self.is_current(turn)? {
            return Ok(Taken::Void);
        }
        self.fail(turn, output.clone())?;
        self.notice(Notice::OrchestrationNotRun {
            instance: turn.instance.clone(),
            name: turn.start.name.clone(),
            output,
        });
        Ok(Taken::Yes)
    }

    /// Whether the turn's execution is the current one and has not ended. Otherwise its answer is dropped.
    fn is_current(&mut self, turn: &TurnLease) -> Result<bool, StoreError> {
        self.now = self.now.max(turn.began);
        let instance = self.instance(&turn.instance)?;
        let is_current = instance
            .is_some_and(|instance| !instance.has_ended() && instance.execution == turn.execution);
        if !is_current {
            self.notice(Notice::TurnVoid {
                instance: turn.instance.clone(),
                name: turn.start.name.clone(),
            });
        }
        Ok(is_current)
    }

    fn plan(
        &mut self,
        turn: &TurnLease,
        custom_status: &Option<String>,
        actions: Vec<durable_protocol::messages::OrchestratorAction>,
    ) -> Result<Plan, NoPlan> {
        let options = self.options;
        if let (Some(status), Some(longest)) = (custom_status, options.limits.longest_custom_status)
        {
            let length = status.encode_utf16().count();
            if length > longest {
                return Err(NoPlan::Refused(Refused {
                    refusal: Refusal::CustomStatusTooLong(length),
                    behind_completion: false,
                }));
            }
        }
        plan::plan(
            actions,
            plan::Context {
                instance_id: &turn.instance,
                now: self.now,
                has_parent: turn.start.parent_instance.is_some(),
                limits: &options.limits,
                is_running: &mut |id| self.is_running(id),
            },
        )
    }

    fn decided(
        &mut self,
        turn: &TurnLease,
        plan: Plan,
        custom_status: Option<String>,
    ) -> Result<(), StoreError> {
        // A turn without a custom status resets it; storage shows the text `null`.
        let custom_status = Some(custom_status.unwrap_or_else(|| "null".to_owned()));
        self.persist(turn, &plan.events)?;
        let now = self.now;
        if let Some(change) = self.edit(&turn.instance)? {
            change.record.custom_status = custom_status;
            change.record.updated = now;
        }
        let deciding = Deciding {
            instance: turn.instance.clone(),
            execution: turn.execution.clone(),
            start: Arc::clone(&turn.start),
            keeps_timers: plan.completion.as_ref().is_none_or(|end| {
                // A failed execution can be rewound.
                end.status == OrchestrationStatus::Failed
            }),
        };
        let mut ended = None;
        match plan.completion {
            None => self.update_running(turn)?,
            Some(end) if end.status == OrchestrationStatus::ContinuedAsNew => {
                self.continue_as_new(turn, end)?;
            }
            Some(end) => {
                self.end(&turn.instance, end.status, output(&end))?;
                ended = Some(end);
            }
        }
        for effect in plan.effects {
            self.carry_out(&deciding, effect)?;
        }
        let Some(end) = ended else {
            return Ok(());
        };
        if end.status == OrchestrationStatus::Failed {
            self.notice(Notice::OrchestrationFailed {
                instance: turn.instance.clone(),
                name: turn.start.name.clone(),
                output: output(&end).unwrap_or_default(),
            });
        }
        self.notify_parent(&turn.instance, &turn.start, end)
    }

    fn fail(&mut self, turn: &TurnLease, output: String) -> Result<(), StoreError> {
        // Numbered as an action: a real host does so.
        let completed = events::event(
            0,
            self.now,
            EventType::ExecutionCompleted(Box::new(ExecutionCompletedEvent {
                orchestration_status: OrchestrationStatus::Failed.into(),
                result: Some(output.clone()),
                failure_details: None,
            })),
        );
        self.persist(turn, &[completed])?;
        if let Some(change) = self.edit(&turn.instance)? {
            change.record.custom_status = Some("null".to_owned());
        }
        self.end(&turn.instance, OrchestrationStatus::Failed, Some(output))?;
        self.answer_parent(&turn.start, |now, task| {
            events::child_failed(now, task, None)
        })
    }

    /// Appends the turn to the history and consumes its messages.
    fn persist(&mut self, turn: &TurnLease, actions: &[HistoryEvent]) -> Result<(), StoreError> {
        // The first turn of a continued execution has its own `OrchestratorCompleted`; a real host never
        // writes two in a row.
        let marked =
            actions.is_empty() && matches!(turn.seen.last(), Some(Seen::OrchestratorCompleted));
        let completed =
            (!marked).then(|| history::encode(&events::orchestrator_completed(self.now)));
        if let Some(change) = self.edit(&turn.instance)? {
            change.append(turn.new.iter().cloned());
            change.append(actions.iter().map(history::encode));
            change.append(completed);
            change.record.latest = turn.began;
            change.record.first_turn = None;
        }
        for number in &turn.messages {
            self.consume(*number);
        }
        Ok(())
    }

    /// The status after a turn that did not end the execution. Suspend and resume leave their reason in the
    /// output, as the Azure Storage provider does.
    fn update_running(&mut self, turn: &TurnLease) -> Result<(), StoreError> {
        let Some(change) = self.edit(&turn.instance)? else {
            return Ok(());
        };
        for seen in &turn.seen {
            match seen {
                // Only a start makes an instance Running: one that was rewound stays Pending until it ends.
                Seen::Started => change.record.status = OrchestrationStatus::Running,
                Seen::Suspended(reason) => {
                    change.record.status = OrchestrationStatus::Suspended;
                    change.output = Payload::Set(reason.clone());
                }
                Seen::Resumed(reason) => {
                    change.record.status = OrchestrationStatus::Running;
                    change.output = Payload::Set(reason.clone());
                }
                Seen::OrchestratorCompleted | Seen::Other => {}
            }
        }
        Ok(())
    }
}

/// The output column: a failure is its type and message.
fn output(end: &Completion) -> Option<String> {
    match &end.failure {
        Some(failure) if end.status == OrchestrationStatus::Failed => {
            Some(format!("{}: {}", failure.error_type, failure.error_message))
        }
        _ => end.result.clone(),
    }
}
