//! What clients of workers see and can do.

use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateSubOrchestrationAction, EventType, InstanceBatch,
    InstanceQuery, ListInstanceIdsRequest, ListInstanceIdsResponse, OrchestrationStatus,
    OrchestratorAction, OrchestratorActionType, OrchestratorRequest, PurgeInstanceFilter,
    PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget, QueryInstancesRequest,
    QueryInstancesResponse, SignalEntityRequest, SignalEntityResponse, SuspendRequest,
    SuspendResponse, TaskFailureDetails, TerminateRequest, TerminateResponse,
};
use prost::Message as _;
use tonic::Code;

use super::support::{Worker, hub, takes};
use crate::hub::support::{Client, action, complete};

/// The orchestrator's name says what it does.
fn decide(request: &OrchestratorRequest) -> Vec<OrchestratorAction> {
    let events = request.past_events.iter().chain(&request.new_events);
    let mut name = "";
    let mut is_terminated = false;
    let mut is_done = false;
    for event in events {
        match event.event_type.as_ref().unwrap() {
            EventType::ExecutionStarted(start) => name = &start.name,
            EventType::ExecutionTerminated(_) => is_terminated = true,
            EventType::SubOrchestrationInstanceCompleted(_) => is_done = true,
            _ => {}
        }
    }
    let is_first = request.past_events.is_empty();
    match name {
        _ if is_terminated => vec![complete(8, OrchestrationStatus::Terminated, "\"enough\"")],
        "echo" => vec![complete(9, OrchestrationStatus::Completed, "1")],
        "fail" => vec![fail()],
        "unfinished" => vec![complete(9, OrchestrationStatus::Running, "1")],
        "parent" | "waiting-parent" if is_first => {
            let name = if name == "parent" { "echo" } else { "wait" };
            vec![child(0, &format!("{}.child", request.instance_id), name)]
        }
        "parent" if is_done => vec![complete(9, OrchestrationStatus::Completed, "2")],
        _ => Vec::new(),
    }
}

fn fail() -> OrchestratorAction {
    let details = TaskFailureDetails {
        error_type: "Broken".into(),
        error_message: "it broke".into(),
        stack_trace: Some("line 1".into()),
        ..TaskFailureDetails::default()
    };
    let end = CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Failed.into(),
        failure_details: Some(details),
        ..CompleteOrchestrationAction::default()
    };
    action(
        9,
        OrchestratorActionType::CompleteOrchestration(Box::new(end)),
    )
}

fn child(id: i32, instance: &str, name: &str) -> OrchestratorAction {
    let child = CreateSubOrchestrationAction {
        instance_id: instance.into(),
        name: name.into(),
        ..CreateSubOrchestrationAction::default()
    };
    action(
        id,
        OrchestratorActionType::CreateSubOrchestration(Box::new(child)),
    )
}

async fn purge(client: &Client, target: PurgeTarget, recursive: bool) -> i32 {
    let request = PurgeInstancesRequest {
        recursive,
        request: Some(target),
        ..PurgeInstancesRequest::default()
    };
    let purged: PurgeInstancesResponse = client.call("PurgeInstances", request).await.unwrap();
    assert_eq!(purged.is_complete, Some(true));
    purged.deleted_instance_count
}

#[tokio::test]
async fn a_failure_is_shown_with_its_details_and_one_of_the_hub_with_its_text() {
    let (hub, client, _) = hub().await;
    let worker = Worker::connect(&hub, takes(10)).await.serve(decide);
    client.start("f", "fail", "1").await.unwrap();
    let state = client.completion("f").await;
    assert_eq!(state.output, None);
    let failure = state.failure_details.clone().unwrap();
    assert_eq!(failure.error_type, "Broken");
    assert_eq!(failure.stack_trace.as_deref(), Some("line 1"));
    assert_eq!(client.get("f").await.unwrap(), state);
    client.start("u", "unfinished", "1").await.unwrap();
    let failure = client.completion("u").await.failure_details.unwrap();
    assert_eq!(failure.error_type, "AnswerRefused");
    assert_eq!(
        failure.error_message,
        "local-host failed orchestration 'unfinished': it completes with status Running, which is not an end."
    );
    worker.abort();
}

#[tokio::test]
async fn a_list_comes_in_pages_that_fit_into_a_message() {
    let (_hub, client, _) = hub().await;
    let input = format!("\"{}\"", "x".repeat(1024 * 1024));
    for id in ["a", "b", "c", "d", "e"] {
        client.start(id, "o", &input).await.unwrap();
    }
    let mut token = None;
    let mut pages = Vec::new();
    loop {
        let request = QueryInstancesRequest {
            query: Some(InstanceQuery {
                max_instance_count: i32::MAX,
                continuation_token: token,
                fetch_inputs_and_outputs: true,
                ..InstanceQuery::default()
            }),
        };
        let page: QueryInstancesResponse = client.call("QueryInstances", request).await.unwrap();
        assert!(page.encoded_len() < 4 * 1024 * 1024);
        let rows = page.orchestration_state;
        assert!(rows.iter().all(|row| row.input.as_ref() == Some(&input)));
        pages.push(
            rows.into_iter()
                .map(|row| row.instance_id)
                .collect::<String>(),
        );
        token = page.continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["ab", "cd", "e"]);
    let without: QueryInstancesResponse = client
        .call("QueryInstances", QueryInstancesRequest::default())
        .await
        .unwrap();
    assert_eq!(without.orchestration_state.len(), 5);
    assert_eq!(without.orchestration_state[0].input, None);
}

#[tokio::test]
async fn a_purge_takes_what_has_ended_and_leaves_what_runs() {
    let (hub, client, _) = hub().await;
    let worker = Worker::connect(&hub, takes(10)).await.serve(decide);
    for (id, name) in [("p", "parent"), ("q", "parent"), ("e", "echo")] {
        client.start(id, name, "1").await.unwrap();
        client.completion(id).await;
    }
    client.start("w", "wait", "1").await.unwrap();
    let signal = SignalEntityRequest {
        instance_id: "@e@k".into(),
        name: "op".into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..SignalEntityRequest::default()
    };
    let _: SignalEntityResponse = client.call("SignalEntity", signal).await.unwrap();
    let one = PurgeTarget::InstanceId("p".into());
    assert_eq!(purge(&client, one, true).await, 2, "with its child");
    assert!(client.get("p.child").await.is_none());
    let batch = InstanceBatch {
        instance_ids: vec!["q".into(), "none".into()],
    };
    let batch = PurgeTarget::InstanceBatch(batch);
    assert_eq!(purge(&client, batch, false).await, 1);
    assert!(client.get("q.child").await.is_some());
    let filter = |statuses: &[OrchestrationStatus]| {
        PurgeTarget::PurgeInstanceFilter(PurgeInstanceFilter {
            runtime_status: statuses.iter().map(|it| (*it).into()).collect(),
            ..PurgeInstanceFilter::default()
        })
    };
    let running = [OrchestrationStatus::Running, OrchestrationStatus::Pending];
    assert_eq!(purge(&client, filter(&running), true).await, 0);
    assert_eq!(purge(&client, filter(&[]), true).await, 2);
    assert!(client.get("w").await.is_some());
    worker.abort();
}

#[tokio::test]
async fn a_recursive_termination_ends_sub_orchestrations() {
    let (hub, client, _) = hub().await;
    let worker = Worker::connect(&hub, takes(10)).await.serve(decide);
    for (id, recursive) in [("r", true), ("s", false)] {
        client.start(id, "waiting-parent", "1").await.unwrap();
        let child = format!("{id}.child");
        hub.wait_for(&child, |state| {
            state.orchestration_status() == OrchestrationStatus::Running
        })
        .await;
        let request = TerminateRequest {
            instance_id: id.into(),
            output: Some("\"enough\"".into()),
            recursive,
        };
        let _: TerminateResponse = client.call("TerminateInstance", request).await.unwrap();
        let state = client.completion(id).await;
        assert_eq!(
            state.orchestration_status(),
            OrchestrationStatus::Terminated
        );
        if recursive {
            let state = client.completion(&child).await;
            assert_eq!(
                state.orchestration_status(),
                OrchestrationStatus::Terminated
            );
        } else {
            let state = client.get(&child).await.unwrap();
            assert_eq!(state.orchestration_status(), OrchestrationStatus::Running);
        }
    }
    worker.abort();
}

#[tokio::test]
async fn ids_of_instances_that_have_ended_are_listed_by_the_time_of_their_end() {
    let (hub, client, _) = hub().await;
    let worker = Worker::connect(&hub, takes(10)).await.serve(decide);
    for (id, name) in [("a", "echo"), ("b", "fail"), ("c", "echo")] {
        client.start(id, name, "1").await.unwrap();
        client.completion(id).await;
    }
    client.start("w", "wait", "1").await.unwrap();
    let list = async |request: ListInstanceIdsRequest| {
        let listed: ListInstanceIdsResponse =
            client.call("ListInstanceIds", request).await.unwrap();
        (listed.instance_ids.concat(), listed.last_instance_key)
    };
    let all = ListInstanceIdsRequest::default();
    assert_eq!(list(all.clone()).await, ("abc".to_owned(), None));
    let two = ListInstanceIdsRequest {
        page_size: 2,
        ..all.clone()
    };
    let (ids, key) = list(two.clone()).await;
    assert_eq!(ids, "ab");
    let rest = ListInstanceIdsRequest {
        last_instance_key: key,
        ..two
    };
    assert_eq!(list(rest).await, ("c".to_owned(), None));
    let failed = ListInstanceIdsRequest {
        runtime_status: vec![OrchestrationStatus::Failed.into()],
        ..all.clone()
    };
    assert_eq!(list(failed).await.0, "b");
    let ended = client.get("c").await.unwrap().completed_timestamp;
    let before = ListInstanceIdsRequest {
        completed_time_to: ended,
        ..all.clone()
    };
    assert_eq!(list(before).await.0, "ab");
    let from = ListInstanceIdsRequest {
        completed_time_from: ended,
        ..all
    };
    assert_eq!(list(from).await.0, "c");
    worker.abort();
}

#[tokio::test]
async fn suspending_what_does_not_exist_or_has_ended_says_so() {
    let (hub, client, _) = hub().await;
    let worker = Worker::connect(&hub, takes(10)).await.serve(decide);
    client.start("e", "echo", "1").await.unwrap();
    client.completion("e").await;
    for (id, code) in [
        ("none", Code::NotFound),
        ("e", Code::FailedPrecondition),
        ("", Code::InvalidArgument),
    ] {
        let request = SuspendRequest {
            instance_id: id.into(),
            reason: None,
        };
        let refused = client.call::<_, SuspendResponse>("SuspendInstance", request);
        assert_eq!(refused.await.unwrap_err().code(), code);
    }
    worker.abort();
}
