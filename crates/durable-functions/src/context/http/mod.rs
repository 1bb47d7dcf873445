//! Durable HTTP: calls that the host makes, with polling of a 202 on durable timers.
//!
//! The extension has a built-in activity that makes one request. It does not follow a `202 Accepted` to
//! its end. That is done here, with timers and further requests of the orchestration, so that waiting
//! for days costs nothing and survives every restart.

mod polling;
mod request;
mod response;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::StatusCode;
use durable_protocol::http_activity;
pub use request::HttpRequest;
pub use response::HttpResponse;

use super::{OrchestrationContext, TaskFuture};
use crate::engine::Call;
use crate::{Failure, TaskError, error_type};

impl OrchestrationContext {
    /// Makes an HTTP call, durably: the host sends the request, its answer is part of the history,
    /// and the orchestrator sleeps meanwhile.
    ///
    /// The request is scheduled when this returns. An answer of `202 Accepted` with a `Location` is
    /// polled by GET until another status comes, after each `Retry-After` (seconds or a date; at
    /// least one second), else after host.json's
    /// `extensions.durableTask.httpSettings.defaultAsyncRequestSleepTimeMilliseconds` (30 s);
    /// [`HttpRequest::asynchronous_pattern`] turns that off. Polls carry the headers of the request,
    /// but never its `x-functions-key`, and its `Authorization`, cookies and managed identity only to
    /// the same origin. Polling goes on while the future is awaited.
    ///
    /// A status such as 404 or 500 is an answer, not an error; see
    /// [`HttpResponse::error_for_status`].
    ///
    /// ```
    /// use durable_functions::{HttpRequest, OrchestrationContext, Result};
    ///
    /// async fn orders(ctx: OrchestrationContext, shop: String) -> Result<u64> {
    ///     let request = HttpRequest::get(format!("https://{shop}/orders/count"));
    ///     let response = ctx.call_http(request).await?.error_for_status()?;
    ///     Ok(response.json()?)
    /// }
    /// ```
    ///
    /// # Errors
    /// The future yields [`TaskError::Failed`] when the request is not valid
    /// ([`InvalidInput`](crate::error_type::INVALID_INPUT), nothing is sent) or got no answer
    /// ([`HttpRequestFailed`](crate::error_type::HTTP_REQUEST_FAILED): the host gives no reason for
    /// a refused connection, an unknown name or a time-out), after the last retry of
    /// [`HttpRequest::with_retry`].
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn call_http(&self, request: HttpRequest) -> HttpFuture {
        self.note_site();
        let first = self.send_http(&request);
        let context = self.clone();
        HttpFuture(Box::pin(async move {
            let mut request = request;
            let mut answer = first;
            loop {
                let response = answer.await.map_err(|error| explained(error, &request))?;
                let next = match response.status() {
                    StatusCode::ACCEPTED => request.poll_of(&response),
                    _ => None,
                };
                let Some(next) = next else {
                    return Ok(response);
                };
                let default = context.state.borrow().http_poll_interval();
                let delay = polling::delay(&response, context.now(), default);
                context.timer_after(delay).await;
                request = next;
                answer = context.send_http(&request);
            }
        }))
    }

    fn send_http(&self, request: &HttpRequest) -> TaskFuture<HttpResponse> {
        let call = Call::Activity {
            name: http_activity::NAME,
        };
        let retry = request.retry();
        let input = || request.to_input().map(Some);
        let task = {
            let mut state = self.state.borrow_mut();
            match request.check() {
                Ok(()) => state.call(call, input, retry),
                Err(failure) => state.refuse_call(&call, failure),
            }
        };
        TaskFuture::activity(&self.state, task)
    }
}

/// Says which request failed, and what a failure without details means here.
fn explained(error: TaskError, request: &HttpRequest) -> TaskError {
    match error {
        TaskError::Failed { failure, .. } => TaskError::Failed {
            task: request.to_string(),
            failure: if failure == Failure::unknown() {
                Failure::new(
                    error_type::HTTP_REQUEST_FAILED,
                    "there was no answer; the host does not say why (a refused connection, an \
                     unknown name, a time-out)",
                )
            } else {
                failure
            },
        },
        other => other,
    }
}

/// The answer to an HTTP call; see [`OrchestrationContext::call_http`].
#[must_use = "the request goes out, but its answer is lost unless this is awaited"]
pub struct HttpFuture(Pin<Box<dyn Future<Output = Result<HttpResponse, TaskError>>>>);

impl HttpFuture {
    /// A call that has ended.
    pub(super) fn ended(end: Result<HttpResponse, TaskError>) -> Self {
        HttpFuture(Box::pin(std::future::ready(end)))
    }
}

impl Future for HttpFuture {
    type Output = Result<HttpResponse, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
