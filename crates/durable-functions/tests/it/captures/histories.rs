//! The recorded histories as users store them: written as JSON, read again, and replayed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::History;
use durable_functions::testing::{ReplayError, Replayer};
use durable_protocol::messages::{EventType, HistoryChunk, HistoryEvent};
use prost::Message as _;
use serde_json::Value;

use crate::captures::case::{self, Turn};
use crate::captures::{ids, orchestrators};

/// Cases whose orchestrations call entities. The answers have the ids of requests that the recorded worker drew, so our
/// orchestrators wait on; the tests of these cases put our ids in their place.
const OTHER_REQUEST_IDS: [&str; 4] = [
    "entity-call-labelled",
    "entity-call-no-reorder",
    "entity-lock-labelled",
    "entity-lock-no-reorder",
];

/// The last turn of each execution of a case, which has the longest history.
fn executions(turns: &[Turn]) -> Vec<&Turn> {
    let mut last = BTreeMap::new();
    for turn in turns {
        if let Some(execution) = turn.execution_id() {
            last.insert((turn.instance.as_str(), execution), turn);
        }
    }
    last.into_values().collect()
}

/// What a turn was given, as a history. The end of the turn before, which a host repeats after a continue-as-new, is
/// not part of what a client reads.
fn history_of(turn: &Turn) -> History {
    let request = turn.decoded_request();
    let mut events = request.past_events;
    let new = request.new_events.into_iter();
    events.extend(
        new.filter(|event| !matches!(event.event_type, Some(EventType::OrchestratorCompleted(_)))),
    );
    History::of_events(request.instance_id, events)
}

#[test]
fn recorded_histories_come_back_from_their_json_and_are_replayed() {
    let mut replayed = 0;
    let mut failed = Vec::new();
    for name in case::names() {
        if name == ids::CASE {
            // Its ids are those of another engine.
            continue;
        }
        let case = case::load(&name);
        for turn in executions(&case.turns) {
            let history = history_of(turn);
            let json = history.to_json();
            let read = History::from_json(&json).unwrap();
            assert_eq!(read.to_json(), json, "{name}");
            let mut replayer = Replayer::new();
            replayer.add_orchestrator(orchestrators::function(turn));
            match replayer.replay(&read) {
                Ok(_) => replayed += 1,
                Err(ReplayError::NotRegistered { .. }) => {}
                Err(error) => failed.push((name.clone(), error.to_string())),
            }
        }
    }
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, OTHER_REQUEST_IDS, "{failed:#?}");
    assert!(replayed > 100, "{replayed}");
}

/// The history stream of two versions of the extension, in protobuf's JSON form as another program wrote it.
#[test]
fn recorded_streams_are_read_from_the_json_of_another_writer_and_replayed_with_their_values() {
    for version in ["3.14", "3.19"] {
        let streams = streams(version);
        assert_eq!(streams.len(), 2);
        for mut events in streams {
            for event in &mut events {
                if let Some(EventType::ExecutionCompleted(end)) = &mut event.event_type
                    && let Some(details) = &mut end.failure_details
                {
                    // Not part of the JSON form: nothing here reads them.
                    details.properties.clear();
                }
            }
            let stream = History::of_events("", events);
            let name = stream.orchestrator().unwrap();
            let file = fixtures().join(format!("histories/{version}-{name}.json"));
            let history = History::read(file).unwrap();
            assert_eq!(history.events(), stream.events());
            let mut replayer = Replayer::new().with_values();
            for function in orchestrators::all() {
                replayer.add_orchestrator(function);
            }
            replayer.replay(&history).unwrap();
        }
    }
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The events of each history that a host streamed.
fn streams(version: &str) -> Vec<Vec<HistoryEvent>> {
    let file = fixtures().join(format!("client/{version}/grpc-history.json"));
    let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let calls = case["calls"].as_array().unwrap().iter();
    let streamed = calls.filter(|call| {
        call["method"] == "StreamInstanceHistory" && call["messages"] != Value::Array(Vec::new())
    });
    let events = |call: &Value| {
        let chunks = call["messages"].as_array().unwrap().iter();
        chunks
            .flat_map(|chunk| {
                let chunk = STANDARD.decode(chunk.as_str().unwrap()).unwrap();
                HistoryChunk::decode(chunk.as_slice()).unwrap().events
            })
            .collect()
    };
    streamed.map(events).collect()
}
