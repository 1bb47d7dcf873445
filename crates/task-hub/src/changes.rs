//! What one step changes.
//!
//! Invariant: a step is one [`Changes`] value. A store makes all of it durable or nothing, so a message is
//! consumed together with everything that came of it. That is what keeps work from being lost or done twice.

use std::collections::BTreeMap;

use durable_protocol::Timestamp;
use prost::bytes::Bytes;

use crate::instance::InstanceRecord;

/// A message that waits in the inbox of an instance or an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number. Inboxes are read in this order. Messages, timers and activities share the numbers.
    pub number: u64,
    /// The id of the instance or entity.
    pub target: String,
    /// The execution that it is for; `None` for the one that is current when it arrives.
    pub execution: Option<String>,
    /// The encoded `HistoryEvent`, or for an entity an encoded request. A store does not read it.
    pub body: Bytes,
}

/// A message that arrives at its time: a timer, a scheduled start, a scheduled signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it is due.
    pub due: Timestamp,
    /// The message. When the timer fires it gets a new number, because it arrives then.
    pub message: Message,
}

/// An activity that was scheduled and has not been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its number.
    pub number: u64,
    /// The instance that scheduled it.
    pub instance: String,
    /// The execution that scheduled it.
    pub execution: String,
    /// The id of the action.
    pub id: i32,
    /// The name of the activity.
    pub name: String,
    /// The version, when the orchestrator gave one.
    pub version: Option<String>,
    /// JSON text.
    pub input: Option<String>,
    /// The tags of the action.
    pub tags: BTreeMap<String, String>,
}

/// An entity. It exists for clients when it has a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityRecord {
    /// `@name@key`.
    pub id: String,
    /// JSON text.
    pub state: Option<String>,
    /// The instance id of the orchestration that holds the lock.
    pub locked_by: Option<String>,
    /// When the state or the lock last changed.
    pub modified: Option<Timestamp>,
}

/// Whether a step sets a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this.
    Set(Option<String>),
}

/// What happens to the history of an instance: cleared, then replaced, then appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryChange {
    /// A new execution began: all events are removed.
    pub cleared: bool,
    /// Events that a rewind replaces, by their index.
    pub replaced: Vec<(u64, Bytes)>,
    /// Encoded events behind the last one.
    pub appended: Vec<Bytes>,
}

/// An instance that was created or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceChange {
    /// The whole record; `record.history` counts the appended events.
    pub record: InstanceRecord,
    /// The input of the execution.
    pub input: Payload,
    /// The output.
    pub output: Payload,
    /// The history.
    pub history: HistoryChange,
}

/// The timers of an execution that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledTimers {
    /// The instance.
    pub target: String,
    /// The execution.
    pub execution: String,
}

/// One step. The removals come first: `purged`, `cancelled`, `fired`, `consumed`, `finished`. No number is
/// removed and added by the same step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Instances and entities that are removed with all their messages, timers and histories. Their
    /// activities stay until they are answered, as on a real host.
    pub purged: Vec<String>,
    /// Timers that are removed because their execution ended.
    pub cancelled: Vec<CancelledTimers>,
    /// Timers that became messages, by number.
    pub fired: Vec<u64>,
    /// Messages that were read or dropped, by number.
    pub consumed: Vec<u64>,
    /// Activities that were answered, by number.
    pub finished: Vec<u64>,
    /// Instances that were created or changed.
    pub instances: Vec<InstanceChange>,
    /// Entities that were created or changed.
    pub entities: Vec<EntityRecord>,
    /// The outbox: messages for the inboxes of their targets.
    pub sent: Vec<Message>,
    /// New timers.
    pub timers: Vec<Timer>,
    /// New activities.
    pub scheduled: Vec<Activity>,
}

impl Changes {
    /// Whether the step changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
