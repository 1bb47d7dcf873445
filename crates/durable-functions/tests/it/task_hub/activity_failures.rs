//! Activities that fail in the task hub of local-host: what the host logs and what the orchestrator gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use durable_functions::worker::{ActivityFunction, OrchestratorFunction, run_turn};
use durable_functions::{Activity, ActivityContext, Failure, OrchestrationContext, Orchestrator};
use durable_protocol::messages::{
    EventType, OrchestrationStatus, OrchestratorRequest, RewindInstanceRequest,
    RewindInstanceResponse,
};
use futures::future::BoxFuture;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use local_host::handler::{RawAnswer, read_answer};
use local_host::hub::Hub;
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use prost::Message;
use tokio::sync::watch;

use super::support::{
    Answer, Client, Log, activity, inner_text, options, orchestrator, request_bytes, return_value,
};

const BUSY: Activity<usize, ()> = Activity::new("busy");
const ASK: Orchestrator<usize, String> = Orchestrator::new("ask");

/// An activity that fails, and an orchestrator that calls it.
struct Busy {
    busy: ActivityFunction,
    ask: OrchestratorFunction,
    /// The kinds of the events that the orchestrator got.
    events: watch::Sender<Vec<EventType>>,
}

impl Busy {
    /// The activity always fails; the orchestrator reports what it gets.
    fn new() -> Self {
        Self {
            // What the host hides in a text, before and inside the details.
            busy: ActivityFunction::new(BUSY, async |_: ActivityContext, size: usize| {
                let cause = Failure::new("Http", format!("503 {}", "x".repeat(size)));
                Err(Failure::new("Busy", "AccountKey=abc; try <1>")
                    .non_retriable()
                    .with_cause(cause)
                    .into())
            }),
            ask: OrchestratorFunction::new(ASK, async |ctx: OrchestrationContext, size: usize| {
                let failure = ctx.call(BUSY, size).await.unwrap_err().into_failure();
                let cause = failure.cause().unwrap();
                let fatal = failure.is_non_retriable();
                Ok(format!("{failure} {fatal} {}", cause.message().len()))
            }),
            events: watch::Sender::default(),
        }
    }
}

impl Invoke for Busy {
    fn invoke(&self, _: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        if let Some(context) = data.get("context") {
            let request = OrchestratorRequest::decode(&*request_bytes(context)).unwrap();
            let kinds = request
                .new_events
                .into_iter()
                .filter_map(|it| it.event_type);
            self.events.send_modify(|events| events.extend(kinds));
            let answer = run_turn(&self.ask, &inner_text(context));
            return Box::pin(async move { Ok(return_value(answer)) });
        }
        let busy = self.busy.clone();
        let input = inner_text(data.get("input").unwrap());
        Box::pin(async move {
            let context = ActivityContext::new("busy", "1");
            let failure = match busy.call(context, Some(&input)).await {
                Ok(text) => return Ok(return_value(text)),
                Err(failure) => failure,
            };
            let mut headers = HeaderMap::new();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            );
            read_answer(&RawAnswer {
                status: StatusCode::OK,
                reason: None,
                headers,
                body: Bytes::from(ActivityFunction::report(&failure)),
            })
            .map(|(answer, _)| answer)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_activity_is_failed_to_the_host_and_reaches_the_orchestrator_whole() {
    let app = Arc::new(Busy::new());
    let functions = vec![orchestrator("ask"), activity("busy")];
    let log = Log::default();
    let hub = Hub::start(options(), functions, app.clone(), log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    for size in [0, 160_000] {
        let id = format!("a{size}");
        client.start(&id, "ask", &size.to_string()).await;
        let state = client.completion(&id).await;
        let expected = format!("Busy: AccountKey=abc; try <1> true {}", size + 4);
        assert_eq!(state.output, Some(serde_json::json!(expected).to_string()));
    }
    let events = app.events.borrow();
    let failed = events
        .iter()
        .filter(|it| matches!(it, EventType::TaskFailed(_)));
    assert_eq!(failed.count(), 2);
    // The line for people is logged with the invocation, which is local-host's own part.
    assert!(log.contains(
        LogLevel::Error,
        "Activity 'busy' of orchestration 'a0' failed: its invocation says why"
    ));
    assert!(!log.contains(LogLevel::Error, "activityFailure"));
    hub.stop().await;
}

/// What a failure inside a successful answer made impossible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewind_runs_an_activity_that_failed_again() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let app = Arc::new(Busy {
        busy: ActivityFunction::new(BUSY, move |_: ActivityContext, _: usize| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => Err(Failure::new("Busy", "try 1").into()),
                    _ => Ok(()),
                }
            }
        }),
        ask: OrchestratorFunction::new(ASK, async |ctx: OrchestrationContext, size: usize| {
            ctx.call(BUSY, size).await?;
            Ok("done".to_owned())
        }),
        events: watch::Sender::default(),
    });
    let functions = vec![orchestrator("ask"), activity("busy")];
    let hub = Hub::start(options(), functions, app, Log::default().sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    client.start("a", "ask", "1").await;
    let failed = client.completion("a").await;
    assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
    let request = RewindInstanceRequest {
        instance_id: "a".into(),
        reason: None,
    };
    let _: RewindInstanceResponse = client.call("RewindInstance", request).await.unwrap();
    let state = hub
        .wait_for("a", |seen| {
            seen.orchestration_status() == OrchestrationStatus::Completed
        })
        .await;
    assert_eq!(state.output.as_deref(), Some("\"done\""));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    hub.stop().await;
}
