//! The HTTP management API of Durable Functions, whose addresses are in the client binding.
//!
//! local-host does not have it. A 404 would look like a missing instance, so each response and log line names
//! what to use instead.

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

/// The call of the durable client that does the same. The names are those of Rust; other languages have the
/// same calls.
fn instead(method: &str, rest: &str) -> String {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let call = match (method, parts.as_slice()) {
        ("GET", ["instances", _]) => "DurableClient::status",
        ("POST", ["orchestrators", ..]) => "DurableClient::start",
        _ => {
            return "Use a function of the app with a durableClient binding; what the client cannot do, only a real \
                    host can."
                .to_owned();
        }
    };
    format!("Use a function of the app with a durableClient binding, which calls {call}.")
}

#[cfg(test)]
mod tests {
    use super::instead;

    #[test]
    fn the_client_call_for_each_request_is_named() {
        assert!(instead("GET", "/instances/a").contains("DurableClient::status"));
        assert!(instead("POST", "/orchestrators/f/id").contains("DurableClient::start"));
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
