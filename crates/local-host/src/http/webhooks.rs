//! The HTTP management API of Durable Functions, whose addresses are in the client binding.
//!
//! local-host does not have it. A 404 would look like a missing instance, so each response and log line names
//! what to use instead: the durable client, or the gRPC service of the task hub.

use super::app::App;
use super::response::ClientResponse;

/// In front of every address, in lower case.
const PREFIX: &str = "/runtime/webhooks/durabletask";

/// The answer to a request below this prefix; `None` for other paths. The query is not logged: it
/// holds the key.
pub(super) fn answer(app: &App, method: &str, path: &str) -> Option<ClientResponse> {
    let lower = path.to_lowercase();
    let rest = lower.strip_prefix(PREFIX)?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let text = format!(
        "{method} {path}: local-host does not have the HTTP management API of Durable Functions. {}",
        instead(method, rest)
    );
    app.log().warning(&text);
    Some(ClientResponse {
        headers: vec![(
            "Content-Type".to_owned(),
            "text/plain; charset=utf-8".to_owned(),
        )],
        body: format!("{text}\n").into_bytes(),
        ..ClientResponse::empty(501)
    })
}

/// What does the same. The names of `DurableClient` are those of Rust; other languages have the same calls.
fn instead(method: &str, rest: &str) -> String {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let with_client = |call: &str| {
        format!("Use a function of the app with a durableClient binding, which calls {call}.")
    };
    let over_grpc = |call: &str| {
        format!(
            "The gRPC service at the rpcBaseUrl of a durableClient binding has it: {call}. DurableClient of the crate \
             durable-functions has no call for it yet."
        )
    };
    match (method, parts.as_slice()) {
        ("GET", ["instances", _]) => with_client("DurableClient::status"),
        ("POST", ["orchestrators", ..]) => with_client("DurableClient::start"),
        ("POST", ["instances", _, "raiseevent", _]) => over_grpc("RaiseEvent"),
        ("POST", ["instances", _, "terminate"]) => over_grpc("TerminateInstance"),
        ("POST", ["instances", _, "suspend"]) => over_grpc("SuspendInstance"),
        ("POST", ["instances", _, "resume"]) => over_grpc("ResumeInstance"),
        ("POST", ["instances", _, "rewind"]) => over_grpc("RewindInstance"),
        ("POST", ["entities", _, _]) => over_grpc("SignalEntity"),
        ("GET", ["entities", _, _]) => over_grpc("GetEntity"),
        _ => "Its gRPC service does not have this either: only a real host can do it.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::instead;

    #[test]
    fn the_call_that_does_the_same_is_named_for_each_request() {
        assert!(instead("GET", "/instances/a").contains("DurableClient::status"));
        assert!(instead("POST", "/orchestrators/f/id").contains("DurableClient::start"));
        for (method, rest, call) in [
            ("POST", "/instances/a/raiseevent/go", "RaiseEvent"),
            ("POST", "/instances/a/terminate", "TerminateInstance"),
            ("POST", "/instances/a/suspend", "SuspendInstance"),
            ("POST", "/instances/a/resume", "ResumeInstance"),
            ("POST", "/instances/a/rewind", "RewindInstance"),
            ("POST", "/entities/counter/a", "SignalEntity"),
            ("GET", "/entities/counter/a", "GetEntity"),
        ] {
            let text = instead(method, rest);
            assert!(text.contains(&format!("has it: {call}.")), "{text}");
        }
        for (method, rest) in [
            ("DELETE", "/instances/a"),
            ("GET", "/instances"),
            ("GET", ""),
        ] {
            assert!(
                instead(method, rest).contains("only a real host can"),
                "{method} {rest}"
            );
        }
    }
}
