//! Reading the fixtures.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{EventType, OrchestratorRequest, OrchestratorResponse};
use prost::Message;
use serde::Deserialize;

/// One recorded case: turns of one or several instances, in the order in which they began.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(rename = "case")]
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) turns: Vec<Turn>,
    /// What the host asked of entity functions, in the same form.
    pub(crate) entity_batches: Vec<Turn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Turn {
    /// The number of the exchange in the recording.
    pub(crate) n: u32,
    pub(crate) function: String,
    pub(crate) instance: String,
    request: Recorded,
    answer: Option<Recorded>,
    /// What the recorded worker did in place of a valid answer.
    pub(crate) invalid_answer: Option<String>,
}

/// A message: its base64, or pieces of it where a text is repeated very often.
#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    Whole(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Base64(String),
    Repeated { text: String, times: usize },
}

impl Recorded {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Recorded::Whole(text) => STANDARD.decode(text).unwrap(),
            Recorded::Pieces(pieces) => pieces.iter().flat_map(Piece::bytes).collect(),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::Base64(text) => STANDARD.decode(text).unwrap(),
            Piece::Repeated { text, times } => text.repeat(*times).into_bytes(),
        }
    }
}

impl Turn {
    pub(crate) fn request(&self) -> Vec<u8> {
        self.request.bytes()
    }

    pub(crate) fn decoded_request(&self) -> OrchestratorRequest {
        OrchestratorRequest::decode(self.request().as_slice()).unwrap()
    }

    pub(crate) fn answer(&self) -> Option<Vec<u8>> {
        self.answer.as_ref().map(Recorded::bytes)
    }

    pub(crate) fn decoded_answer(&self) -> Option<OrchestratorResponse> {
        Some(OrchestratorResponse::decode(self.answer()?.as_slice()).unwrap())
    }

    /// The execution that the turn belongs to; unknown when the host sent no history.
    pub(crate) fn execution_id(&self) -> Option<String> {
        let request = self.decoded_request();
        let mut events = request.past_events.iter().chain(&request.new_events);
        events.find_map(|event| match event.event_type.as_ref()? {
            EventType::ExecutionStarted(started) => started
                .orchestration_instance
                .as_ref()?
                .execution_id
                .clone(),
            _ => None,
        })
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/durable")
}

pub(crate) fn load(name: &str) -> Case {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let case: Case = serde_json::from_str(&text).unwrap();
    assert_eq!(case.name, name);
    case
}

/// The names of all fixtures, sorted.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json")
                .unwrap_or_else(|| panic!("{name} is no case"))
                .to_owned()
        })
        .collect();
    names.sort();
    names
}
