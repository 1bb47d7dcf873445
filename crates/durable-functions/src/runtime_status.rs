//! Where an instance stands: the type of users, and how it relates to the numbers of the protocol.

use std::fmt;
use std::str::FromStr;

use durable_protocol::messages::OrchestrationStatus;
use serde::{Serialize, Serializer};

/// Where an instance stands.
///
/// In JSON it is its name as the host spells it: `"Running"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RuntimeStatus {
    /// Accepted, not begun.
    Pending,
    /// Between its first turn and its end.
    Running,
    /// Held back by a client.
    Suspended,
    /// Between two executions, after a continue-as-new; seen at most briefly.
    ContinuedAsNew,
    /// Ended with an output.
    Completed,
    /// Ended with a failure.
    Failed,
    /// Ended by a client.
    Terminated,
    /// Ended as canceled; no current host sets it by itself.
    Canceled,
    /// A status that this version of the crate does not know.
    Unknown,
}

impl RuntimeStatus {
    /// Every status that a host can report and a query can ask for.
    pub const ALL: [RuntimeStatus; 8] = [
        RuntimeStatus::Pending,
        RuntimeStatus::Running,
        RuntimeStatus::Suspended,
        RuntimeStatus::ContinuedAsNew,
        RuntimeStatus::Completed,
        RuntimeStatus::Failed,
        RuntimeStatus::Terminated,
        RuntimeStatus::Canceled,
    ];

    /// The statuses of instances that have ended.
    pub const ENDED: [RuntimeStatus; 4] = [
        RuntimeStatus::Completed,
        RuntimeStatus::Failed,
        RuntimeStatus::Terminated,
        RuntimeStatus::Canceled,
    ];

    /// The name, as the host's messages and its management API spell it: `Running`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.to_wire()
            .map_or("Unknown", OrchestrationStatus::as_str)
    }

    /// Whether an instance in this status never runs again, unless it is rewound or started anew.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.to_wire().is_some_and(OrchestrationStatus::is_terminal)
    }

    /// The status of the protocol; `None` for [`Unknown`](Self::Unknown).
    pub(crate) fn to_wire(self) -> Option<OrchestrationStatus> {
        Some(match self {
            RuntimeStatus::Pending => OrchestrationStatus::Pending,
            RuntimeStatus::Running => OrchestrationStatus::Running,
            RuntimeStatus::Suspended => OrchestrationStatus::Suspended,
            RuntimeStatus::ContinuedAsNew => OrchestrationStatus::ContinuedAsNew,
            RuntimeStatus::Completed => OrchestrationStatus::Completed,
            RuntimeStatus::Failed => OrchestrationStatus::Failed,
            RuntimeStatus::Terminated => OrchestrationStatus::Terminated,
            RuntimeStatus::Canceled => OrchestrationStatus::Canceled,
            RuntimeStatus::Unknown => return None,
        })
    }

    /// The status that a message holds as a number.
    pub(crate) fn from_number(number: i32) -> Self {
        OrchestrationStatus::try_from(number).map_or(RuntimeStatus::Unknown, Self::from)
    }
}

// Hidden, because the messages of the wire are not part of the API.
#[doc(hidden)]
impl From<OrchestrationStatus> for RuntimeStatus {
    fn from(status: OrchestrationStatus) -> Self {
        match status {
            OrchestrationStatus::Pending => RuntimeStatus::Pending,
            OrchestrationStatus::Running => RuntimeStatus::Running,
            OrchestrationStatus::Suspended => RuntimeStatus::Suspended,
            OrchestrationStatus::ContinuedAsNew => RuntimeStatus::ContinuedAsNew,
            OrchestrationStatus::Completed => RuntimeStatus::Completed,
            OrchestrationStatus::Failed => RuntimeStatus::Failed,
            OrchestrationStatus::Terminated => RuntimeStatus::Terminated,
            OrchestrationStatus::Canceled => RuntimeStatus::Canceled,
        }
    }
}

impl fmt::Display for RuntimeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a status such as Running, Completed or Failed")]
pub struct ParseRuntimeStatusError(());

/// From its name, whose letter case does not count.
impl FromStr for RuntimeStatus {
    type Err = ParseRuntimeStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        RuntimeStatus::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
            .ok_or(ParseRuntimeStatusError(()))
    }
}

impl Serialize for RuntimeStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_its_name() {
        for status in RuntimeStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(status.to_string().to_lowercase().parse(), Ok(status));
            assert_eq!(
                RuntimeStatus::from_number(status.to_wire().unwrap() as i32),
                status
            );
        }
        for text in ["", "Unknown", "Done", " Failed"] {
            assert!(text.parse::<RuntimeStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn those_that_have_ended_are_the_terminal_ones() {
        let ended = RuntimeStatus::ALL.into_iter().filter(|it| it.is_terminal());
        assert_eq!(ended.collect::<Vec<_>>(), RuntimeStatus::ENDED);
    }
}
