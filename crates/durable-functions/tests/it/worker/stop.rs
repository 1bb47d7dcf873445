//! A worker that stops finishes what it can, and gives back the rest.

use std::sync::Arc;
use std::time::Duration;

use durable_functions::{Activity, Entity, EntityFunction, Operation};
use durable_protocol::messages::{EntityBatchRequest, OperationRequest, WorkItemRequest};
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use super::fake::{End, Fake, serve};

const WORK: Activity<(), String> = Activity::new("work");

#[tokio::test]
async fn what_runs_is_told_and_finished_and_what_waits_is_abandoned() {
    let mut sidecar = Fake::listen().await;
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let worker = sidecar
        .worker()
        .max_activities(1)
        .activity(WORK, move |context, ()| {
            let begun = Arc::clone(&told);
            async move {
                begun.notify_one();
                context.cancellation().cancelled().await;
                Ok("told".to_owned())
            }
        });
    let mut serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    begun.notified().await;
    stream.call(WORK, 2);
    serving.begin_stop();
    let mut completed = None;
    let mut abandoned = None;
    for _ in 0..2 {
        match sidecar.end().await {
            End::Activity(answer) => completed = Some((answer.task_id, answer.result)),
            End::Abandoned(kind, token) => abandoned = Some((kind, token)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(completed, Some((1, Some("\"told\"".to_owned()))));
    assert_eq!(abandoned, Some(("activity", "2".to_owned())));
    serving.ended().await;
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_dropped_and_abandoned() {
    const SLOW: Entity<u32> = Entity::new("slow");
    const HANG: Operation<(), ()> = Operation::new("hang");
    let mut sidecar = Fake::listen().await;
    let (begun, mut running) = unbounded_channel();
    let worker = {
        let begun_batch = begun.clone();
        let slow = EntityFunction::new(SLOW).on(HANG, async move |_, _: &mut u32, ()| {
            begun_batch.send("batch").unwrap();
            std::future::pending().await
        });
        sidecar
            .worker()
            .grace(Duration::from_millis(10))
            .entity(slow)
            .activity(WORK, move |_, ()| {
                let begun = begun.clone();
                async move {
                    begun.send("activity").unwrap();
                    std::future::pending().await
                }
            })
    };
    let mut serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    let batch = EntityBatchRequest {
        instance_id: "@slow@a".to_owned(),
        operations: vec![OperationRequest {
            operation: "hang".to_owned(),
            request_id: "r".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    stream.send("b", WorkItemRequest::EntityRequest(Box::new(batch)));
    let mut begun = [running.recv().await.unwrap(), running.recv().await.unwrap()];
    begun.sort();
    assert_eq!(begun, ["activity", "batch"]);
    serving.begin_stop();
    let mut abandoned = Vec::new();
    for _ in 0..2 {
        match sidecar.end().await {
            End::Abandoned(kind, token) => abandoned.push((kind, token)),
            other => panic!("{other:?}"),
        }
    }
    abandoned.sort();
    let expected = [("activity", "1".to_owned()), ("batch", "b".to_owned())];
    assert_eq!(abandoned, expected);
    serving.ended().await;
}
