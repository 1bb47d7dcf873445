//! Activities that do not end in time.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{ActivityContext, AppExt, Failure};
use functions_handler::App;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{LIMIT, WORK, activity, invoke};

/// The failure inside the answer of a failed activity.
pub(crate) fn failure(answer: &Value) -> Value {
    let text = answer.as_str().unwrap();
    let (_, marker) = text.split_once(" <activityFailure ").unwrap();
    let record = STANDARD.decode(marker.strip_suffix('>').unwrap()).unwrap();
    serde_json::from_slice::<Value>(&record).unwrap()["activityFailure"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_activity_that_does_not_end_in_time_is_dropped_and_answered_with_a_retriable_timeout() {
    let (dropped, mut gone) = mpsc::unbounded_channel::<&'static str>();
    let app =
        App::new()
            .function_timeout(LIMIT)
            .activity(WORK, move |_: ActivityContext, _: String| {
                let alive = OnDrop(dropped.clone());
                async move {
                    let _alive = alive;
                    pending().await
                }
            });
    let begin = Instant::now();
    let (status, answer) = invoke(&app.into_router(), "work", activity("x")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        failure(&answer),
        json!({
            "errorType": "ActivityTimeout",
            "errorMessage": "activity 'work' did not end within 2.5s; the host's functionTimeout is 3s",
        })
    );
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    assert_eq!(gone.recv().await, Some("dropped"));
}

struct OnDrop(mpsc::UnboundedSender<&'static str>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_fires_at_the_deadline_and_the_activity_may_still_answer() {
    let app = App::new().function_timeout(LIMIT).activity(
        WORK,
        async |context: ActivityContext, _: String| {
            assert_eq!(context.remaining(), Some(Duration::from_secs(2)));
            assert!(!context.cancellation().is_cancelled());
            context.cancellation().cancelled().await;
            assert_eq!(context.remaining(), Some(Duration::ZERO));
            assert_eq!(context.deadline(), Some(Instant::now()));
            Ok("as far as I got".to_owned())
        },
    );
    let (_, answer) = invoke(&app.into_router(), "work", activity("x")).await;
    assert_eq!(
        answer["ReturnValue"],
        json!(r#"{"activityResult":"as far as I got"}"#)
    );
}

#[tokio::test(start_paused = true)]
async fn an_activity_that_gives_up_at_its_token_fails_with_its_own_failure() {
    let app = App::new().function_timeout(LIMIT).activity(
        WORK,
        async |context: ActivityContext, _: String| {
            context.cancellation().cancelled().await;
            Err(Failure::new("TooMuchWork", "half of it")
                .non_retriable()
                .into())
        },
    );
    let (_, answer) = invoke(&app.into_router(), "work", activity("x")).await;
    assert_eq!(failure(&answer)["errorType"], "TooMuchWork");
}

#[tokio::test(start_paused = true)]
async fn an_activity_that_does_not_end_in_time_affects_no_other() {
    let app = App::new().function_timeout(LIMIT).activity(
        WORK,
        async |_: ActivityContext, input: String| match input.as_str() {
            "hang" => pending().await,
            _ => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(input)
            }
        },
    );
    let router = app.into_router();
    let slow = tokio::spawn({
        let router = router.clone();
        async move { invoke(&router, "work", activity("hang")).await }
    });
    // Together they take as long as the one that hangs.
    for _ in 0..5 {
        let (_, answer) = invoke(&router, "work", activity("quick")).await;
        assert_eq!(answer["ReturnValue"], r#"{"activityResult":"quick"}"#);
    }
    let (_, answer) = slow.await.unwrap();
    assert_eq!(failure(&answer)["errorType"], "ActivityTimeout");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_an_activity_has_no_deadline() {
    let app = App::new().activity(WORK, async |context: ActivityContext, input: String| {
        assert_eq!(context.deadline(), None);
        assert_eq!(context.remaining(), None);
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        Ok(input)
    });
    let (_, answer) = invoke(&app.into_router(), "work", activity("x")).await;
    assert_eq!(answer["ReturnValue"], r#"{"activityResult":"x"}"#);
}

/// On real threads and the real clock, but without a wait for time to pass: a channel holds the
/// activity, and it is released after the answer has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_that_blocks_its_thread_is_answered_for_all_the_same() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let (cancelled, seen) = oneshot::channel();
    let cancelled = Arc::new(Mutex::new(Some(cancelled)));
    let app = App::new()
        .function_timeout(Duration::from_millis(30))
        .activity(WORK, move |context: ActivityContext, input: String| {
            let (held, cancelled) = (held.clone(), cancelled.clone());
            async move {
                held.lock().unwrap().recv().unwrap();
                let seen = context.cancellation().is_cancelled();
                cancelled
                    .lock()
                    .unwrap()
                    .take()
                    .unwrap()
                    .send(seen)
                    .unwrap();
                Ok(input)
            }
        });
    let router = app.into_router();
    let (_, answer) = tokio::spawn(async move { invoke(&router, "work", activity("x")).await })
        .await
        .unwrap();
    assert_eq!(failure(&answer)["errorType"], "ActivityTimeout");
    release.send(()).unwrap();
    assert!(seen.await.unwrap(), "the activity can see that it is over");
}
