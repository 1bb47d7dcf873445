//! A lost connection costs a pause, and no work.

use std::sync::Arc;
use std::time::Duration;

use durable_functions::Activity;
use tokio::sync::Notify;
use tonic::Status;

use super::fake::{Fake, serve};

const WORK: Activity<(), u32> = Activity::new("work");

#[tokio::test]
async fn a_stream_that_ends_or_breaks_is_opened_again() {
    let mut sidecar = Fake::listen().await;
    let serving = serve(sidecar.worker().activity(WORK, |_, ()| async { Ok(7) }));
    drop(sidecar.accept().await);
    let broken = sidecar.accept().await;
    broken.fail(Status::unavailable("restarting"));
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("7"));
    serving.stop().await;
}

#[tokio::test]
async fn a_silent_stream_stays_while_the_sidecar_answers_calls() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().activity(WORK, |_, ()| async { Ok(7) });
    let serving = serve(worker.silence_limit(Duration::from_millis(5)));
    let stream = sidecar.accept().await;
    for _ in 0..4 {
        sidecar.hello().await;
    }
    stream.call(WORK, 1);
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("7"));
    assert!(!sidecar.has_another_stream());
    serving.stop().await;
}

#[tokio::test]
async fn a_silent_stream_is_opened_again_when_the_sidecar_does_not_answer() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().activity(WORK, |_, ()| async { Ok(7) });
    let serving = serve(worker.silence_limit(Duration::from_millis(5)));
    let _silent = sidecar.accept().await;
    sidecar.refuse_hello(3);
    let _again = sidecar.accept().await;
    serving.stop().await;
}

#[tokio::test]
async fn a_silent_stream_is_opened_again_when_the_sidecar_has_pinged_before() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().activity(WORK, |_, ()| async { Ok(7) });
    let serving = serve(worker.silence_limit(Duration::from_millis(5)));
    let silent = sidecar.accept().await;
    silent.ping();
    let _again = sidecar.accept().await;
    serving.stop().await;
}

#[tokio::test]
async fn work_that_runs_while_the_stream_is_lost_is_completed() {
    let mut sidecar = Fake::listen().await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        sidecar.worker().activity(WORK, move |_, ()| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            async move {
                begun.notify_one();
                go.notified().await;
                Ok(1)
            }
        })
    };
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 5);
    begun.notified().await;
    drop(stream);
    let _stream = sidecar.accept().await;
    go.notify_one();
    assert_eq!(sidecar.activity().await.task_id, 5);
    serving.stop().await;
}

#[tokio::test]
async fn a_completion_that_fails_is_sent_again() {
    let mut sidecar = Fake::listen().await;
    let serving = serve(sidecar.worker().activity(WORK, |_, ()| async { Ok(1) }));
    let stream = sidecar.accept().await;
    sidecar.refuse(2);
    stream.call(WORK, 1);
    assert_eq!(sidecar.activity().await.completion_token, "1");
    serving.stop().await;
}
