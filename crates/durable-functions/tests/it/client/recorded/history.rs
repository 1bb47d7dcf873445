//! Histories.

use std::time::{Duration, SystemTime};

use durable_functions::{EventKind, History, HistoryEvent, RuntimeStatus};
use durable_protocol::messages::{
    EventType, GenericEvent, HistoryChunk, HistoryEvent as WireEvent, StreamInstanceHistoryRequest,
};
use prost::Message;
use tonic::Code;

use super::super::scripted::{Reply, Scripted};
use super::{Case, same, short};

#[tokio::test]
async fn a_history_has_its_events_with_names_and_types() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "grpc-history");
        let host = Scripted::listen().await;
        case.answer(&host, 16);
        let instance = host.client().instance_by_id("grpc-history");
        let history = instance.history().await.unwrap();
        same::<StreamInstanceHistoryRequest>(&host, &case, 16);
        assert_eq!(history.orchestrator(), Some("sub"));
        assert_eq!(history.len(), 12);
        let events: Vec<HistoryEvent> = history.iter().collect();
        assert_eq!(events[0].kind(), EventKind::OrchestratorStarted);
        assert_eq!(events[2].id(), 0);
        assert!(
            matches!(
                events[2].kind(),
                EventKind::SubOrchestrationInstanceCreated {
                    instance_id: "grpc-history.sub0",
                    name: "chain",
                    ..
                }
            ),
            "{:?}",
            events[2]
        );
        assert!(
            matches!(
                events[9].kind(),
                EventKind::SubOrchestrationInstanceCompleted {
                    scheduled_id: 1,
                    result: Some(r#"{"a":1}"#),
                    ..
                }
            ),
            "{:?}",
            events[9]
        );
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200);
        assert!(events.iter().all(|event| event.timestamp() > day));
        // What was written can be read: a replay runs on it.
        let kept = History::from_json(&history.to_json()).unwrap();
        assert_eq!(kept, history);

        // The stream gives the same events, one by one.
        let mut stream = instance.history_stream().await.unwrap();
        for event in &events {
            assert_eq!(stream.next().await.unwrap().as_ref(), Some(event));
        }
        assert_eq!(stream.next().await.unwrap(), None);

        host.clear();
        case.answer(&host, 19);
        let failed = host.client().instance_by_id("grpc-history.f");
        let history = failed.history().await.unwrap();
        let completed = history.iter().find_map(|event| match event.kind() {
            EventKind::ExecutionCompleted {
                status, failure, ..
            } => Some((status, failure.unwrap())),
            _ => None,
        });
        let (status, failure) = completed.unwrap();
        assert_eq!(status, RuntimeStatus::Failed);
        assert_eq!(failure.to_string(), "QueryError: the table is on fire");
        assert_eq!(failure.cause().unwrap().error_type(), "IoError");

        host.clear();
        case.answer(&host, 20);
        let none = host.client().instance_by_id("grpc-history.none");
        assert_eq!(short(none.history().await.map(drop)), "NotFound");
    }
}

/// The host sends an event larger than 2 MiB alone, behind a chunk that may be empty; before the first turn there is
/// nothing.
#[tokio::test]
async fn empty_chunks_are_passed_over_and_no_chunk_is_an_empty_history() {
    let chunk = |inputs: &[&str]| {
        let events = inputs.iter().map(|input| WireEvent {
            event_type: Some(EventType::GenericEvent(GenericEvent {
                data: Some((*input).to_owned()),
            })),
            ..Default::default()
        });
        HistoryChunk {
            events: events.collect(),
        }
        .encode_to_vec()
    };
    let host = Scripted::listen().await;
    let long = "x".repeat(5 * 1024 * 1024);
    let ok = |messages| Reply {
        code: Code::Ok,
        text: String::new(),
        messages,
    };
    host.answer(
        "StreamInstanceHistory",
        ok(vec![chunk(&["a"]), chunk(&[]), chunk(&[&long]), chunk(&[])]),
    );
    host.answer("StreamInstanceHistory", ok(Vec::new()));
    let instance = host.client().instance_by_id("a");
    let history = instance.history().await.unwrap();
    let lengths = history.iter().map(|event| match event.kind() {
        EventKind::GenericEvent { data, .. } => data.unwrap().len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [1, long.len()]);
    assert!(instance.history().await.unwrap().is_empty());
}
