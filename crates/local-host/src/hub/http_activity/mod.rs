//! `BuiltIn::HttpActivity`: the activity that the host itself runs for durable HTTP calls.
//!
//! It sends one request and gives its answer back, whatever the status; polling after a 202 is the
//! worker's job. A call without an answer fails without a reason for the orchestrator, as on a real
//! host: there, the log is the only place that knows.

mod request;
mod response;
mod transport;

pub(super) use durable_protocol::http_activity::NAME;
pub(super) use request::Problem;
pub(super) use transport::Transport;

/// Makes the call that `input` describes; the result is JSON text.
pub(super) async fn run(transport: &Transport, input: Option<&str>) -> Result<String, Problem> {
    let call = request::read(input)?;
    let answer = transport.send(call).await.map_err(Problem::Logged)?;
    Ok(response::to_json(&answer))
}
