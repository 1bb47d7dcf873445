//! The durable client as an axum extractor.

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

impl<S: Send + Sync> FromRequestParts<S> for DurableClient {
    type Rejection = ClientRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let invocation = parts
            .extensions
            .get::<Invocation>()
            .ok_or(ClientRejection::NotAnInvocation)?;
        // The binding may have any name. It is the one whose text is an object with an rpcBaseUrl.
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
