//! What workers do: turns, activities, entity batches, in the shape of the protocol's work items.
//!
//! Invariant: each item carries a token, and its answer is taken once, for the execution that it was made for.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, ExecutionStartedEvent, OrchestratorRequest,
    OrchestratorResponse, TaskFailureDetails,
};
use prost::Message as _;
use prost::bytes::Bytes;

use crate::changes;
use crate::entity;
use crate::history;
use crate::lease::{Kind, Token};

/// The function that runs a piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Needed {
    /// An orchestrator, an activity or an entity function.
    pub kind: Kind,
    /// Its name; that of an entity function is in lower case.
    pub name: String,
    /// The version of the orchestration or the activity.
    pub version: Option<String>,
}

/// Work for a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkItem {
    /// A turn of an orchestration.
    Turn(Turn),
    /// An activity.
    Activity(Activity),
    /// A batch of operations of an entity.
    EntityBatch(EntityBatch),
}

/// A turn: the whole history.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// For the answer.
    pub token: Token,
    /// The instance.
    pub instance: String,
    /// The execution.
    pub execution: String,
    /// How the execution was started, without the input: name, version, parent.
    pub start: Arc<ExecutionStartedEvent>,
    /// The time of the turn.
    pub began: Timestamp,
    /// The encoded events of the turns before.
    pub past: Vec<Bytes>,
    /// The encoded events of this turn.
    pub new: Vec<Bytes>,
    /// How often it was abandoned before.
    pub abandoned: u32,
}

impl Turn {
    /// The encoded `OrchestratorRequest`, without a copy through its events; `tail` has the encoded fields
    /// behind them.
    #[must_use]
    pub fn encoded(&self, tail: &[u8]) -> Vec<u8> {
        history::request(&self.instance, &self.past, &self.new, tail)
    }

    /// The orchestrator.
    #[must_use]
    pub fn needed(&self) -> Needed {
        Needed {
            kind: Kind::Turn,
            name: self.start.name.clone(),
            version: self.start.version.clone(),
        }
    }

    /// The request with instance and events.
    #[must_use]
    pub fn request(&self) -> OrchestratorRequest {
        OrchestratorRequest {
            instance_id: self.instance.clone(),
            execution_id: Some(self.execution.clone()),
            past_events: self.past.iter().map(history::decode).collect(),
            new_events: self.new.iter().map(history::decode).collect(),
            ..OrchestratorRequest::default()
        }
    }
}

/// An activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// For the answer.
    pub token: Token,
    /// What was scheduled.
    pub task: changes::Activity,
    /// How often it was abandoned before.
    pub abandoned: u32,
}

impl Activity {
    /// The activity function.
    #[must_use]
    pub fn needed(&self) -> Needed {
        Needed {
            kind: Kind::Activity,
            name: self.task.name.clone(),
            version: self.task.version.clone(),
        }
    }
}

/// A batch of operations.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityBatch {
    /// For the answer.
    pub token: Token,
    /// State and operations.
    pub request: EntityBatchRequest,
    /// How often it was abandoned before.
    pub abandoned: u32,
}

impl EntityBatch {
    /// The entity function.
    #[must_use]
    pub fn needed(&self) -> Needed {
        entity::needed(&self.request.instance_id)
    }

    /// The encoded request.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        self.request.encode_to_vec()
    }
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnOutcome {
    /// The orchestrator answered. Its token and instance id are not read.
    Answered(OrchestratorResponse),
    /// The orchestrator could not be run, or its answer not be read: the instance fails with this output.
    Failed(String),
    /// The turn is to be delivered again.
    Abandoned,
}

/// How an activity ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityOutcome {
    /// With a result, JSON text.
    Completed(Option<String>),
    /// With a failure; the details can be absent.
    Failed(Option<TaskFailureDetails>),
    /// It is to be run again.
    Abandoned,
}

/// How a batch ended.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchOutcome {
    /// The entity answered. With `failure_details` all operations fail.
    Answered(EntityBatchResult),
    /// The entity could not be run: all operations fail and the state stays.
    Failed(TaskFailureDetails),
    /// The batch is to be run again.
    Abandoned,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Yes,
    /// It was dropped, because its execution has ended.
    Void,
    /// It was dropped, because its token is not good: another answer was first, the work was abandoned, or the
    /// hub was opened again.
    Stale,
    /// The work is ready again at this time.
    Again(Timestamp),
}
