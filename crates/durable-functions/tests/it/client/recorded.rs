//! What a real host answered: the client sends the same requests, and makes of the replies what they say.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    ClientError, ContinuationToken, Entity, EntityQuery, Event, EventKind, History, HistoryEvent,
    Operation, Orchestrator, PurgeFilter, Query, ReusePolicy, RuntimeStatus,
};
use durable_protocol::messages::{
    CreateInstanceRequest, EventType, GenericEvent, GetEntityRequest, GetInstanceRequest,
    HistoryChunk, HistoryEvent as WireEvent, OrchestrationStatus, PurgeInstancesRequest,
    QueryEntitiesRequest, QueryInstancesRequest, RaiseEventRequest, RestartInstanceRequest,
    ResumeRequest, RewindInstanceRequest, SignalEntityRequest, StreamInstanceHistoryRequest,
    SuspendRequest, TerminateRequest,
};
use prost::Message;
use serde_json::Value;
use tonic::Code;

use super::scripted::{Reply, Scripted};

const EVENT: Orchestrator<(), Value> = Orchestrator::new("event");
const ONE: Orchestrator<Value, Value> = Orchestrator::new("oneActivity");
const X: Event<u32> = Event::new("x");
const ADD: Operation<i64, ()> = Operation::new("add");
const COUNTER: Entity<i64> = Entity::new("counter");

/// A recorded case.
struct Case(Value);

impl Case {
    fn read(version: &str, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/client");
        let path = folder.join(version).join(format!("{name}.json"));
        let text = std::fs::read_to_string(path).unwrap();
        Case(serde_json::from_str(&text).unwrap())
    }

    fn call(&self, n: u64) -> &Value {
        let calls = self.0["calls"].as_array().unwrap();
        calls.iter().find(|call| call["n"] == n).unwrap()
    }

    fn request<M: Message + Default>(&self, n: u64) -> M {
        M::decode(bytes(&self.call(n)["request"]).as_slice()).unwrap()
    }

    /// Lets `host` answer as the real one did; the method.
    fn answer(&self, host: &Scripted, n: u64) -> String {
        let call = self.call(n);
        let method = call["method"].as_str().unwrap().to_owned();
        let messages = call["messages"].as_array().unwrap();
        let reply = Reply {
            code: code(call["status"].as_str().unwrap()),
            text: call["details"].as_str().unwrap().to_owned(),
            messages: messages.iter().map(bytes).collect(),
        };
        host.answer(&method, reply);
        method
    }
}

fn bytes(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

fn code(name: &str) -> Code {
    match name {
        "OK" => Code::Ok,
        "UNKNOWN" => Code::Unknown,
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        "DEADLINE_EXCEEDED" => Code::DeadlineExceeded,
        "NOT_FOUND" => Code::NotFound,
        "ALREADY_EXISTS" => Code::AlreadyExists,
        "FAILED_PRECONDITION" => Code::FailedPrecondition,
        "UNIMPLEMENTED" => Code::Unimplemented,
        other => panic!("{other}"),
    }
}

fn short(result: Result<(), ClientError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(ClientError::NotFound { .. }) => "NotFound",
        Err(ClientError::WrongStatus { .. }) => "WrongStatus",
        Err(ClientError::AlreadyExists { .. }) => "AlreadyExists",
        Err(other) => panic!("{other}"),
    }
}

/// The calls of `grpc-manage`: an instance that does not exist, one that is completed, one that runs.
#[tokio::test]
async fn the_management_of_an_instance_is_answered_alike_by_both_versions() {
    use OrchestrationStatus::{Completed, Running, Suspended};
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        let client = host.client();
        for (n, part, status, expected) in [
            (8, "none", None, "NotFound"),
            (9, "none", None, "NotFound"),
            (10, "none", None, "NotFound"),
            (11, "none", None, "NotFound"),
            (12, "none", None, "NotFound"),
            (13, "none", None, "NotFound"),
            (14, "none", None, "NotFound"),
            (15, "done", Some(Completed), "WrongStatus"),
            (16, "done", Some(Completed), "WrongStatus"),
            (17, "done", Some(Completed), "WrongStatus"),
            (18, "done", Some(Completed), "WrongStatus"),
            (19, "done", Some(Completed), "WrongStatus"),
            (29, "run", Some(Running), "WrongStatus"),
            (30, "run", Some(Running), "WrongStatus"),
            (31, "run", Some(Running), "WrongStatus"),
            (32, "run", Some(Running), "WrongStatus"),
            (33, "run", Some(Running), "ok"),
            (36, "run", Some(Suspended), "WrongStatus"),
            (37, "run", Some(Suspended), "ok"),
            (42, "run", Some(Completed), "ok"),
            (45, "run", Some(Running), "ok"),
        ] {
            host.clear();
            host.holds(status);
            let method = case.answer(&host, n);
            let instance = client.instance(EVENT, format!("grpc-manage.{part}"));
            let at = format!("{version}, call {n}: {method}");
            let result = match method.as_str() {
                "RaiseEvent" => {
                    let result = instance.raise(X, &1).await;
                    same::<RaiseEventRequest>(&host, &case, n);
                    result
                }
                "SuspendInstance" => {
                    let sent: SuspendRequest = case.request(n);
                    let result = instance.suspend(sent.reason.as_deref().unwrap_or("")).await;
                    same::<SuspendRequest>(&host, &case, n);
                    result
                }
                "ResumeInstance" => {
                    let sent: ResumeRequest = case.request(n);
                    let result = instance.resume(sent.reason.as_deref().unwrap_or("")).await;
                    same::<ResumeRequest>(&host, &case, n);
                    result
                }
                "TerminateInstance" => {
                    let sent: TerminateRequest = case.request(n);
                    let result = instance.terminate(&sent.output.unwrap()).await;
                    same::<TerminateRequest>(&host, &case, n);
                    result
                }
                "RewindInstance" => {
                    let sent: RewindInstanceRequest = case.request(n);
                    let result = instance.rewind(sent.reason.as_deref().unwrap_or("")).await;
                    same::<RewindInstanceRequest>(&host, &case, n);
                    result
                }
                "RestartInstance" => {
                    let result = instance.restart().await;
                    same::<RestartInstanceRequest>(&host, &case, n);
                    result
                }
                "PurgeInstances" => instance.purge().await,
                other => panic!("{other}"),
            };
            assert_eq!(short(result), expected, "{at}");
        }
    }
}

/// Asserts that the client has sent what the recorded client sent.
fn same<M: Message + Default + PartialEq + std::fmt::Debug>(host: &Scripted, case: &Case, n: u64) {
    let method = case.call(n)["method"].as_str().unwrap();
    assert_eq!(
        host.requests::<M>(method),
        [case.request::<M>(n)],
        "call {n}"
    );
}

#[tokio::test]
async fn a_restart_under_a_new_id_gives_the_instance_with_that_id() {
    for (version, id) in [
        ("3.14", "ff94c9b2b2b34e3fb9f8ffde2a7e074d"),
        ("3.19", "5f1b1b5e1d134d2a87a8a8501e19bfa1"),
    ] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        case.answer(&host, 44);
        let instance = host.client().instance(EVENT, "grpc-manage.done");
        assert_eq!(instance.restart_as_new().await.unwrap().id(), id);
        same::<RestartInstanceRequest>(&host, &case, 44);
    }
}

#[tokio::test]
async fn the_status_of_a_suspended_and_of_a_terminated_instance_has_the_reason_as_its_output() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        case.answer(&host, 35);
        case.answer(&host, 48);
        let instance = host.client().instance(EVENT, "grpc-manage.run");
        let suspended = instance.status().await.unwrap().unwrap();
        assert_eq!(suspended.runtime_status, RuntimeStatus::Suspended);
        assert_eq!(suspended.output.as_deref(), Some("r"));
        let terminated = instance.status().await.unwrap().unwrap();
        assert_eq!(terminated.runtime_status, RuntimeStatus::Terminated);
        assert_eq!(terminated.output.as_deref(), Some(r#"{"why":"json"}"#));
        assert_eq!(terminated.output().unwrap(), None);
        let both = host.requests::<GetInstanceRequest>("GetInstance");
        assert_eq!(both, [case.request(35), case.request(48)]);
    }
}

#[tokio::test]
async fn a_query_goes_through_all_pages_and_gives_tokens_back_unchanged() {
    let case = Case::read("3.14", "grpc-query");
    let host = Scripted::listen().await;
    for n in [19, 20, 21] {
        case.answer(&host, n);
    }
    let query = Query::new()
        .with_id_prefix("grpc-query.")
        .with_page_size(2)
        .with_inputs_and_outputs();
    let client = host.client();
    let all = client.query(query.clone()).all().await.unwrap();
    let ids: Vec<&str> = all.iter().map(|it| it.instance_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "grpc-query.0",
            "grpc-query.1",
            "grpc-query.2",
            "grpc-query.3",
            "grpc-query.4"
        ]
    );
    assert_eq!(all[4].runtime_status, RuntimeStatus::Failed);
    let expected: Vec<QueryInstancesRequest> = [19, 20, 21].map(|n| page_request(&case, n)).into();
    assert_eq!(
        host.requests::<QueryInstancesRequest>("QueryInstances"),
        expected
    );

    // A token that was kept as JSON goes on where it was taken; it ends with a blank.
    host.clear();
    case.answer(&host, 19);
    let page = client
        .query(query.clone())
        .next_page()
        .await
        .unwrap()
        .unwrap();
    let kept = serde_json::to_string(&page.continuation.unwrap()).unwrap();
    assert_eq!(kept, r#""Z3JwYy1xdWVyeS4y ""#);
    host.clear();
    case.answer(&host, 20);
    let token: ContinuationToken = serde_json::from_str(&kept).unwrap();
    let mut pages = client.query(query.with_continuation(token));
    assert_eq!(
        pages.next().await.unwrap().unwrap().instance_id,
        "grpc-query.2"
    );
    let sent = host.requests::<QueryInstancesRequest>("QueryInstances");
    assert_eq!(sent, [page_request(&case, 20)]);
}

/// The request for a page. The recorded client asked for payloads in the first one only.
fn page_request(case: &Case, n: u64) -> QueryInstancesRequest {
    let mut request: QueryInstancesRequest = case.request(n);
    request.query.as_mut().unwrap().fetch_inputs_and_outputs = true;
    request
}

#[tokio::test]
async fn filters_are_sent_as_the_host_reads_them() {
    let case = Case::read("3.14", "grpc-query");
    let host = Scripted::listen().await;
    let client = host.client();
    case.answer(&host, 22);
    let recorded: QueryInstancesRequest = case.request(22);
    let mut query = Query::new()
        .with_id_prefix("grpc-query.")
        .with_page_size(10);
    for number in &recorded.query.as_ref().unwrap().runtime_status {
        let status = OrchestrationStatus::try_from(*number).unwrap();
        query = query.with_status(status.into());
    }
    if recorded.query.as_ref().unwrap().fetch_inputs_and_outputs {
        query = query.with_inputs_and_outputs();
    }
    let failed = client.query(query).all().await.unwrap();
    assert_eq!(failed[0].instance_id, "grpc-query.4");
    same::<QueryInstancesRequest>(&host, &case, 22);
    host.clear();
    case.answer(&host, 23);
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(978_307_200);
    let before = Query::new().created_before(end).with_page_size(10);
    assert!(client.query(before).all().await.unwrap().is_empty());
    same::<QueryInstancesRequest>(&host, &case, 23);
    // A page for no instances has a token without end: the client never asks for one.
    host.clear();
    case.answer(&host, 26);
    let none = client.query(Query::new().with_page_size(0)).all().await;
    assert!(none.unwrap().is_empty());
    let [request] = host
        .requests::<QueryInstancesRequest>("QueryInstances")
        .try_into()
        .unwrap();
    assert_eq!(request.query.unwrap().max_instance_count, 1);
}

#[tokio::test]
async fn a_purge_by_filter_counts_and_spares_what_has_not_ended() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "purge-filter");
        let host = Scripted::listen().await;
        case.answer(&host, 20);
        let client = host.client();
        let purged = client.purge(PurgeFilter::new()).await.unwrap();
        assert_eq!((purged.count, purged.is_complete), (3, None));
        host.clear();
        case.answer(&host, 21);
        let everything = PurgeFilter::new().with_any_status();
        assert_eq!(client.purge(everything).await.unwrap().count, 2);
    }
    let host = Scripted::listen().await;
    host.answer(
        "PurgeInstances",
        Reply::ok(&durable_protocol::messages::PurgeInstancesResponse::default()),
    );
    let client = host.client();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for filter in [
        PurgeFilter::new(),
        PurgeFilter::new().with_any_status(),
        PurgeFilter::new()
            .with_status(RuntimeStatus::Failed)
            .created_after(at(1))
            .created_before(at(2))
            .with_timeout(Duration::from_secs(3)),
    ] {
        client.purge(filter).await.unwrap();
    }
    let filters = host
        .requests::<PurgeInstancesRequest>("PurgeInstances")
        .into_iter()
        .map(|request| {
            let Some(durable_protocol::messages::PurgeTarget::PurgeInstanceFilter(filter)) =
                request.request
            else {
                panic!("no filter");
            };
            let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
            let timeout = filter.timeout.map(|it| it.seconds);
            (
                filter.runtime_status,
                seconds(filter.created_time_from),
                seconds(filter.created_time_to),
                timeout,
            )
        });
    // The time is always there: extension 2.13 fails without it.
    let first = Some(-62_135_596_800);
    assert_eq!(
        filters.collect::<Vec<_>>(),
        [
            (vec![1, 3, 5, 4], first, None, None),
            (vec![], first, None, None),
            (vec![3], Some(1), Some(2), Some(3)),
        ]
    );
}

#[tokio::test]
async fn one_instance_is_purged_once() {
    let case = Case::read("3.14", "purge");
    let host = Scripted::listen().await;
    for n in [17, 18, 19] {
        case.answer(&host, n);
    }
    let instance = host.client().instance(ONE, "purge.2");
    assert_eq!(short(instance.purge().await), "ok");
    assert_eq!(short(instance.purge().await), "NotFound");
    assert_eq!(short(instance.purge().await), "WrongStatus");
}

#[tokio::test]
async fn a_start_says_which_instances_it_may_replace() {
    let case = Case::read("3.14", "reuse-policy");
    for (n, expected) in [
        (1, "ok"),
        (5, "AlreadyExists"),
        (6, "AlreadyExists"),
        (7, "ok"),
    ] {
        let host = Scripted::listen().await;
        case.answer(&host, n);
        let recorded: CreateInstanceRequest = case.request(n);
        let policy = recorded.orchestration_id_reuse_policy.clone().unwrap();
        let policy = match policy.replaceable_status.as_slice() {
            [] => ReusePolicy::create_only(),
            numbers => ReusePolicy::replace(
                numbers
                    .iter()
                    .map(|it| OrchestrationStatus::try_from(*it).unwrap().into()),
            ),
        };
        let input: Value = serde_json::from_str(recorded.input.as_deref().unwrap()).unwrap();
        let started = host
            .client()
            .start(ONE, &input)
            .with_id("reuse-policy")
            .with_reuse_policy(policy)
            .await;
        assert_eq!(short(started.map(drop)), expected, "call {n}");
        same::<CreateInstanceRequest>(&host, &case, n);
    }
}

#[tokio::test]
async fn a_scheduled_start_and_tags_travel_as_the_host_reads_them() {
    let case = Case::read("3.14", "scheduled-start");
    let host = Scripted::listen().await;
    case.answer(&host, 1);
    let recorded: CreateInstanceRequest = case.request(1);
    let due = recorded.scheduled_start_timestamp.unwrap();
    let due = durable_protocol::Timestamp::from(due).to_system_time();
    let client = host.client();
    let start = client
        .start(ONE, &Value::from(1))
        .with_id("scheduled-start");
    start.scheduled_at(due).await.unwrap();
    same::<CreateInstanceRequest>(&host, &case, 1);
    case.answer(&host, 3);
    let pending = client
        .instance(ONE, "scheduled-start")
        .status()
        .await
        .unwrap();
    assert_eq!(pending.unwrap().runtime_status, RuntimeStatus::Pending);
    case.answer(&host, 8);
    let listed = client.query(Query::new()).all().await.unwrap();
    assert_eq!(listed[0].scheduled_start_at, Some(due));

    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "tags");
        let host = Scripted::listen().await;
        case.answer(&host, 1);
        case.answer(&host, 8);
        let client = host.client();
        let start = client.start_by_name("tagged", &()).with_id("tags");
        let instance = start.with_tag("team", "blue").await.unwrap();
        same::<CreateInstanceRequest>(&host, &case, 1);
        let status = instance.status().await.unwrap().unwrap();
        assert_eq!(status.tags["team"], "blue");
    }
}

#[tokio::test]
async fn waiting_gives_the_state_and_ends_at_the_limit() {
    let case = Case::read("3.14", "grpc-wait");
    let host = Scripted::listen().await;
    for n in [2, 7] {
        case.answer(&host, n);
    }
    for n in [3, 14, 8] {
        case.answer(&host, n);
    }
    let limit = Duration::from_secs(60);
    let instance = host.client().instance_by_id("grpc-wait");
    let begun = instance.wait_for_begin(limit).await.unwrap();
    assert_eq!(begun.runtime_status, RuntimeStatus::Running);
    let error = instance.wait_for_begin(limit).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the instance 'grpc-wait' did not begin within the time limit"
    );
    let ended = instance.wait(limit).await.unwrap();
    assert_eq!(ended.runtime_status, RuntimeStatus::Completed);
    let error = instance.output(limit).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::NotCompleted { output: Some(text), .. } if text.contains("QueryError")),
        "{error}"
    );
    let error = instance.wait(limit).await.unwrap_err();
    assert!(matches!(error, ClientError::NotEnded { .. }), "{error}");
}

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

#[tokio::test]
async fn entities_are_signalled_read_and_listed() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "entity-signal");
        let host = Scripted::listen().await;
        let client = host.client();
        let counter = client.entity(COUNTER.id("entity-signal"));
        case.answer(&host, 1);
        case.answer(&host, 5);
        assert_eq!(counter.state::<i64>().await.unwrap(), None);
        assert_eq!(counter.state::<i64>().await.unwrap(), Some(5));
        let read = host.requests::<GetEntityRequest>("GetEntity");
        assert_eq!(read, [case.request(1), case.request(5)]);
        let status = counter.status().await.unwrap().unwrap();
        assert_eq!((status.backlog, status.locked_by.as_deref()), (0, None));
        let error = counter.state::<String>().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the state of entity '@counter@entity-signal' is not of type String: invalid type: \
             integer `5`, expected a string at line 1 column 1"
        );

        case.answer(&host, 3);
        counter.signal(ADD, &5).await.unwrap();
        let [sent] = host
            .requests::<SignalEntityRequest>("SignalEntity")
            .try_into()
            .unwrap();
        let recorded: SignalEntityRequest = case.request(3);
        let id: uuid::Uuid = sent.request_id.parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
        let request_id = recorded.request_id.clone();
        assert_eq!(SignalEntityRequest { request_id, ..sent }, recorded);

        case.answer(&host, 18);
        let query = EntityQuery::new()
            .with_name("Counter")
            .with_states()
            .with_page_size(2);
        let page = client.entities(query).next_page().await.unwrap().unwrap();
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.items[0].state_as::<i64>().unwrap(), Some(1));
        let [sent] = host
            .requests::<QueryEntitiesRequest>("QueryEntities")
            .try_into()
            .unwrap();
        let mut sent = sent.query.unwrap();
        // The recorded one had no `@` behind the name, which also finds `@counter2@…`.
        assert_eq!(sent.instance_id_starts_with.as_deref(), Some("@counter@"));
        sent.instance_id_starts_with = Some("@counter".to_owned());
        assert_eq!(Some(sent), case.request::<QueryEntitiesRequest>(18).query);

        case.answer(&host, 27);
        let cleaned = client.clean_entities().await.unwrap();
        assert_eq!((cleaned.removed, cleaned.released_locks), (0, 0));
        same::<durable_protocol::messages::CleanEntityStorageRequest>(&host, &case, 27);
    }
}
