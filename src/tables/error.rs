//! What can go wrong with a request to the table service.
//!
//! Invariant: an error holds no URL, no key, no signature and nothing that the service or a library said. Such details go
//! to the log, unless they may hold a secret.

use std::time::Duration;

use super::transport::TransportError;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TableError {
    /// The service knows no table of this name.
    #[error("the table does not exist")]
    TableNotFound,
    /// The table has no entity with these keys.
    #[error("the table has no such entity")]
    NotFound,
    /// There is such an entity, or such a table, already.
    #[error("the table has such an entity already")]
    Exists,
    /// The entity is not any more as it was read.
    #[error("the entity has changed")]
    Changed,
    /// The service refused the key or the signature.
    #[error("the table service refused the credentials")]
    AccessDenied,
    /// No connection to the endpoint: no such host, nothing listens there, or no TLS session.
    #[error("the table service cannot be reached")]
    Unreachable,
    /// The service did not accept the request.
    #[error("the table service rejected the request")]
    Rejected,
    /// The service asked to slow down.
    #[error("the table service is too busy")]
    Throttled,
    /// The service failed on its side.
    #[error("the table service failed")]
    ServiceFailed,
    /// The service did not answer in time.
    #[error("the table service did not answer in time")]
    Timeout,
    /// The connection broke before the answer was complete.
    #[error("the connection to the table service broke")]
    ConnectionLost,
    /// The answer is not one of the table service.
    #[error("the endpoint did not answer as a table service does")]
    UnexpectedAnswer,
}

impl TableError {
    /// Whether the same request may succeed a little later.
    ///
    /// An unreachable endpoint counts as transient: a service that restarts looks just like a wrong address, and a few
    /// seconds of retries cost less than work that fails for nothing.
    pub(crate) fn is_transient(self) -> bool {
        match self {
            Self::Unreachable
            | Self::Throttled
            | Self::ServiceFailed
            | Self::Timeout
            | Self::ConnectionLost => true,
            Self::TableNotFound
            | Self::NotFound
            | Self::Exists
            | Self::Changed
            | Self::AccessDenied
            | Self::Rejected
            | Self::UnexpectedAnswer => false,
        }
    }
}

/// The error for an answer that does not come from a table service. The reason goes to the log only.
pub(crate) fn unexpected(reason: &str) -> TableError {
    tracing::error!("this is no answer of a table service: {reason}");
    TableError::UnexpectedAnswer
}

/// One failed attempt: the error, and how long the service asked to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) error: TableError,
    pub(crate) retry_after: Option<Duration>,
}

impl From<TableError> for Failed {
    fn from(error: TableError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// The meaning of an SDK error. Its text is not used: it may quote the request.
pub(super) fn classify(error: &azure_core::Error) -> Failed {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(transport) = error.downcast_ref::<TransportError>() {
            return classify_transport(transport);
        }
        if let Some(json) = error.downcast_ref::<serde_json::Error>() {
            // A body without a length can end early without an error of the connection.
            return if json.is_eof() {
                TableError::ConnectionLost.into()
            } else {
                // Not its text, which quotes the body.
                unexpected(&format!(
                    "the body is not the JSON of a page ({:?} error in line {}, column {})",
                    json.classify(),
                    json.line(),
                    json.column()
                ))
                .into()
            };
        }
        source = error.source();
    }
    unexpected("a header that every answer of the service has is missing").into()
}

fn classify_transport(error: &TransportError) -> Failed {
    match error {
        TransportError::Status {
            status,
            code,
            retry_after,
        } => {
            tracing::debug!(status, code, "table service answered with an error");
            Failed {
                error: classify_status(*status, code.as_deref()),
                retry_after: *retry_after,
            }
        }
        TransportError::Connect => TableError::Unreachable.into(),
        TransportError::Timeout => TableError::Timeout.into(),
        TransportError::Broken => TableError::ConnectionLost.into(),
        TransportError::Invalid(reason) => unexpected(reason).into(),
    }
}

fn classify_status(status: u16, code: Option<&str>) -> TableError {
    match (status, code) {
        (401 | 403, _) | (400, Some("InvalidAuthenticationInfo" | "AuthenticationFailed")) => {
            TableError::AccessDenied
        }
        (404, Some("TableNotFound")) => TableError::TableNotFound,
        (404, Some("ResourceNotFound" | "EntityNotFound")) => TableError::NotFound,
        (409, Some("EntityAlreadyExists" | "TableAlreadyExists")) => TableError::Exists,
        // A table that is being deleted may be made again when that has ended.
        (409, Some("TableBeingDeleted")) => TableError::Throttled,
        (412, Some(_)) => TableError::Changed,
        (408 | 504, _) | (500, Some("OperationTimedOut")) => TableError::Timeout,
        (429 | 503, _) => TableError::Throttled,
        (500..=599, _) => TableError::ServiceFailed,
        // A table service sends a code with each error, so something else answered.
        (400..=499, Some(_)) => TableError::Rejected,
        _ => unexpected(&format!(
            "status {status}, and no error code of the service"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        for (status, code, expected) in [
            (403, Some("AuthenticationFailed"), TableError::AccessDenied),
            (401, None, TableError::AccessDenied),
            (
                400,
                Some("InvalidAuthenticationInfo"),
                TableError::AccessDenied,
            ),
            (404, Some("TableNotFound"), TableError::TableNotFound),
            (404, Some("ResourceNotFound"), TableError::NotFound),
            (409, Some("EntityAlreadyExists"), TableError::Exists),
            (409, Some("TableAlreadyExists"), TableError::Exists),
            (409, Some("TableBeingDeleted"), TableError::Throttled),
            (
                412,
                Some("UpdateConditionNotSatisfied"),
                TableError::Changed,
            ),
            (412, None, TableError::UnexpectedAnswer),
            (404, None, TableError::UnexpectedAnswer),
            (400, Some("InvalidInput"), TableError::Rejected),
            (501, Some("NotImplemented"), TableError::ServiceFailed),
            (408, None, TableError::Timeout),
            (500, Some("OperationTimedOut"), TableError::Timeout),
            (504, None, TableError::Timeout),
            (429, None, TableError::Throttled),
            (503, Some("ServerBusy"), TableError::Throttled),
            (500, Some("InternalError"), TableError::ServiceFailed),
            (502, None, TableError::ServiceFailed),
            (301, None, TableError::UnexpectedAnswer),
        ] {
            assert_eq!(classify_status(status, code), expected, "{status} {code:?}");
        }
    }
}
