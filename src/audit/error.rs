//! What can go wrong with a query, in texts that clients may see.
//!
//! Invariant: a code and a message are fixed texts. They hold no URL, no key, no signature and nothing that the
//! service or a library said; such details go to the log, unless they may hold a secret.

use crate::tables::TableError;

/// Why a query gave no count.
///
/// [`code`](Self::code) is stable and meant for programs; the [`Display`](std::fmt::Display) text is meant for
/// people. Both appear in the status of a failed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The service knows no table of the configured name.
    #[error("The audit table does not exist. Check the setting AuditTable.")]
    TableNotFound,
    /// The service refused the key or the signature.
    #[error(
        "The table service refused the credentials of the app. Check the setting AuditStorage."
    )]
    AccessDenied,
    /// No connection to the endpoint: no such host, nothing listens there, or no TLS session.
    #[error("The table service cannot be reached. Check the endpoint in the setting AuditStorage.")]
    Unreachable,
    /// The service did not accept the query.
    #[error("The table service rejected the query.")]
    QueryRejected,
    /// The service asked to slow down until the time for retries was over.
    #[error("The table service is too busy. Try again later.")]
    Throttled,
    /// The service failed on its side.
    #[error("The table service failed. Try again later.")]
    ServiceFailed,
    /// The service did not answer in time.
    #[error("The table service did not answer in time. Try again later.")]
    TableTimeout,
    /// The scan as a whole took longer than it may.
    #[error("The query took too long. Ask for fewer days.")]
    ScanTimeout,
    /// Connections broke before an answer was complete.
    #[error("The connection to the table service broke. Try again later.")]
    ConnectionLost,
    /// The answer is not one of the table service.
    #[error(
        "The endpoint did not answer as a table service does. Check the endpoint in the setting AuditStorage."
    )]
    UnexpectedAnswer,
    /// The service refused to let the app write to the scratch table.
    #[error(
        "The table service does not let the app use the scratch table. Check the settings ScratchStorage and ScratchTable."
    )]
    ScratchDenied,
    /// Requests to the scratch table failed.
    #[error(
        "The scratch table cannot be used at present. Try again later, and check the setting ScratchStorage."
    )]
    ScratchFailed,
    /// Values that the job had spilled are gone.
    #[error("The intermediate values of the job are gone. Submit the job again.")]
    ScratchLost,
}

impl AuditError {
    /// Every error, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::TableNotFound,
        Self::AccessDenied,
        Self::Unreachable,
        Self::QueryRejected,
        Self::Throttled,
        Self::ServiceFailed,
        Self::TableTimeout,
        Self::ScanTimeout,
        Self::ConnectionLost,
        Self::UnexpectedAnswer,
        Self::ScratchDenied,
        Self::ScratchFailed,
        Self::ScratchLost,
    ];

    /// The code of the error, such as `TableNotFound`.
    pub fn code(self) -> &'static str {
        match self {
            Self::TableNotFound => "TableNotFound",
            Self::AccessDenied => "AccessDenied",
            Self::Unreachable => "Unreachable",
            Self::QueryRejected => "QueryRejected",
            Self::Throttled => "Throttled",
            Self::ServiceFailed => "ServiceFailed",
            Self::TableTimeout => "TableTimeout",
            Self::ScanTimeout => "ScanTimeout",
            Self::ConnectionLost => "ConnectionLost",
            Self::UnexpectedAnswer => "UnexpectedAnswer",
            Self::ScratchDenied => "ScratchDenied",
            Self::ScratchFailed => "ScratchFailed",
            Self::ScratchLost => "ScratchLost",
        }
    }

    /// The error with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.code() == code)
    }

    /// Whether the same query may succeed a little later.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Unreachable
            | Self::Throttled
            | Self::ServiceFailed
            | Self::TableTimeout
            | Self::ConnectionLost
            | Self::ScratchFailed => true,
            Self::TableNotFound
            | Self::AccessDenied
            | Self::QueryRejected
            | Self::ScanTimeout
            | Self::UnexpectedAnswer
            | Self::ScratchDenied
            | Self::ScratchLost => false,
        }
    }

    /// The error for a request to the scratch table. A client can do nothing about the kind of the failure; the log has it at DEBUG.
    pub(crate) fn of_scratch(error: TableError) -> Self {
        tracing::debug!("a request to the scratch table failed: {error}");
        match error {
            TableError::AccessDenied | TableError::Rejected => Self::ScratchDenied,
            _ => Self::ScratchFailed,
        }
    }
}

impl From<TableError> for AuditError {
    fn from(error: TableError) -> Self {
        match error {
            // A query names no entity: what was not found is the table.
            TableError::TableNotFound | TableError::NotFound => Self::TableNotFound,
            TableError::AccessDenied => Self::AccessDenied,
            TableError::Unreachable => Self::Unreachable,
            TableError::Rejected | TableError::Exists | TableError::Changed => Self::QueryRejected,
            TableError::Throttled => Self::Throttled,
            TableError::ServiceFailed => Self::ServiceFailed,
            TableError::Timeout => Self::TableTimeout,
            TableError::ConnectionLost => Self::ConnectionLost,
            TableError::UnexpectedAnswer => Self::UnexpectedAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_and_messages_are_distinct() {
        let codes: HashSet<_> = AuditError::ALL.iter().map(|error| error.code()).collect();
        let texts: HashSet<_> = AuditError::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(codes.len(), AuditError::ALL.len());
        assert_eq!(texts.len(), AuditError::ALL.len());
        for error in AuditError::ALL {
            assert_eq!(AuditError::from_code(error.code()), Some(error));
        }
        assert_eq!(AuditError::from_code("Internal"), None);
    }
}
