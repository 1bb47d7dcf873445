//! One call of the host: reads the request, runs the function, writes the answer. Invariant: every
//! request gets an answer that the host can finish with, whatever the function does.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::json;
use tokio::task::spawn_blocking;
use tracing::{Dispatch, Instrument, Span, dispatcher};

use crate::correlation::Correlation;
use crate::envelope::{self, MAX_BODY, Reply};
use crate::failure::{Failure, panic_text};
use crate::function::Function;
use crate::http;
use crate::interruption::Interruption;
use crate::invocation::Unread;
use crate::lifetime::{Cut, Lifetime};
use crate::logs::InvocationLog;
use crate::registry::{Functions, Registered};
use crate::runtimes::Runtimes;
use crate::stop::Stop;
use crate::time_limit::TimeLimit;

/// An app that takes invocations.
pub(crate) struct Running {
    pub(crate) functions: Functions,
    pub(crate) limit: Option<TimeLimit>,
    /// See [`App::correlate`](crate::App::correlate).
    pub(crate) correlates: bool,
    pub(crate) stop: Stop,
    pub(crate) runtimes: Runtimes,
}

/// The header of every answer that is given after the stop signal. local-host sends this process nothing
/// more then; a real host does not know it.
pub const STOPPING_HEADER: HeaderName = HeaderName::from_static("x-handler-stopping");

/// Answers `POST /{FunctionName}`.
pub(crate) async fn dispatch(app: Arc<Running>, request: Request) -> Response {
    let in_flight = app.stop.enter();
    let lifetime = Lifetime::begin(app.limit, &app.stop, &app.runtimes, in_flight.is_late);
    let mut response = respond(&app, request, &lifetime).await;
    if app.stop.is_stopping() {
        let headers = response.headers_mut();
        headers.insert(STOPPING_HEADER, HeaderValue::from_static("1"));
    }
    response
}

async fn respond(app: &Running, request: Request, lifetime: &Lifetime) -> Response {
    let id = invocation_id(request.headers());
    // A host sends no `Origin`, browsers send one with every POST. The port is open to all pages that this
    // machine shows, and takes a body of any content type.
    if request.headers().contains_key(ORIGIN) {
        let message = "the request has an `Origin` header, so a web page sent it; only the Functions \
                       host calls this port, pages call the host";
        return Failure::new(StatusCode::FORBIDDEN, message).answer(&id);
    }
    let path = request.uri().path();
    let name = path.strip_prefix('/').unwrap_or(path).to_owned();
    let Some(function) = app.functions.get(&name) else {
        return unknown_function(&app.functions, &name).answer(&id);
    };
    if request.method() != Method::POST {
        let message = format!(
            "the host calls a function with POST, this is {}",
            request.method()
        );
        return Failure::new(StatusCode::METHOD_NOT_ALLOWED, message).answer(&id);
    }
    let log = InvocationLog::default();
    let span = log.span(&name, &id);
    let answer = async {
        let body = match read(request.into_body()).await {
            Ok(body) => body,
            Err(failure) => return failure.answer(&id),
        };
        let correlates = app.correlates && matches!(function, Registered::Http(_));
        let correlation = correlates.then(Correlation::default);
        let unread = Unread::new(name, id, body, lifetime, correlation);
        match invoke(function, &unread, lifetime, &log).await {
            Ok(response) => response,
            Err(failure) => failure.answer(unread.id()),
        }
    };
    answer.instrument(span).await
}

/// Runs the function, and answers without it when it is interrupted or panics.
async fn invoke(
    function: &Registered,
    unread: &Unread,
    lifetime: &Lifetime,
    log: &InvocationLog,
) -> Result<Response, Failure> {
    let turned_away = match function {
        // Its client can try again at once.
        Registered::Http(_) => None,
        Registered::Other(_) => lifetime.turned_away().await,
    };
    let cut = match turned_away {
        Some(why) => Cut::Interrupted(why),
        None => {
            let call = call(function.clone(), unread.clone(), log.clone());
            match lifetime.run(call).await {
                Ok(outcome) => return outcome,
                Err(cut) => cut,
            }
        }
    };
    match (function, cut) {
        (Registered::Http(_), Cut::Interrupted(why)) => {
            let output = http::interrupted(unread.id(), why);
            Ok(reply_over_http(output, unread, log))
        }
        (Registered::Http(_), Cut::Panicked(panic)) => {
            let problem = format!("the function panicked: {}", panic_text(panic));
            let output = http::failed(unread.id(), &problem);
            Ok(reply_over_http(output, unread, log))
        }
        (Registered::Other(function), Cut::Interrupted(why)) => {
            interrupted(function, unread, why, log).await
        }
        (Registered::Other(_), Cut::Panicked(panic)) => {
            let problem = format!("panicked: {}", panic_text(panic));
            Err(Failure::of_function(problem, None))
        }
    }
}

/// The part of an invocation that runs on the functions' runtime: the function, and the reading and
/// writing of its JSON. Large JSON takes a while, which must not hold up the server.
async fn call(
    function: Registered,
    unread: Unread,
    log: InvocationLog,
) -> Result<Response, Failure> {
    let invocation = unread.read().map_err(not_an_invocation)?;
    match function {
        Registered::Http(handler) => {
            let output = http::call(&handler, &invocation).await?;
            Ok(reply_over_http(output, &unread, &log))
        }
        Registered::Other(function) => match function.call(invocation).await {
            Ok(answer) => Ok(reply(answer.outputs(), &log, answer.returned())),
            // An error may panic when it is written or dropped, so both happen here.
            Err(error) => {
                let (problem, report) = error.into_texts();
                Err(Failure::of_function(problem, report))
            }
        },
    }
}

/// Answers without the function. On a thread for blocking work: [`Function::interrupted`] is code of the
/// app, and reading a large invocation takes a while.
async fn interrupted(
    function: &Arc<dyn Function>,
    unread: &Unread,
    why: Interruption,
    log: &InvocationLog,
) -> Result<Response, Failure> {
    let (span, subscriber) = (Span::current(), dispatcher::get_default(Dispatch::clone));
    let answer = {
        let (function, unread, log) = (function.clone(), unread.clone(), log.clone());
        move || answer_without(function.as_ref(), &unread, why, &log)
    };
    let answer = move || dispatcher::with_default(&subscriber, || span.in_scope(answer));
    let answered = spawn_blocking(answer).await;
    answered.unwrap_or_else(|ended| {
        let problem = ended.try_into_panic().map_or_else(
            // The runtime is shutting down.
            |cancelled| cancelled.to_string(),
            panic_text,
        );
        Err(failure_of(why, problem, None))
    })
}

fn answer_without(
    function: &dyn Function,
    unread: &Unread,
    why: Interruption,
    log: &InvocationLog,
) -> Result<Response, Failure> {
    let invocation = unread.read().map_err(not_an_invocation)?;
    match function.interrupted(&invocation, why) {
        Ok(answer) => {
            why.log(invocation.id(), "answered without the function");
            Ok(reply(answer.outputs(), log, answer.returned()))
        }
        Err(error) => {
            let (problem, report) = error.into_texts();
            Err(failure_of(why, problem, report))
        }
    }
}

fn failure_of(why: Interruption, problem: String, report: Option<String>) -> Failure {
    Failure {
        status: why.status(),
        error: why.to_string(),
        detail: Some(problem),
        report,
    }
}

fn not_an_invocation(error: serde_json::Error) -> Failure {
    let problem = format!("the request body is not an invocation: {error}");
    Failure::new(StatusCode::BAD_REQUEST, problem)
}

async fn read(body: Body) -> Result<String, Failure> {
    let bytes = collect(body, MAX_BODY).await?;
    String::from_utf8(bytes).map_err(|error| {
        let problem = format!("the request body is not UTF-8: {}", error.utf8_error());
        Failure::new(StatusCode::BAD_REQUEST, problem)
    })
}

async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    // A length is a promise only: reserve no more than 16 MB for it in advance.
    let promised = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(promised.min(16 << 20));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Failure::new(
                StatusCode::BAD_REQUEST,
                format!("the request body ended early: {error}"),
            )
        })?;
        // Trailers carry nothing of an invocation.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            let message = format!("the request body is larger than {limit} bytes");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn invocation_id(headers: &HeaderMap) -> String {
    headers
        .get("x-azure-functions-invocationid")
        .and_then(|id| id.to_str().ok())
        .filter(|id| !id.is_empty() && id.len() <= 128)
        .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

fn unknown_function(functions: &Functions, name: &str) -> Failure {
    let mut known: Vec<_> = functions.keys().map(String::as_str).collect();
    known.sort_unstable();
    Failure::new(
        StatusCode::NOT_FOUND,
        format!(
            "no function `{name}` is registered; the name must be spelled like its folder. \
             Registered: {}",
            known.join(", ")
        ),
    )
}

/// The answer of an HTTP function. `res` is the documented name of the http output binding.
fn reply_over_http(mut output: http::HttpOutput, unread: &Unread, log: &InvocationLog) -> Response {
    #[derive(Serialize)]
    struct Outputs<'a> {
        res: &'a http::HttpOutput,
    }
    if let Some(correlation) = unread.correlation() {
        output.add_headers(correlation.headers(unread.id()));
    }
    reply(Outputs { res: &output }, log, None)
}

fn reply(
    outputs: impl Serialize,
    log: &InvocationLog,
    return_value: Option<&serde_json::value::RawValue>,
) -> Response {
    let logs = log.take();
    match serde_json::to_vec(&Reply {
        outputs,
        logs: &logs,
        return_value,
    }) {
        Ok(body) => envelope::response(StatusCode::OK, body),
        // Everything in it is JSON or text already. Should serde_json think otherwise one day, the
        // invocation fails, but it ends.
        Err(error) => envelope::response(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "error": error.to_string() })
                .to_string()
                .into_bytes(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_refused_beyond_it() {
        let body = |chunks| {
            Body::from_stream(stream::iter(
                (0..chunks).map(|_| Ok::<_, std::io::Error>("12345")),
            ))
        };
        assert_eq!(collect(body(2), 10).await.ok().unwrap(), b"1234512345");
        let failure = collect(body(3), 10).await.err().unwrap();
        assert_eq!(failure.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(failure.error.contains("10 bytes"), "{}", failure.error);
    }
}
