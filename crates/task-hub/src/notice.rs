//! What a developer should know. A driver words it.
//!
//! Invariant: a notice is given out after the commit of its step, so nothing is reported that did not happen.

use durable_protocol::messages::{OrchestrationStatus, TaskFailureDetails};

use crate::plan::Refused;

/// Why a message did not reach an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// There is no instance with this id.
    Unknown,
    /// The execution has ended, or another one is current.
    Ended(OrchestrationStatus),
}

/// Which message to an entity had no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlabelled {
    /// A lock request, which is never granted.
    Lock,
    /// A signal, which is lost.
    Signal(String),
    /// A call, which never returns.
    Call(String),
}

/// Why an entity's start of an orchestration was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedStart {
    /// The id is empty or begins with `@`.
    BadId,
    /// An instance with this id runs.
    Running,
}

/// Something that a developer should know. `instance`, `entity`, `sender`, `target`, `parent` and `child` are ids;
/// `name` is the name of the orchestrator.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// The answer to a turn was dropped: the execution ended or was replaced while the turn was under way.
    TurnVoid { instance: String, name: String },
    /// The orchestrator failed.
    OrchestrationFailed {
        instance: String,
        name: String,
        output: String,
    },
    /// The driver failed the instance, because the orchestrator could not be run.
    OrchestrationNotRun {
        instance: String,
        name: String,
        output: String,
    },
    /// The answer to a turn was refused, and the instance failed.
    OrchestrationRefused {
        instance: String,
        name: String,
        refused: Refused,
    },
    /// An external event arrived while the orchestration ended, and was not read.
    EventUnread { instance: String, event: String },
    /// An orchestration sent an event that did not arrive.
    EventUndelivered {
        sender: String,
        target: String,
        event: String,
        why: Undelivered,
    },
    /// The id of a sub-orchestration was taken by a running instance. The parent gets a failure.
    ChildNotStarted { parent: String, child: String },
    /// A sub-orchestration ended as canceled. The parent gets a failure, where a real host reports nothing.
    ChildCanceled { child: String },
    /// The outcome of an activity was dropped, because its execution has ended.
    ActivityOutcomeDropped {
        instance: String,
        activity: String,
        why: Undelivered,
    },
    /// A scheduled instance was terminated before its start. It still runs at its time, as on a real host.
    TerminatedBeforeStart { instance: String },
    /// A rewound instance had an earlier execution with a longer history. A real host loses such a rewind.
    RewindShadowed { instance: String },
    /// A rewound instance waits for ever for a sub-orchestration that cannot be rewound.
    RewindStuck {
        instance: String,
        child: String,
        /// `None` when the sub-orchestration does not exist any more.
        status: Option<OrchestrationStatus>,
    },
    /// A message of an orchestration to an entity was dropped, because it has no label.
    EntityMessageUnlabelled {
        sender: String,
        entity: String,
        message: Unlabelled,
    },
    /// An orchestration had ended when it was its turn to lock the entity.
    EntityLockDropped { entity: String, sender: String },
    /// An operation failed.
    EntityOperationFailed {
        entity: String,
        operation: String,
        failure: TaskFailureDetails,
    },
    /// All operations of a batch failed, because the entity could not be run.
    EntityBatchFailed {
        entity: String,
        operations: usize,
        failure: TaskFailureDetails,
    },
    /// The entity answered with fewer results than there were operations. The rest failed.
    EntityTooFewResults {
        entity: String,
        operations: usize,
        results: usize,
    },
    /// The entity answered with an action of an unknown kind.
    EntityActionUnknown { entity: String },
    /// The entity sent a signal to an id that is not that of an entity.
    EntitySignalUndelivered {
        entity: String,
        target: String,
        operation: String,
    },
    /// The entity did not start an orchestration.
    EntityStartRefused {
        entity: String,
        instance: String,
        why: RefusedStart,
    },
}
