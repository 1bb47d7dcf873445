//! An instance as a store keeps it.
//!
//! Invariants: an instance has one current execution. Its messages, timers and history belong to that
//! execution, and what belongs to an earlier one is removed with it. The input, the output and the history
//! are beside the record, because most steps change none of them.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{ExecutionStartedEvent, OrchestrationState, OrchestrationStatus};

/// Where the current execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its start is scheduled and not due. Other messages wait.
    Scheduled,
    /// Its start message has arrived: it has a turn whenever it has messages.
    Begun,
    /// It has ended. Messages for it are dropped.
    Ended,
}

/// The messages that the first turn of a continued execution takes, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTurn {
    /// The number of the first message.
    pub from: u64,
    /// The number behind the last message.
    pub to: u64,
}

/// One instance without its payloads.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceRecord {
    /// The instance id.
    pub id: String,
    /// The id of the current execution.
    pub execution: String,
    /// How the execution was started, without the input.
    pub start: Arc<ExecutionStartedEvent>,
    /// The status that clients see. It can be terminal before the execution has ended: an instance that is
    /// terminated before its scheduled start still runs.
    pub status: OrchestrationStatus,
    /// JSON text.
    pub custom_status: Option<String>,
    /// When the execution was created.
    pub created: Timestamp,
    /// When a client could last see a change.
    pub updated: Timestamp,
    /// Where the execution stands.
    pub phase: Phase,
    /// The execution continues another one and has had no turn.
    pub first_turn: Option<FirstTurn>,
    /// The time of the latest turn: turns never go back in time.
    pub latest: Timestamp,
    /// How many events the history has.
    pub history: u64,
    /// The length of the longest history that an earlier start under this id had.
    pub earlier: u64,
}

impl InstanceRecord {
    /// An execution that waits for its start message.
    pub(crate) fn new(id: &str, start: &ExecutionStartedEvent, created: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            execution: execution_id(start),
            start: without_input(start),
            status: OrchestrationStatus::Pending,
            custom_status: None,
            created,
            updated: created,
            phase: Phase::Scheduled,
            first_turn: None,
            latest: Timestamp::default(),
            history: 0,
            earlier: 0,
        }
    }

    /// Whether the execution has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// The id of the instance that started this one.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        let parent = self.start.parent_instance.as_ref()?;
        let instance = parent.orchestration_instance.as_ref()?;
        Some(&instance.instance_id)
    }

    /// The state that clients see, with these payloads.
    #[must_use]
    pub fn state(&self, payloads: Payloads) -> OrchestrationState {
        let mut state = OrchestrationState {
            instance_id: self.id.clone(),
            name: self.start.name.clone(),
            version: self.start.version.clone(),
            scheduled_start_timestamp: self.start.scheduled_start_timestamp,
            created_timestamp: Some(self.created.into()),
            last_updated_timestamp: Some(self.updated.into()),
            input: payloads.input,
            output: payloads.output,
            custom_status: self.custom_status.clone(),
            tags: self.start.tags.clone(),
            parent_instance_id: self.parent().map(str::to_owned),
            ..OrchestrationState::default()
        };
        state.set_orchestration_status(self.status);
        state
    }
}

/// The payloads of an instance: JSON texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// The input of the current execution.
    pub input: Option<String>,
    /// The output, or the reason of the last suspend or resume.
    pub output: Option<String>,
}

pub(crate) fn execution_id(start: &ExecutionStartedEvent) -> String {
    start
        .orchestration_instance
        .as_ref()
        .and_then(|instance| instance.execution_id.clone())
        .unwrap_or_default()
}

pub(crate) fn without_input(start: &ExecutionStartedEvent) -> Arc<ExecutionStartedEvent> {
    Arc::new(ExecutionStartedEvent {
        name: start.name.clone(),
        version: start.version.clone(),
        input: None,
        orchestration_instance: start.orchestration_instance.clone(),
        parent_instance: start.parent_instance.clone(),
        scheduled_start_timestamp: start.scheduled_start_timestamp,
        parent_trace_context: start.parent_trace_context.clone(),
        orchestration_span_id: start.orchestration_span_id.clone(),
        tags: start.tags.clone(),
    })
}
