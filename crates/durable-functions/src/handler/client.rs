//! The durable client in functions: as an axum extractor, from an invocation, and its answers.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use functions_handler::{Invocation, OriginalUrl, Value};

use crate::{ClientError, DurableClient, Instance, RuntimeStatus};

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

impl DurableClient {
    /// The client of an invocation, whatever triggered it: a timer, a queue message, an HTTP request. The function
    /// needs a `durableClient` binding, which may have any name; with several, it is the first one.
    ///
    /// Take the client from each invocation. Its address changes when the host restarts.
    ///
    /// ```
    /// # use durable_functions::{DurableClient, Orchestrator};
    /// # use functions_handler::{Answer, FunctionError, Invocation};
    /// const IMPORT: Orchestrator<String, u64> = Orchestrator::new("import");
    ///
    /// /// A function with a `queueTrigger` named `message`.
    /// async fn queued(invocation: Invocation) -> Result<Answer, FunctionError> {
    ///     let client = DurableClient::from_invocation(&invocation)?;
    ///     let file = invocation.data("message").ok_or("no message")?.json::<String>()?;
    ///     client.start(IMPORT, &file).await?;
    ///     Ok(Answer::new())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ClientRejection::NoBinding`]; [`ClientRejection::Client`] when the value of the binding cannot be used.
    pub fn from_invocation(invocation: &Invocation) -> Result<Self, ClientRejection> {
        // The trigger comes first, and the text of a queue message is whatever its sender likes: a client at the
        // address in it would tell the sender all that the function does. So it is looked at last.
        let mut values = invocation.data_iter();
        let trigger = values.next();
        among(values.chain(trigger), invocation.function_name())
    }

    /// The client of a function whose trigger can have any text as its value: that one is not looked at.
    pub(crate) fn beside_the_trigger(invocation: &Invocation) -> Result<Self, ClientRejection> {
        among(invocation.data_iter().skip(1), invocation.function_name())
    }
}

/// The client among these values. It is the one whose text is an object with an rpcBaseUrl.
fn among<'v>(
    values: impl Iterator<Item = (&'v str, Value<'v>)>,
    function: &str,
) -> Result<DurableClient, ClientRejection> {
    let mut invalid = None;
    for (_, value) in values {
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
            function: function.to_owned(),
        },
        ClientRejection::Client,
    ))
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

impl ClientError {
    /// The HTTP status code of the [response](ClientError) that the error is.
    #[must_use]
    pub fn status_code(&self) -> StatusCode {
        match self {
            ClientError::InvalidId { .. }
            | ClientError::InvalidEntityId(_)
            | ClientError::InvalidName { .. }
            | ClientError::InvalidArgument { .. } => StatusCode::BAD_REQUEST,
            ClientError::NotFound { .. } => StatusCode::NOT_FOUND,
            ClientError::AlreadyExists { .. } | ClientError::WrongStatus { .. } => {
                StatusCode::CONFLICT
            }
            ClientError::InvalidInput { .. }
            | ClientError::InvalidBinding { .. }
            | ClientError::InvalidEndpoint { .. }
            | ClientError::NotCompleted { .. }
            | ClientError::Decode(_)
            // Not 503, after which the caller would try again and could start a second instance.
            | ClientError::StartUnknown { .. }
            | ClientError::Rpc { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            ClientError::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
            ClientError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ClientError::NotEnded { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// An empty response: the text of an error can hold what the host said. The log has it.
impl IntoResponse for ClientError {
    fn into_response(self) -> Response {
        let code = self.status_code();
        if code.is_server_error() {
            tracing::error!("{self}");
        } else {
            tracing::info!("{self}");
        }
        code.into_response()
    }
}

impl<O> Instance<O> {
    /// The response with which Durable Functions answers a start: 202 with the [management
    /// URLs](crate::ManagementUrls) as JSON, the address of the status in `Location`, and `Retry-After: 10`. Clients
    /// that poll in the way of Azure understand it. `url` is that of the request: the URLs get its scheme and host.
    ///
    /// **It hands out the system key of the extension** (`code=`): whoever gets the response can read, terminate and
    /// purge every instance of the task hub. For callers who are not to be trusted with that, answer with the id and
    /// have a function of your own for the status.
    ///
    /// Scheme and host are those of the connection to the host. Behind a proxy whose address differs, answer with
    /// [`management_urls`](Self::management_urls) for that address instead: the binding's `useForwardedHost` is not
    /// followed.
    ///
    /// # Errors
    /// [`ClientError::InvalidId`]; [`ClientError::InvalidBinding`] when the binding does not say where the API is.
    pub fn check_status_response(&self, url: &OriginalUrl) -> Result<Response, ClientError> {
        let urls = self.management_urls(Some(url.origin()))?;
        let headers = [
            (header::LOCATION, urls.status_query_get_uri.clone()),
            (header::RETRY_AFTER, "10".to_owned()),
        ];
        Ok((StatusCode::ACCEPTED, headers, Json(urls)).into_response())
    }

    /// Waits at most for `limit`, and answers as Durable Functions does: 200 with the output when the instance
    /// completed, 200 with the [status](crate::Status) as JSON when it ended in another way, and the
    /// [check-status response](Self::check_status_response) when it has not ended.
    ///
    /// **The last one hands out the system key of the extension.** The second one holds the input and the failure.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait) and [`check_status_response`](Self::check_status_response).
    pub async fn wait_or_check_status(
        &self,
        url: &OriginalUrl,
        limit: Duration,
    ) -> Result<Response, ClientError> {
        let status = match self.wait(limit).await {
            Ok(status) => status,
            Err(ClientError::NotEnded { .. }) => return self.check_status_response(url),
            Err(error) => return Err(error),
        };
        if status.runtime_status != RuntimeStatus::Completed {
            return Ok(Json(status).into_response());
        }
        let json = [(header::CONTENT_TYPE, "application/json")];
        let output = status.output.unwrap_or_else(|| "null".to_owned());
        Ok((json, output).into_response())
    }
}
