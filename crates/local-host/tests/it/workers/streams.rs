//! What a worker gets over its stream, and what becomes of its answers.

use durable_protocol::messages::{
    ActivityFilter, EntityBatchResult, GetWorkItemsRequest, HistoryChunk, OperationResult,
    OperationResultSuccess, OrchestrationFilter, OrchestrationStatus, OrchestratorResponse,
    ResultType, SignalEntityRequest, SignalEntityResponse, StreamInstanceHistoryRequest,
    WorkItemFilters, WorkerCapability,
};
use local_host::hub::Storage;
use local_host::log::LogLevel;
use tonic::Code;

use super::support::{
    Worker, abandon, answer, finish, finish_batch, hub, hub_in, schedule, send, takes,
};
use crate::hub::support::{Client, Log, complete};

fn completed(result: &str) -> Vec<durable_protocol::messages::OrchestratorAction> {
    vec![complete(9, OrchestrationStatus::Completed, result)]
}

/// A worker with this orchestrator and, if named, this activity only.
fn has(orchestrator: &str, activity: Option<&str>) -> GetWorkItemsRequest {
    let activity = activity.map(|name| ActivityFilter {
        name: name.into(),
        versions: Vec::new(),
    });
    GetWorkItemsRequest {
        work_item_filters: Some(WorkItemFilters {
            orchestrations: vec![OrchestrationFilter {
                name: orchestrator.into(),
                versions: Vec::new(),
            }],
            activities: activity.into_iter().collect(),
            entities: Vec::new(),
        }),
        ..takes(10)
    }
}

async fn signal(client: &Client, entity: &str) {
    let request = SignalEntityRequest {
        instance_id: entity.into(),
        name: "add".into(),
        input: Some("1".into()),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..SignalEntityRequest::default()
    };
    let sent = client.call::<_, SignalEntityResponse>("SignalEntity", request);
    sent.await.unwrap();
}

#[tokio::test]
async fn a_worker_runs_turns_activities_and_batches() {
    let (hub, client, _) = hub().await;
    let mut worker = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "7").await.unwrap();
    let turn = worker.turn().await;
    assert_eq!(turn.request.instance_id, "i");
    let execution = turn.request.execution_id.clone();
    assert!(execution.as_ref().is_some_and(|id| !id.is_empty()));
    assert!(turn.request.entity_parameters.is_some());
    assert_eq!(
        (
            turn.request.past_events.len(),
            turn.request.new_events.len()
        ),
        (0, 2)
    );
    answer(&client, &turn.token, vec![schedule(3, "a")])
        .await
        .unwrap();
    let activity = worker.activity().await;
    let request = activity.request;
    assert_eq!((request.name.as_str(), request.task_id), ("a", 3));
    assert_eq!(request.input.as_deref(), Some("3"));
    let instance = request.orchestration_instance.unwrap();
    assert_eq!(instance.instance_id, "i");
    assert_eq!(instance.execution_id, execution);
    finish(&client, &activity.token, "\"done\"").await;
    let next = worker.turn().await;
    assert_eq!(next.request.past_events[..2], turn.request.new_events);
    answer(&client, &next.token, completed("42")).await.unwrap();
    let state = client.completion("i").await;
    assert_eq!(state.output.as_deref(), Some("42"));
    assert_eq!(state.custom_status, None);
    assert_eq!(state.execution_id, execution);

    signal(&client, "@counter@k").await;
    let batch = worker.batch().await;
    assert_eq!(batch.request.instance_id, "@counter@k");
    assert_eq!(batch.request.operations[0].operation, "add");
    let result = EntityBatchResult {
        results: vec![OperationResult {
            result_type: Some(ResultType::Success(OperationResultSuccess::default())),
        }],
        entity_state: Some("1".into()),
        ..EntityBatchResult::default()
    };
    finish_batch(&client, result, &batch.token).await;
    let entity = hub.wait_for_entity("@counter@k", |it| it.serialized_state.is_some());
    assert_eq!(entity.await.serialized_state.as_deref(), Some("1"));
}

#[tokio::test]
async fn work_of_a_stream_that_was_cut_goes_to_another_worker_and_the_first_answer_counts() {
    let (hub, client, log) = hub().await;
    let mut first = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    client.start("j", "o", "1").await.unwrap();
    let lost = [first.turn().await, first.turn().await];
    drop(first);
    log.wait_for(LogLevel::Info, "Others get its 2 work items.")
        .await;
    let mut second = Worker::connect(&hub, takes(10)).await;
    let again = [second.turn().await, second.turn().await];
    for (before, after) in lost.iter().zip(&again) {
        assert_eq!(before.token, after.token);
        assert_eq!(before.request, after.request);
    }
    answer(&client, &again[0].token, completed("2"))
        .await
        .unwrap();
    answer(&client, &lost[0].token, completed("1"))
        .await
        .unwrap();
    assert_eq!(client.completion("i").await.output.as_deref(), Some("2"));
    // A worker that stops can still finish what it has begun.
    answer(&client, &lost[1].token, completed("1"))
        .await
        .unwrap();
    answer(&client, &again[1].token, completed("2"))
        .await
        .unwrap();
    assert_eq!(client.completion("j").await.output.as_deref(), Some("1"));
}

#[tokio::test]
async fn an_answer_with_a_token_that_is_not_good_is_taken_without_effect() {
    let (hub, client, _) = hub().await;
    let mut worker = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    let turn = worker.turn().await;
    answer(&client, &turn.token, vec![schedule(0, "a")])
        .await
        .unwrap();
    let activity = worker.activity().await;
    for token in ["", "nonsense", &turn.token] {
        answer(&client, token, completed("1")).await.unwrap();
        finish(&client, token, "1").await;
        finish_batch(&client, EntityBatchResult::default(), token).await;
        for kind in ["Orchestrator", "Activity", "Entity"] {
            abandon(&client, kind, token).await;
        }
    }
    // A token of one kind of work is none of another.
    answer(&client, &activity.token, completed("1"))
        .await
        .unwrap();
    abandon(&client, "Entity", &activity.token).await;
    finish(&client, &activity.token, "5").await;
    let next = worker.turn().await;
    answer(&client, &next.token, completed("2")).await.unwrap();
    assert_eq!(client.completion("i").await.output.as_deref(), Some("2"));
}

#[tokio::test]
async fn abandoned_work_comes_again_under_another_token() {
    let (hub, client, _) = hub().await;
    let mut worker = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    let first = worker.turn().await;
    abandon(&client, "Orchestrator", &first.token).await;
    let second = worker.turn().await;
    assert_ne!(first.token, second.token);
    answer(&client, &second.token, vec![schedule(0, "a")])
        .await
        .unwrap();
    let activity = worker.activity().await;
    abandon(&client, "Activity", &activity.token).await;
    let again = worker.activity().await;
    assert_eq!(activity.request, again.request);
    signal(&client, "@e@k").await;
    let batch = worker.batch().await;
    abandon(&client, "Entity", &batch.token).await;
    assert_eq!(worker.batch().await.request, batch.request);
}

#[tokio::test]
async fn a_worker_gets_no_more_of_a_kind_than_it_takes() {
    let (hub, client, _) = hub().await;
    let mut worker = Worker::connect(&hub, takes(2)).await;
    client.start("i", "o", "1").await.unwrap();
    let turn = worker.turn().await;
    let tasks = (0..5).map(|id| schedule(id, "a")).collect();
    answer(&client, &turn.token, tasks).await.unwrap();
    let mut running = vec![worker.activity().await, worker.activity().await];
    for left in [3, 2, 1] {
        // The turn would come behind a third activity.
        let id = client.start("", "o", "1").await.unwrap();
        let turn = worker.turn().await;
        assert_eq!(turn.request.instance_id, id, "{left} are left");
        answer(&client, &turn.token, completed("1")).await.unwrap();
        let done = running.remove(0);
        finish(&client, &done.token, "1").await;
        // The result is a turn of the first instance.
        let mut next = Vec::new();
        for _ in 0..2 {
            let item = worker.next().await;
            match item.request.unwrap() {
                durable_protocol::messages::WorkItemRequest::ActivityRequest(_) => {
                    next.push(item.completion_token);
                }
                _ => answer(&client, &item.completion_token, vec![])
                    .await
                    .unwrap(),
            }
        }
        assert_eq!(next.len(), 1);
        running.push(super::support::Activity {
            token: next.remove(0),
            request: done.request,
        });
    }
}

#[tokio::test]
async fn a_worker_that_does_not_read_leaves_the_work_to_others() {
    let (hub, client, _) = hub().await;
    let _slow = Worker::connect(&hub, takes(10_000)).await;
    let input = format!("\"{}\"", "x".repeat(256 * 1024));
    for _ in 0..60 {
        client.start("", "o", &input).await.unwrap();
    }
    let mut other = Worker::connect(&hub, takes(10_000)).await;
    for _ in 0..30 {
        let turn = other.turn().await;
        answer(&client, &turn.token, completed("1")).await.unwrap();
    }
}

#[tokio::test]
async fn a_long_history_is_left_out_for_a_worker_that_can_fetch_it() {
    let (hub, client, log) = hub().await;
    let mut plain = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    let data = format!("\"{}\"", "x".repeat(700 * 1024));
    for _ in 0..3 {
        let turn = plain.turn().await;
        assert!(!turn.request.requires_history_streaming);
        answer(&client, &turn.token, vec![]).await.unwrap();
        client.raise("i", "e", &data).await.unwrap();
    }
    let whole = plain.turn().await.request;
    drop(plain);
    log.wait_for(LogLevel::Info, "has disconnected").await;
    let mut fetching = Worker::connect(
        &hub,
        GetWorkItemsRequest {
            capabilities: vec![WorkerCapability::HistoryStreaming.into()],
            ..takes(10)
        },
    )
    .await;
    let turn = fetching.turn().await;
    assert!(turn.request.requires_history_streaming);
    assert!(turn.request.past_events.is_empty());
    assert_eq!(turn.request.new_events, whole.new_events);
    let request = StreamInstanceHistoryRequest {
        instance_id: "i".into(),
        execution_id: turn.request.execution_id,
        for_work_item_processing: true,
    };
    let mut chunks = client
        .streaming::<_, HistoryChunk>("StreamInstanceHistory", request)
        .await
        .unwrap();
    let mut past = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        past.extend(chunk.events);
    }
    assert_eq!(past, whole.past_events);
    answer(&client, &turn.token, completed("1")).await.unwrap();
    client.completion("i").await;
}

fn part(token: &str, index: i32, is_partial: bool, task: i32) -> OrchestratorResponse {
    OrchestratorResponse {
        actions: vec![schedule(task, "a")],
        completion_token: token.into(),
        is_partial,
        chunk_index: Some(index),
        ..OrchestratorResponse::default()
    }
}

#[tokio::test]
async fn an_answer_in_parts_counts_when_it_is_complete() {
    let (hub, client, _) = hub().await;
    let mut worker = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    let turn = worker.turn().await;
    // A part is missing.
    send(&client, part(&turn.token, 0, true, 0)).await.unwrap();
    let refused = send(&client, part(&turn.token, 2, false, 2)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let turn = worker.turn().await;
    // One comes twice, because its answer was lost.
    for index in [0, 1, 1] {
        send(&client, part(&turn.token, index, true, index))
            .await
            .unwrap();
    }
    send(&client, part(&turn.token, 2, false, 2)).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(worker.activity().await.request.task_id);
    }
    assert_eq!(ids, [0, 1, 2]);
}

#[tokio::test]
async fn work_waits_for_a_worker_that_has_its_function_and_the_log_says_for_which() {
    let (hub, client, log) = hub().await;
    client.start("i", "rare", "1").await.unwrap();
    let waits = "waits for a worker with the orchestrator 'rare': no worker is connected.";
    log.wait_for(LogLevel::Warning, waits).await;
    let mut common = Worker::connect(&hub, has("common", None)).await;
    client.start("j", "common", "1").await.unwrap();
    let turn = common.turn().await;
    assert_eq!(turn.request.instance_id, "j");
    answer(&client, &turn.token, vec![schedule(0, "act")])
        .await
        .unwrap();
    let waits = "waits for a worker with the activity 'act': no connected worker has it.";
    log.wait_for(LogLevel::Warning, waits).await;
    client.raise("i", "e", "1").await.unwrap();
    let mut rare = Worker::connect(&hub, has("Rare", Some("act"))).await;
    let turn = rare.turn().await;
    assert_eq!(turn.request.instance_id, "i");
    assert_eq!(turn.request.new_events.len(), 3, "with the event");
    assert_eq!(rare.activity().await.request.name, "act");
}

#[tokio::test]
async fn work_that_was_under_way_when_the_hub_ended_is_given_out_again_and_old_tokens_are_stale() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Folder(folder.path().to_owned());
    let log = Log::default();
    let (hub, client) = hub_in(storage.clone(), &log).await;
    let mut worker = Worker::connect(&hub, takes(10)).await;
    client.start("i", "o", "1").await.unwrap();
    let lost = worker.turn().await;
    hub.stop().await;
    let (hub, client) = hub_in(storage, &log).await;
    answer(&client, &lost.token, completed("1")).await.unwrap();
    let mut worker = Worker::connect(&hub, takes(10)).await;
    let turn = worker.turn().await;
    assert_ne!(turn.token, lost.token);
    answer(&client, &lost.token, completed("1")).await.unwrap();
    answer(&client, &turn.token, completed("2")).await.unwrap();
    assert_eq!(client.completion("i").await.output.as_deref(), Some("2"));
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_with_a_handler_serves_no_workers() {
    let log = Log::default();
    let (_hub, client) =
        crate::hub::support::hub_with(Vec::new(), &log, |_, _| unreachable!()).await;
    let refused = client
        .streaming::<_, durable_protocol::messages::WorkItem>("GetWorkItems", takes(1))
        .await;
    assert_eq!(refused.err().unwrap().code(), Code::Unimplemented);
    let listed = client.call::<_, ()>("ListInstanceIds", ()).await;
    assert_eq!(listed.unwrap_err().code(), Code::Unimplemented);
}
