//! Messages for `submit-event`, as a sender and the service make them.

use std::path::Path;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::host::Host;

/// The days that most messages ask for.
pub(crate) const DAYS: (&str, &str) = ("2021-01-01", "2021-01-01");

/// A delivery of a message.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    text: String,
    properties: Map<String, Value>,
}

impl Delivery {
    /// A message with this text, and nothing said of its properties.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            properties: Map::new(),
        }
    }

    /// The message with this id that asks for [`DAYS`].
    pub(crate) fn submission(message_id: &str, session: &str) -> Self {
        let (start, end) = DAYS;
        let text = json!({ "sessionId": session, "start": start, "end": end });
        Self::of(text.to_string()).with("MessageId", message_id)
    }

    /// The same with a property in the spelling of the host.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    /// The same without a property.
    pub(crate) fn without(self, name: &str) -> Self {
        self.with(name, Value::Null)
    }

    /// Delivers it by the admin API. The function then runs in the background.
    pub(crate) async fn to(&self, host: &Host) {
        let body = json!({ "input": self.text, "metadata": self.properties });
        let target = "/admin/functions/submit-event";
        let answer = host.client().post(target, &body.to_string()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Delivers it to a handler in this process, as the host does, with this `durableClient` binding. Returns whether the
    /// message was taken.
    ///
    /// The members of the text are not among its properties, which only a host adds.
    pub(crate) async fn to_handler(&self, router: &Router, binding: &str) -> bool {
        let quoted = |text: &str| json!(json!(text).to_string());
        let mut metadata = Map::new();
        for (name, value) in &self.properties {
            let value = match value {
                Value::Null => continue,
                // A DateTime.
                Value::String(text) if name.ends_with("Utc") => json!(text),
                Value::String(text) => quoted(text),
                other => json!(other.to_string()),
            };
            metadata.insert(name.clone(), value);
        }
        let envelope = json!({
            "Data": { "message": quoted(&self.text), "starter": quoted(binding) },
            "Metadata": metadata,
        });
        let request = Request::post("/submit-event")
            .header("Content-Type", "application/json")
            .body(Body::from(envelope.to_string()))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        answer.status() == StatusCode::OK
    }
}

/// The id of the job that a message with this id starts.
pub(crate) fn job_id(message_id: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"submit-event\0")
        .chain_update(message_id)
        .finalize();
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    hex.take(16).collect()
}

/// The texts of function.json in docs/messages.md: for Service Bus, and for a storage queue.
pub(crate) fn documented_functions() -> [Value; 2] {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/messages.md");
    let text = std::fs::read_to_string(document).unwrap();
    let blocks = text.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let functions = blocks.map(|block| serde_json::from_str::<Value>(block).unwrap());
    let functions: Vec<_> = functions.filter(|it| it["bindings"].is_array()).collect();
    functions.try_into().unwrap()
}

/// Lets `submit-event` in the folder of an app take messages of a storage queue.
pub(crate) fn use_queue(folder: &Path) {
    let [_, queue] = documented_functions();
    let file = folder.join("submit-event/function.json");
    std::fs::write(file, queue.to_string()).unwrap();
}
