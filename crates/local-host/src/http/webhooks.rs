//! The addresses of the HTTP management API of Durable Functions. The task hub answers.

use super::app::App;
use super::request::ClientRequest;
use super::response::ClientResponse;
use crate::hub::ManagementRequest;

/// In front of every address, in lower case.
const PREFIX: &str = "/runtime/webhooks/durabletask";

/// The path behind the prefix; `None` for other paths.
pub(super) fn below(path: &str) -> Option<&str> {
    let (prefix, rest) = path.split_at_checked(PREFIX.len())?;
    let is_below =
        prefix.eq_ignore_ascii_case(PREFIX) && (rest.is_empty() || rest.starts_with('/'));
    is_below.then_some(rest)
}

/// Answers a request below the prefix. Neither the request nor a refusal is logged with its query, which has a key.
pub(super) async fn answer(app: &App, client: &ClientRequest, path: &str) -> ClientResponse {
    let body = client.body.as_deref().unwrap_or_default();
    let request = ManagementRequest {
        method: client.method.clone(),
        path: path.to_owned(),
        query: client.query.clone().unwrap_or_default(),
        origin: format!("http://{}", client.host),
        url: client.url(),
        content_type: client.header("Content-Type").map(str::to_owned),
        continuation_token: client.header("x-ms-continuation-token").map(str::to_owned),
        body: String::from_utf8_lossy(body).into_owned(),
    };
    let reply = (app.management)(request).await;
    let headers = reply.headers.into_iter();
    ClientResponse {
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        body: reply.body.into_bytes(),
        ..ClientResponse::empty(reply.status)
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn addresses_are_those_below_the_prefix_in_any_case() {
        assert_eq!(
            below("/Runtime/Webhooks/DurableTask/instances/A"),
            Some("/instances/A")
        );
        assert_eq!(below(super::PREFIX), Some(""));
        for other in [
            "/runtime/webhooks/durabletasks",
            "/runtime/webhooks",
            "/api/x",
            "/ü",
        ] {
            assert_eq!(below(other), None, "{other}");
        }
    }
}
