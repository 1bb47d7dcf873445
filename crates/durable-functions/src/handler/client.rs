//! The durable client in functions: from their binding, and its errors as responses.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use functions_handler::Invocation;

use crate::{ClientError, DurableClient};

/// Why a function got no [`DurableClient`]. The HTTP client gets an empty response with status 500,
/// because the mistake is in the app or in the host. The reason is in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientRejection {
    /// The function has no `durableClient` binding in its function.json.
    #[error(
        "function '{function}' has no durableClient binding: add \
         {{\"type\": \"durableClient\", \"direction\": \"in\", \"name\": \"starter\"}} to its function.json"
    )]
    NoBinding {
        /// The function.
        function: String,
    },
    /// The value of the binding cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The request did not come through an `App`.
    #[error("the request does not belong to an invocation")]
    NotAnInvocation,
}

impl IntoResponse for ClientRejection {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// The status code says what a client of the app may know, and the rest goes to the log.
impl IntoResponse for ClientError {
    fn into_response(self) -> Response {
        let status = status_of(&self);
        if status.is_server_error() {
            tracing::error!("{self}");
        } else {
            tracing::info!("{self}");
        }
        status.into_response()
    }
}

fn status_of(error: &ClientError) -> StatusCode {
    match error {
        ClientError::InvalidId { .. }
        | ClientError::InvalidEntityId(_)
        | ClientError::InvalidName { .. }
        | ClientError::InvalidArgument { .. } => StatusCode::BAD_REQUEST,
        ClientError::NotFound { .. } => StatusCode::NOT_FOUND,
        ClientError::AlreadyExists { .. } | ClientError::WrongStatus { .. } => StatusCode::CONFLICT,
        ClientError::InvalidInput { .. }
        | ClientError::InvalidBinding { .. }
        | ClientError::InvalidEndpoint { .. }
        | ClientError::NotCompleted { .. }
        | ClientError::Decode(_)
        | ClientError::StartUnknown { .. }
        | ClientError::Rpc { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        ClientError::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
        ClientError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        ClientError::NotEnded { .. } => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// With the feature `handler`.
impl DurableClient {
    /// The client of a function with any trigger that has a `durableClient` binding, whatever the binding is called.
    ///
    /// # Errors
    /// [`ClientRejection::NoBinding`]; [`ClientRejection::Client`] when its value cannot be used.
    pub fn from_invocation(invocation: &Invocation) -> Result<Self, ClientRejection> {
        // The binding is the one whose text is an object with an rpcBaseUrl.
        let mut invalid = None;
        for (_, value) in invocation.data_iter() {
            let Ok(Some(text)) = value.text() else {
                continue;
            };
            if !text.contains("rpcBaseUrl") {
                continue;
            }
            match DurableClient::from_binding(&text) {
                Ok(client) => return Ok(client),
                Err(error) => invalid = Some(error),
            }
        }
        Err(invalid.map_or_else(
            || ClientRejection::NoBinding {
                function: invocation.function_name().to_owned(),
            },
            ClientRejection::Client,
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DurableClient {
    type Rejection = ClientRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let invocation = parts
            .extensions
            .get::<Invocation>()
            .ok_or(ClientRejection::NotAnInvocation)?;
        DurableClient::from_invocation(invocation)
    }
}
