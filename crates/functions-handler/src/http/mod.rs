//! Functions with an HTTP trigger: the client's request as the host describes it becomes an
//! ordinary axum request, the axum response becomes the output `res`.

mod mending;
mod original_url;
mod params;
mod params_de;
mod request;
mod response;

use axum::http::StatusCode;
use serde_json::json;
use tracing::{Span, field::display};

pub use self::original_url::OriginalUrl;
pub use self::params::{Params, ParamsRejection};
pub(crate) use self::response::HttpOutput;

use self::request::HttpTrigger;
use crate::failure::Failure;
use crate::interruption::Interruption;
use crate::invocation::Invocation;
use crate::redaction::redacted;
use crate::registry::HttpHandler;

/// Runs an HTTP function. The client gets an answer in every case but one: a request that did not
/// come from an HTTP trigger at all.
pub(crate) async fn call(
    handler: &HttpHandler,
    invocation: &Invocation,
) -> Result<HttpOutput, Failure> {
    let trigger = HttpTrigger::find(invocation)?;
    if let Some(correlation) = invocation.correlation() {
        let client_id = trigger.header("x-ms-client-request-id").next();
        correlation.begin(trigger.header("traceparent"), client_id);
        Span::current().record("trace_id", display(correlation.trace_id()));
    }
    if trigger.lost_its_body() {
        tracing::warn!("refused a chunked request with 411: the host drops its body");
        return Ok(HttpOutput::json(
            StatusCode::LENGTH_REQUIRED,
            &json!({ "error": LENGTH_REQUIRED }),
        ));
    }
    let Some(request) = trigger.into_request(invocation)? else {
        tracing::warn!(
            "refused a request body that is not UTF-8 with 415: the host carries other bytes only \
             as application/octet-stream or multipart/*"
        );
        return Ok(HttpOutput::json(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &json!({ "error": NOT_UTF_8 }),
        ));
    };
    // The body's stream is the function's too: it may take its time, or panic.
    let mended = response::mend(handler(request).await).await;
    Ok(mended.unwrap_or_else(|refusal| failed(invocation.id(), &refusal.to_string())))
}

/// The client's answer when the function has failed. What the problem is goes to the log only.
pub(crate) fn failed(id: &str, problem: &str) -> HttpOutput {
    let problem = redacted(problem);
    tracing::error!(id, "answered the client with 500: {problem}");
    HttpOutput::json(
        StatusCode::INTERNAL_SERVER_ERROR,
        &json!({ "error": "Internal server error.", "id": id }),
    )
}

/// The client's answer in place of the function's.
pub(crate) fn interrupted(id: &str, why: Interruption) -> HttpOutput {
    let status = why.status();
    why.log(id, &format!("answered the client with {}", status.as_u16()));
    let error = match why {
        Interruption::Timeout { .. } => "The function did not finish in time.",
        Interruption::Stopping => "The function app is restarting. Try again.",
    };
    HttpOutput::json(status, &json!({ "error": error, "id": id }))
}

const LENGTH_REQUIRED: &str = "The request was sent with `Transfer-Encoding: chunked`, and Azure \
    Functions does not pass the body of such a request on. Send it with a Content-Length.";

const NOT_UTF_8: &str = "The request body is not UTF-8 text, and Azure Functions passes other bytes \
    on unchanged only when the Content-Type is application/octet-stream or multipart/*. Send it \
    under one of these types (compressed bodies as well), or as UTF-8 text.";
