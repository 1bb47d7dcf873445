//! Reading the recordings. They lie beside the tests of durable-functions, which replay them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One recorded exchange; the answer is missing where the worker gave none that is a message.
pub(crate) struct Exchange {
    /// The case and the number of the exchange.
    pub(crate) name: String,
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Option<Vec<u8>>,
}

/// All turns of orchestrators.
pub(crate) fn turns() -> Vec<Exchange> {
    exchanges("turns")
}

/// All batches of entities.
pub(crate) fn entity_batches() -> Vec<Exchange> {
    exchanges("entityBatches")
}

fn exchanges(kind: &str) -> Vec<Exchange> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../durable-functions/tests/fixtures/durable");
    let mut exchanges = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        for exchange in case[kind].as_array().unwrap() {
            exchanges.push(Exchange {
                name: format!("{} {}", case["case"], exchange["n"]),
                request: bytes(&exchange["request"]),
                answer: match &exchange["answer"] {
                    Value::Null => None,
                    answer => Some(bytes(answer)),
                },
            });
        }
    }
    assert!(!exchanges.is_empty());
    exchanges
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
