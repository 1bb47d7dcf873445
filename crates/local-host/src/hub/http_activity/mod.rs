//! `BuiltIn::HttpActivity`: the activity that the host itself runs for durable HTTP calls.
//!
//! It sends one request and returns the response, whatever its status; the worker does the polling after a
//! 202. As on a real host, the orchestrator gets no reason when there is no response: only the log has it.

mod request;
mod response;
mod transport;

pub(super) use durable_protocol::http_activity::NAME;
pub(super) use request::Problem;
pub(super) use transport::Transport;

/// Makes the call that `input` describes; the result is JSON text.
pub(super) async fn run(transport: &Transport, input: Option<&str>) -> Result<String, Problem> {
    let mut call = request::read(input)?;
    transport.name_agent(&mut call);
    let answer = transport.send(call).await.map_err(Problem::Logged)?;
    Ok(response::to_json(&answer))
}
