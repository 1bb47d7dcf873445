//! A recorded case: the calls of its clients with their replies, and what the handler answered.

use std::path::Path;

use local_host::hub::{DurableFunction, DurableKind};
use serde::Deserialize;

use super::super::fixture::Answer;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fixture {
    pub(super) default_version: Option<String>,
    functions: Vec<Function>,
    pub(super) exchanges: Vec<Step>,
}

#[derive(Deserialize)]
struct Function {
    kind: String,
    folder: String,
    name: String,
}

/// One exchange; `n` is its number in the recording.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Step {
    Http(HttpCall),
    Grpc(GrpcCall),
    Turn {
        function: String,
        instance: String,
        #[serde(flatten)]
        answer: Answer,
    },
    Activity {
        function: String,
        data: String,
        #[serde(flatten)]
        answer: Answer,
    },
    Batch {
        entity: String,
        #[serde(flatten)]
        answer: Answer,
    },
}

/// A call of the management API. `after` has the states of instances and entities that it waits for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpCall {
    pub(super) n: u32,
    pub(super) method: String,
    /// Behind the prefix.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) status: u16,
    pub(super) reply_headers: Vec<(String, String)>,
    pub(super) reply: String,
    pub(super) after: Vec<(String, String)>,
}

/// A call of the gRPC service; messages in base64.
#[derive(Deserialize)]
pub(super) struct GrpcCall {
    pub(super) n: u32,
    pub(super) method: String,
    pub(super) request: String,
    /// The task hub in its metadata.
    pub(super) hub: Option<String>,
    pub(super) code: String,
    pub(super) details: Option<String>,
    pub(super) replies: Vec<String>,
    pub(super) after: Vec<(String, String)>,
}

impl Fixture {
    pub(super) fn functions(&self) -> Vec<DurableFunction> {
        let function = |it: &Function| DurableFunction {
            folder: it.folder.clone(),
            name: it.name.clone(),
            kind: match it.kind.as_str() {
                "orchestrator" => DurableKind::Orchestrator,
                "entity" => DurableKind::Entity,
                _ => DurableKind::Activity,
            },
            binding: it.kind.clone(),
            inputs: Vec::new(),
        };
        self.functions.iter().map(function).collect()
    }
}

pub(super) fn load(case: &str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/clients")
        .join(format!("{case}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{case}: {error}"))
}
