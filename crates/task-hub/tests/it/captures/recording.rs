//! Reading the recordings: the requests that a real host sent and the answers it got (beside the tests of
//! durable-functions, and here for extension 3.19.0), and the operations of the recorded clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

/// One recorded case, in the order in which the exchanges began.
pub(super) struct Case {
    /// `chain`, or `3.19/chain` for what was recorded with that extension and differs.
    pub(super) name: String,
    pub(super) default_version: Option<String>,
    /// `entityMessageReorderWindowInMinutes` was 0.
    pub(super) unlabelled: bool,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) activities: Vec<Activity>,
}

/// An activity that the host sent to the handler.
#[derive(Deserialize)]
pub(super) struct Activity {
    pub(super) n: u64,
    /// Of the function: in another letter case than the orchestrator's, or another name.
    pub(super) name: String,
    pub(super) instance: String,
    /// JSON text, as the host writes it.
    pub(super) input: Option<String>,
    /// The input is too long for the recording.
    #[serde(default)]
    pub(super) long: bool,
}

#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) n: u64,
    pub(super) what: What,
}

#[derive(Clone)]
pub(super) enum What {
    Turn(Request),
    Batch(Request),
    Operation(Box<Operation>),
}

/// A request of the host to the handler.
#[derive(Clone)]
pub(super) struct Request {
    /// The id of the instance or the entity.
    pub(super) target: String,
    pub(super) bytes: Bytes,
    pub(super) answer: Answer,
}

#[derive(Clone)]
pub(super) enum Answer {
    /// An encoded response.
    Message(Bytes),
    /// None, or one that the host could not read.
    Invalid { is_empty: bool },
}

/// An operation of a client.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    n: u64,
    pub(super) op: Verb,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// The host chose the id.
    #[serde(default)]
    pub(super) drawn: bool,
    pub(super) scheduled: Option<String>,
    pub(super) replaceable: Option<Vec<String>>,
    pub(super) reason: Option<String>,
    pub(super) request_id: Option<String>,
    #[serde(default)]
    pub(super) new_id: bool,
    /// The id that a restart gave.
    pub(super) to: Option<String>,
    pub(super) count: Option<usize>,
    pub(super) created_from: Option<String>,
    pub(super) created_to: Option<String>,
    #[serde(default)]
    pub(super) statuses: Vec<String>,
    /// The host refused it.
    #[serde(default)]
    pub(super) refused: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) enum Verb {
    Start,
    Raise,
    Suspend,
    Resume,
    Terminate,
    Rewind,
    Restart,
    Purge,
    PurgeAll,
    Signal,
    Clean,
}

impl Operation {
    pub(super) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operations {
    default_version: Option<String>,
    #[serde(default)]
    unlabelled: bool,
    operations: Vec<Operation>,
}

/// All cases by name.
pub(super) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let text = fs::read_to_string(folder.join("operations.json")).unwrap();
    let operations: BTreeMap<String, Operations> = serde_json::from_str(&text).unwrap();
    let text = fs::read_to_string(folder.join("activities.json")).unwrap();
    let mut activities: BTreeMap<String, Vec<Activity>> = serde_json::from_str(&text).unwrap();
    operations
        .into_iter()
        .map(|(name, operations)| {
            let exchanges = exchanges(&file(&folder, &name), operations.operations);
            Case {
                activities: activities.remove(&name).unwrap_or_default(),
                name,
                default_version: operations.default_version,
                unlabelled: operations.unlabelled,
                exchanges,
            }
        })
        .collect()
}

fn file(folder: &Path, case: &str) -> PathBuf {
    match case.strip_prefix("3.19/") {
        Some(case) => folder.join("durable-3.19").join(format!("{case}.json")),
        None => folder
            .join("../../../durable-functions/tests/fixtures/durable")
            .join(format!("{case}.json")),
    }
}

fn exchanges(file: &Path, operations: Vec<Operation>) -> Vec<Exchange> {
    let text = fs::read_to_string(file).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let mut exchanges: Vec<Exchange> = operations
        .into_iter()
        .map(|operation| Exchange {
            n: operation.n,
            what: What::Operation(Box::new(operation)),
        })
        .collect();
    for (kind, wrap) in [
        ("turns", What::Turn as fn(Request) -> What),
        ("entityBatches", What::Batch),
    ] {
        for exchange in case[kind].as_array().unwrap() {
            exchanges.push(Exchange {
                n: exchange["n"].as_u64().unwrap(),
                what: wrap(request(exchange)),
            });
        }
    }
    exchanges.sort_by_key(|exchange| exchange.n);
    exchanges
}

fn request(exchange: &Value) -> Request {
    Request {
        target: exchange["instance"].as_str().unwrap().to_owned(),
        bytes: bytes(&exchange["request"]).into(),
        answer: match &exchange["answer"] {
            // An empty body is no answer: the host waits for its time limit.
            Value::Null => Answer::Invalid {
                is_empty: exchange["invalidAnswer"] == "HTTP 200 with the body ``",
            },
            answer => Answer::Message(bytes(answer).into()),
        },
    }
}

/// Base64, or pieces where a text is repeated very often.
fn bytes(recorded: &Value) -> Vec<u8> {
    match recorded {
        Value::String(text) => STANDARD.decode(text).unwrap(),
        Value::Array(pieces) => pieces.iter().flat_map(bytes).collect(),
        piece => {
            let times = usize::try_from(piece["times"].as_u64().unwrap()).unwrap();
            piece["text"].as_str().unwrap().repeat(times).into_bytes()
        }
    }
}
