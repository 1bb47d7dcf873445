//! Recorded traffic of a real host: one file for each case, with the exchanges in the order in which they
//! began.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fixture {
    pub(crate) default_version: Option<String>,
    /// The entity functions of the app.
    #[serde(default)]
    pub(crate) entities: Vec<String>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) finals: Vec<Final>,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Exchange {
    Start {
        id: String,
        name: String,
        input: Option<String>,
        version: Option<String>,
        #[serde(default)]
        tags: BTreeMap<String, String>,
        scheduled: Option<String>,
        replaceable: Option<Vec<String>>,
        expect: String,
    },
    Raise {
        id: String,
        name: String,
        input: Option<String>,
        expect: String,
    },
    Terminate {
        id: String,
        reason: Option<String>,
        expect: String,
    },
    Suspend {
        id: String,
        reason: Option<String>,
        expect: String,
    },
    Resume {
        id: String,
        reason: Option<String>,
        expect: String,
    },
    Rewind {
        id: String,
        reason: Option<String>,
        expect: String,
    },
    /// A signal of a client, over gRPC or HTTP.
    #[serde(rename_all = "camelCase")]
    Signal {
        id: String,
        name: String,
        input: Option<String>,
        request_id: String,
        scheduled: Option<String>,
        expect: String,
    },
    /// What `GetEntity` shows.
    #[serde(rename_all = "camelCase")]
    Entity {
        id: String,
        include_state: bool,
        exists: bool,
        state: Option<String>,
    },
    /// One batch: base64 of the request, and the handler's answer.
    Batch {
        entity: String,
        request: String,
        #[serde(flatten)]
        answer: Answer,
    },
    /// One turn: base64 of the request, and the handler's answer.
    Turn {
        function: String,
        instance: String,
        request: String,
        #[serde(flatten)]
        answer: Answer,
    },
    Activity {
        function: String,
        data: Map<String, Value>,
        metadata: Map<String, Value>,
        #[serde(flatten)]
        answer: Answer,
    },
}

/// What the recorded handler answered.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Answer {
    pub(crate) no_answer: bool,
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    /// Of an answer that is not JSON, as the host received them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The final state of an instance.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Final {
    pub(crate) id: String,
    pub(crate) status: String,
    /// The values are the stored texts; otherwise, parsed JSON.
    #[serde(default)]
    pub(crate) texts: bool,
    #[serde(default)]
    pub(crate) input: Value,
    #[serde(default)]
    pub(crate) output: Value,
    #[serde(default)]
    pub(crate) custom_status: Value,
}

pub(crate) fn load(case: &str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/durable")
        .join(format!("{case}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{case}: {error}"))
}
