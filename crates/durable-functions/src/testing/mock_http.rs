//! Answers to durable HTTP calls, in the form of the host's built-in activity.

use std::collections::BTreeMap;

use durable_protocol::http_activity;
use http::{HeaderMap, Request, Response};
use serde::{Deserialize, Serialize};

use super::TestHub;
use crate::{Activity, Result};

/// The input of the built-in activity: a list with one of these.
#[derive(Deserialize)]
struct Input {
    method: String,
    uri: String,
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    content: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    status_code: u16,
    headers: BTreeMap<String, Vec<String>>,
    content: String,
}

impl TestHub {
    /// Answers [`ctx.call_http`](crate::OrchestrationContext::call_http) by `answer`, and sends nothing. An error is
    /// a request without an answer, as to a server that is not there. The polls of an answer with status 202 come here
    /// too.
    ///
    /// ```
    /// # use durable_functions::testing::{TestError, TestHub};
    /// # use durable_functions::{HttpRequest, OrchestrationContext, Orchestrator, Result};
    /// # const COUNT: Orchestrator<(), u64> = Orchestrator::new("count");
    /// # async fn count(ctx: OrchestrationContext, (): ()) -> Result<u64> {
    /// #     Ok(ctx.call_http(HttpRequest::get("https://shop.example/orders/count")).await?.json()?)
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::result::Result<(), TestError> {
    /// let mut hub = TestHub::new().orchestrator(COUNT, count);
    /// hub.mock_http(|request| {
    ///     assert_eq!(request.uri(), "https://shop.example/orders/count");
    ///     Ok(http::Response::new("7".to_owned()))
    /// });
    /// assert_eq!(hub.run(COUNT, &()).await?, 7);
    /// # Ok(()) }
    /// ```
    pub fn mock_http(
        &mut self,
        mut answer: impl FnMut(Request<String>) -> Result<Response<String>> + Send + 'static,
    ) {
        let activity = Activity::<Vec<Input>, Output>::new(http_activity::NAME);
        self.mock(activity, move |inputs| {
            let Some(input) = inputs.into_iter().next() else {
                return Err(crate::Failure::new("InvalidInput", "there is no request").into());
            };
            let (parts, content) = answer(request(input)?)?.into_parts();
            Ok(Output {
                status_code: parts.status.as_u16(),
                headers: texts(&parts.headers),
                content,
            })
        });
    }
}

fn request(input: Input) -> Result<Request<String>> {
    let mut request = Request::builder()
        .method(input.method.as_str())
        .uri(input.uri);
    for (name, values) in &input.headers {
        for value in values {
            request = request.header(name, value);
        }
    }
    Ok(request.body(input.content.unwrap_or_default())?)
}

/// Without the headers that a host leaves out.
fn texts(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut texts = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        if !http_activity::is_content_header(name.as_str()) {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            texts.entry(name.to_string()).or_default().push(value);
        }
    }
    texts
}
