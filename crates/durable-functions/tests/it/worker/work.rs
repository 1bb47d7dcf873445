//! Work items: failed with a type, and never without an end.

use durable_functions::worker::{Worker, WorkerError};
use durable_functions::{
    Activity, DurableClient, Entity, EntityFunction, Failure, Operation, OrchestrationContext,
    Orchestrator, error_type,
};
use durable_protocol::messages::{
    EntityBatchRequest, HistoryChunk, OperationRequest, OrchestrationStatus, OrchestratorRequest,
    ResultType, WorkItemRequest,
};

use super::fake::{End, Fake, serve};
use super::items::{end_of, first_turn, turn};

const WORK: Activity<(), u32> = Activity::new("work");
const ECHO: Orchestrator<u32, u32> = Orchestrator::new("echo");

async fn echo(_: OrchestrationContext, number: u32) -> durable_functions::Result<u32> {
    Ok(number)
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_worker_lives_on() {
    const PANIC: Activity<(), ()> = Activity::new("panic");
    let mut sidecar = Fake::listen().await;
    let worker = sidecar
        .worker()
        .activity(PANIC, |_, ()| async { panic!("on purpose") })
        .activity(WORK, |_, ()| async { Ok(3) });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(PANIC, 1);
    let failure = sidecar.activity().await.failure_details.unwrap();
    assert_eq!(failure.error_type, error_type::PANIC);
    stream.ping();
    stream.call(WORK, 2);
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("3"));
    serving.stop().await;
}

#[tokio::test]
async fn a_failure_keeps_type_flag_and_cause_and_has_a_message() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().activity(WORK, |_, ()| async {
        let cause = Failure::new("Cause", "why");
        Err(Failure::new("Broken", "")
            .non_retriable()
            .with_cause(cause)
            .into())
    });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    let details = sidecar.activity().await.failure_details.unwrap();
    assert_eq!(details.error_type, "Broken");
    assert!(details.is_non_retriable && !details.error_message.is_empty());
    assert_eq!(details.inner_failure.unwrap().error_type, "Cause");
    serving.stop().await;
}

#[tokio::test]
async fn work_for_unknown_functions_fails_with_a_type_of_its_own() {
    let mut sidecar = Fake::listen().await;
    let serving = serve(sidecar.worker());
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    let failure = sidecar.activity().await.failure_details.unwrap();
    assert_eq!(failure.error_type, error_type::ACTIVITY_NOT_FOUND);
    stream.send("t", turn(first_turn("nobody")));
    let (status, _, failure) = end_of(sidecar.end().await);
    assert_eq!(status, OrchestrationStatus::Failed);
    assert_eq!(failure.as_deref(), Some(error_type::ORCHESTRATOR_NOT_FOUND));
    let batch = EntityBatchRequest {
        instance_id: "@nobody@a".to_owned(),
        entity_state: Some("7".to_owned()),
        operations: vec![OperationRequest::default(); 2],
        ..Default::default()
    };
    stream.send("b", WorkItemRequest::EntityRequest(Box::new(batch)));
    let End::Batch(answer) = sidecar.end().await else {
        panic!("no batch");
    };
    assert_eq!(answer.entity_state.as_deref(), Some("7"));
    assert_eq!(answer.completion_token, "b");
    assert_eq!(answer.results.len(), 2);
    for result in answer.results {
        let Some(ResultType::Failure(failure)) = result.result_type else {
            panic!("a success");
        };
        let details = failure.failure_details.unwrap();
        assert_eq!(details.error_type, error_type::ENTITY_FUNCTION_NOT_FOUND);
    }
    serving.stop().await;
}

#[tokio::test]
async fn a_turn_is_answered_with_its_token_and_without_history_it_is_failed() {
    let mut sidecar = Fake::listen().await;
    let serving = serve(sidecar.worker().orchestrator(ECHO, echo));
    let stream = sidecar.accept().await;
    stream.send("t1", turn(first_turn("ECHO")));
    let End::Turn(answer) = sidecar.end().await else {
        panic!("no turn");
    };
    assert_eq!(
        (
            answer.instance_id.as_str(),
            answer.completion_token.as_str()
        ),
        ("i", "t1")
    );
    let completed = (OrchestrationStatus::Completed, Some("5".to_owned()), None);
    assert_eq!(end_of(End::Turn(answer)), completed);
    stream.send("t2", turn(Vec::new()));
    let (_, _, failure) = end_of(sidecar.end().await);
    assert_eq!(failure.as_deref(), Some(error_type::INVALID_REQUEST));
    serving.stop().await;
}

#[tokio::test]
async fn a_history_that_was_left_out_is_fetched() {
    let mut sidecar = Fake::listen().await;
    let chunks = first_turn("echo").into_iter().map(|event| HistoryChunk {
        events: vec![event],
    });
    sidecar.set_history(chunks.collect());
    let serving = serve(sidecar.worker().orchestrator(ECHO, echo));
    let stream = sidecar.accept().await;
    let request = OrchestratorRequest {
        instance_id: "i".to_owned(),
        requires_history_streaming: true,
        ..Default::default()
    };
    stream.send("t", WorkItemRequest::OrchestratorRequest(Box::new(request)));
    let (status, result, _) = end_of(sidecar.end().await);
    assert_eq!(status, OrchestrationStatus::Completed);
    assert_eq!(result.as_deref(), Some("5"));
    serving.stop().await;
}

#[tokio::test]
async fn the_sidecar_is_told_the_task_hub_and_the_registered_functions() {
    const COUNTER: Entity<i64> = Entity::new("Counter");
    const GET: Operation<(), i64> = Operation::new("get");
    let mut sidecar = Fake::listen().await;
    let counter = EntityFunction::new(COUNTER).on(GET, async |_, count: &mut i64, ()| Ok(*count));
    let worker = sidecar
        .worker()
        .task_hub("hub")
        .orchestrator(ECHO, echo)
        .activity(WORK, |_, ()| async { Ok(1) })
        .entity(counter)
        .filtered();
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    let filters = stream.asked.work_item_filters.clone().unwrap();
    assert_eq!(filters.orchestrations[0].name, "echo");
    assert_eq!(filters.activities[0].name, "work");
    assert_eq!(filters.entities[0].name, "counter");
    serving.stop().await;
    let hubs = sidecar.task_hubs();
    assert!(
        hubs.iter().all(|hub| hub.as_deref() == Some("hub")),
        "{hubs:?}"
    );
}

#[tokio::test]
async fn mistakes_are_errors_before_anything_is_sent_and_show_no_secret() {
    let run = async |worker: Worker| worker.run_until(std::future::ready(())).await.unwrap_err();
    for endpoint in ["", "localhost", "ftp://u:SECRET@host", "::"] {
        assert!(DurableClient::connect(endpoint).is_err(), "{endpoint}");
        let error = run(Worker::new(endpoint)).await;
        assert!(
            matches!(error, WorkerError::InvalidEndpoint { .. }),
            "{endpoint}: {error}"
        );
        assert!(!format!("{error} {error:?}").contains("SECRET"));
    }
    let secret = Worker::new("http://u:SECRET@host").metadata("authorization", "SECRET\n");
    assert!(!format!("{secret:?}").contains("SECRET"));
    let error = run(secret).await;
    assert!(!format!("{error} {error:?}").contains("SECRET"));
    assert!(matches!(error, WorkerError::InvalidMetadata { .. }));
    let twice = Worker::new("http://host")
        .orchestrator(ECHO, echo)
        .orchestrator(Orchestrator::new("Echo"), echo);
    let error = run(twice).await;
    assert!(matches!(
        error,
        WorkerError::DuplicateFunction {
            kind: "orchestrator",
            ..
        }
    ));
}
