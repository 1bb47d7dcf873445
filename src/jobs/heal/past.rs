//! What the history of a failed job says of its failure and of earlier rewinds.
//!
//! The history is what all processes share, and it survives their restarts. So the rewinds are counted in it: each one
//! leaves its reason there, and the reasons carry a number.

use std::time::SystemTime;

use durable_functions::{EventKind, HistoryEvent, RuntimeStatus};

use super::loss::is_lost_activity;

/// What the reason of each of our rewinds begins with. Do not change it: rewinds in stored histories would no longer count.
const REASON: &str = "The host lost a turn or an activity. Rewind ";

/// The reason of the rewind with this number, counted from 1. Two processes that rewind at the same time give the same
/// reason, so that it counts once. A rewind cannot be made to depend on the failure that was read. So a process that is
/// late by a whole failure rewinds without a pause, which does not count either.
pub(super) fn reason(number: u32) -> String {
    format!("{REASON}{number}")
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// When (UTC).
    pub(super) at: SystemTime,
    pub(super) status: RuntimeStatus,
    /// The type of the failure, if the orchestrator itself failed.
    pub(super) error_type: Option<String>,
}

/// A history, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// The number of the last rewind of ours.
    pub(super) rewinds: u32,
    /// `None` when the execution goes on, because somebody has rewound it.
    pub(super) end: Option<End>,
    /// Whether the last activity that failed was lost on the wire.
    pub(super) lost_activity: bool,
}

impl Past {
    /// Takes the next event.
    pub(super) fn add(&mut self, event: &HistoryEvent<'_>) {
        match event.kind() {
            // The Azure Storage provider records a rewind as the first, others as the second.
            EventKind::GenericEvent {
                data: Some(reason), ..
            }
            | EventKind::ExecutionRewound {
                reason: Some(reason),
                ..
            } => {
                let number = reason.strip_prefix(REASON).and_then(|it| it.parse().ok());
                self.rewinds = self.rewinds.max(number.unwrap_or(0));
                self.end = None;
            }
            EventKind::ExecutionStarted { .. } | EventKind::OrchestratorStarted => self.end = None,
            EventKind::TaskFailed { failure, .. } => {
                self.lost_activity = failure.as_ref().is_some_and(is_lost_activity);
            }
            EventKind::ExecutionCompleted {
                status, failure, ..
            } => {
                self.end = Some(End {
                    at: event.timestamp(),
                    status,
                    error_type: failure.map(|failure| failure.error_type().to_owned()),
                });
            }
            _ => {}
        }
    }
}
