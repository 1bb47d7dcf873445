//! An event of a history with names and types.

use std::borrow::Cow;
use std::time::SystemTime;

use durable_protocol::Timestamp;
use durable_protocol::messages::{self, EventType, TaskFailureDetails};

use serde::de::DeserializeOwned;

use crate::activity::envelope;
use crate::{DecodeError, Failure, RuntimeStatus};

/// One event of an instance's history.
///
/// It borrows from a [`History`](crate::History), or is one of a
/// [stream](crate::Instance::history_stream) and lives as long as you like.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent<'a>(Cow<'a, messages::HistoryEvent>);

impl<'a> HistoryEvent<'a> {
    pub(super) fn borrowed(event: &'a messages::HistoryEvent) -> Self {
        HistoryEvent(Cow::Borrowed(event))
    }

    /// The number of the call that the event records, counted from 0 in the order of the calls; -1 for events that are
    /// no calls.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.0.event_id
    }

    /// When it was recorded (UTC).
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        let time = self.0.timestamp;
        time.map_or(SystemTime::UNIX_EPOCH, to_system_time)
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> EventKind<'_> {
        match &self.0.event_type {
            Some(kind) => EventKind::of(kind),
            None => EventKind::Other,
        }
    }

    /// What an activity of this crate, or of another kind, returned: the result of [`EventKind::TaskCompleted`], whose text is
    /// in the form in which it passes through the host. `None` for any other event.
    ///
    /// # Errors
    /// The result is not an `O`.
    pub fn activity_output<O: DeserializeOwned>(&self) -> Result<Option<O>, DecodeError> {
        let EventKind::TaskCompleted {
            scheduled_id,
            result,
        } = self.kind()
        else {
            return Ok(None);
        };
        let output = envelope::decode_result(result.map(str::as_bytes));
        output.map(Some).map_err(|error| {
            DecodeError::new::<O>(format!("the result of activity {scheduled_id}"), &error)
        })
    }
}

impl HistoryEvent<'static> {
    #[cfg(feature = "client")]
    pub(crate) fn owned(event: messages::HistoryEvent) -> Self {
        HistoryEvent(Cow::Owned(event))
    }
}

/// What an event of a history records. Payloads are JSON texts. Names are those of the Durable Task protocol, in which
/// an activity is a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The instance was started, or goes on as a new execution.
    #[non_exhaustive]
    ExecutionStarted {
        /// The orchestrator.
        name: &'a str,
        /// The version of the instance.
        version: Option<&'a str>,
        /// Its input.
        input: Option<&'a str>,
    },
    /// The execution ended.
    #[non_exhaustive]
    ExecutionCompleted {
        /// How.
        status: RuntimeStatus,
        /// The output, or the input of the next execution.
        result: Option<&'a str>,
        /// Why it failed.
        failure: Option<Failure>,
    },
    /// A client terminated the instance.
    #[non_exhaustive]
    ExecutionTerminated {
        /// The reason that the client gave.
        reason: Option<&'a str>,
    },
    /// A client suspended the instance.
    #[non_exhaustive]
    ExecutionSuspended {
        /// The reason that the client gave.
        reason: Option<&'a str>,
    },
    /// A client resumed the instance.
    #[non_exhaustive]
    ExecutionResumed {
        /// The reason that the client gave.
        reason: Option<&'a str>,
    },
    /// A client rewound the instance.
    #[non_exhaustive]
    ExecutionRewound {
        /// The reason that the client gave.
        reason: Option<&'a str>,
    },
    /// The execution was followed by another one.
    #[non_exhaustive]
    ContinueAsNew {
        /// The input of the next one.
        input: Option<&'a str>,
    },
    /// An activity was called.
    #[non_exhaustive]
    TaskScheduled {
        /// The activity.
        name: &'a str,
        /// Its input, if the host's setting `storeInputsInOrchestrationHistory` is on.
        input: Option<&'a str>,
    },
    /// An activity returned.
    #[non_exhaustive]
    TaskCompleted {
        /// The [id](HistoryEvent::id) of the call.
        scheduled_id: i32,
        /// What it returned.
        result: Option<&'a str>,
    },
    /// An activity failed.
    #[non_exhaustive]
    TaskFailed {
        /// The [id](HistoryEvent::id) of the call.
        scheduled_id: i32,
        /// Why, as the host words it.
        failure: Option<Failure>,
    },
    /// A sub-orchestration was started.
    #[non_exhaustive]
    SubOrchestrationInstanceCreated {
        /// Its instance id.
        instance_id: &'a str,
        /// The orchestrator.
        name: &'a str,
        /// The version of the instance.
        version: Option<&'a str>,
        /// Its input.
        input: Option<&'a str>,
    },
    /// A sub-orchestration completed.
    #[non_exhaustive]
    SubOrchestrationInstanceCompleted {
        /// The [id](HistoryEvent::id) of the call.
        scheduled_id: i32,
        /// Its output.
        result: Option<&'a str>,
    },
    /// A sub-orchestration failed.
    #[non_exhaustive]
    SubOrchestrationInstanceFailed {
        /// The [id](HistoryEvent::id) of the call.
        scheduled_id: i32,
        /// Why.
        failure: Option<Failure>,
    },
    /// A timer was created.
    #[non_exhaustive]
    TimerCreated {
        /// When it is due (UTC).
        fire_at: Option<SystemTime>,
    },
    /// A timer fired.
    #[non_exhaustive]
    TimerFired {
        /// The [id](HistoryEvent::id) of the event that created it.
        timer_id: i32,
        /// When it was due (UTC).
        fire_at: Option<SystemTime>,
    },
    /// A turn of the orchestrator began. Its time is the one that the orchestrator saw.
    OrchestratorStarted,
    /// A turn of the orchestrator ended.
    OrchestratorCompleted,
    /// An event was sent to another instance, or a message to an entity.
    #[non_exhaustive]
    EventSent {
        /// The instance or the entity.
        instance_id: &'a str,
        /// The name of the event.
        name: &'a str,
        /// The payload.
        input: Option<&'a str>,
    },
    /// An external event arrived, or the answer of an entity.
    #[non_exhaustive]
    EventRaised {
        /// The name of the event.
        name: &'a str,
        /// The payload.
        input: Option<&'a str>,
    },
    /// An event without effect, such as one that a rewind has replaced.
    #[non_exhaustive]
    GenericEvent {
        /// A note.
        data: Option<&'a str>,
    },
    /// A kind of event that this version of the crate does not show.
    Other,
}

impl<'a> EventKind<'a> {
    fn of(kind: &'a EventType) -> Self {
        match kind {
            EventType::ExecutionStarted(it) => EventKind::ExecutionStarted {
                name: &it.name,
                version: it.version.as_deref().filter(|text| !text.is_empty()),
                input: it.input.as_deref(),
            },
            EventType::ExecutionCompleted(it) => EventKind::ExecutionCompleted {
                status: RuntimeStatus::from_number(it.orchestration_status),
                result: it.result.as_deref(),
                failure: failure(it.failure_details.as_ref()),
            },
            EventType::ExecutionTerminated(it) => EventKind::ExecutionTerminated {
                reason: it.input.as_deref(),
            },
            EventType::ExecutionSuspended(it) => EventKind::ExecutionSuspended {
                reason: it.input.as_deref(),
            },
            EventType::ExecutionResumed(it) => EventKind::ExecutionResumed {
                reason: it.input.as_deref(),
            },
            EventType::ExecutionRewound(it) => EventKind::ExecutionRewound {
                reason: it.reason.as_deref(),
            },
            EventType::ContinueAsNew(it) => EventKind::ContinueAsNew {
                input: it.input.as_deref(),
            },
            EventType::TaskScheduled(it) => EventKind::TaskScheduled {
                name: &it.name,
                input: it.input.as_deref(),
            },
            EventType::TaskCompleted(it) => EventKind::TaskCompleted {
                scheduled_id: it.task_scheduled_id,
                result: it.result.as_deref(),
            },
            EventType::TaskFailed(it) => EventKind::TaskFailed {
                scheduled_id: it.task_scheduled_id,
                failure: failure(it.failure_details.as_ref()),
            },
            EventType::SubOrchestrationInstanceCreated(it) => {
                EventKind::SubOrchestrationInstanceCreated {
                    instance_id: &it.instance_id,
                    name: &it.name,
                    version: it.version.as_deref().filter(|text| !text.is_empty()),
                    input: it.input.as_deref(),
                }
            }
            EventType::SubOrchestrationInstanceCompleted(it) => {
                EventKind::SubOrchestrationInstanceCompleted {
                    scheduled_id: it.task_scheduled_id,
                    result: it.result.as_deref(),
                }
            }
            EventType::SubOrchestrationInstanceFailed(it) => {
                EventKind::SubOrchestrationInstanceFailed {
                    scheduled_id: it.task_scheduled_id,
                    failure: failure(it.failure_details.as_ref()),
                }
            }
            EventType::TimerCreated(it) => EventKind::TimerCreated {
                fire_at: it.fire_at.map(to_system_time),
            },
            EventType::TimerFired(it) => EventKind::TimerFired {
                timer_id: it.timer_id,
                fire_at: it.fire_at.map(to_system_time),
            },
            EventType::OrchestratorStarted(_) => EventKind::OrchestratorStarted,
            EventType::OrchestratorCompleted(_) => EventKind::OrchestratorCompleted,
            EventType::EventSent(it) => EventKind::EventSent {
                instance_id: &it.instance_id,
                name: &it.name,
                input: it.input.as_deref(),
            },
            EventType::EventRaised(it) => EventKind::EventRaised {
                name: &it.name,
                input: it.input.as_deref(),
            },
            EventType::GenericEvent(it) => EventKind::GenericEvent {
                data: it.data.as_deref(),
            },
            // Those of entities are in no history that the extension keeps.
            _ => EventKind::Other,
        }
    }
}

fn failure(details: Option<&TaskFailureDetails>) -> Option<Failure> {
    details.cloned().map(Failure::from_details)
}

fn to_system_time(time: prost_types::Timestamp) -> SystemTime {
    Timestamp::from(time).to_system_time()
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::{TaskCompletedEvent, TimerFiredEvent};

    use super::*;

    fn event(kind: EventType) -> messages::HistoryEvent {
        messages::HistoryEvent {
            event_type: Some(kind),
            ..messages::HistoryEvent::default()
        }
    }

    fn completed(result: &str) -> messages::HistoryEvent {
        event(EventType::TaskCompleted(TaskCompletedEvent {
            task_scheduled_id: 3,
            result: Some(result.to_owned()),
        }))
    }

    #[test]
    fn the_output_of_an_activity_is_read_in_each_form_that_a_host_stores() {
        for result in [
            r#""{\"activityResult\":[7,8]}""#,
            r#""{\u0022activityResult\u0022:[7,8]}""#,
            "[7,8]",
        ] {
            let event = completed(result);
            let output = HistoryEvent::borrowed(&event).activity_output::<Vec<u32>>();
            assert_eq!(output.unwrap(), Some(vec![7, 8]), "{result}");
            let other = HistoryEvent::borrowed(&event).activity_output::<String>();
            let error = other.unwrap_err().to_string();
            assert!(
                error.starts_with("the result of activity 3 is not of type String"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_event_has_no_output_of_an_activity() {
        let event = event(EventType::TimerFired(TimerFiredEvent::default()));
        let output = HistoryEvent::borrowed(&event).activity_output::<u32>();
        assert_eq!(output.unwrap(), None);
    }
}
