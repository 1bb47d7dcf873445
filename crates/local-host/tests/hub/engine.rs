//! The hub with the engine of durable-functions: what the one sends, the other understands.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::{
    Activity, ActivityContext, ActivityFunction, Entity, EntityContext, EntityFunction, Failure,
    Operation, OrchestrationContext, Orchestrator, OrchestratorFunction, Result, run_turn,
};
use durable_protocol::messages::{
    EntityBatchRequest, EventType, OrchestrationStatus, RewindInstanceRequest,
    RewindInstanceResponse,
};
use futures::future::{BoxFuture, join_all};
use local_host::hub::{DurableKind, Hub};
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use prost::Message;
use tokio::sync::watch;

use crate::fixture;
use crate::script::invocation;
use crate::support::{
    Answer, Client, Log, activity, decode_request, function, inner_text, options, orchestrator,
    request_bytes, return_value,
};

const COUNTER: Entity<i64> = Entity::new("Counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");
const SET: Operation<i64, ()> = Operation::new("set");
const TRANSFER: Orchestrator<i64, i64> = Orchestrator::new("transfer");

async fn add(_: EntityContext, count: &mut i64, n: i64) -> Result<i64> {
    *count += n;
    Ok(*count)
}

/// Reads and writes two entities with a lock, then signals a third and asks it.
async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<i64> {
    let (from, to) = (COUNTER.id("from"), COUNTER.id("to"));
    let lock = ctx.lock([&from, &to]).await?;
    let left = ctx.call_entity(&from, GET, ()).await?;
    let right = ctx.call_entity(&to, GET, ()).await?;
    ctx.call_entity(&from, SET, left - amount).await?;
    ctx.call_entity(&to, SET, right + amount).await?;
    lock.release();
    let log = COUNTER.id(ctx.instance_id());
    ctx.signal_entity(&log, ADD, amount)?;
    Ok(ctx.call_entity(&log, ADD, 1).await?)
}

struct App {
    counter: EntityFunction<i64>,
    transfer: OrchestratorFunction,
}

impl Invoke for App {
    fn invoke(&self, _: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let answer = match data.get("entity") {
            None => run_turn(&self.transfer, &inner_text(data.get("context").unwrap())),
            Some(context) => {
                let request = EntityBatchRequest::decode(&*request_bytes(context)).unwrap();
                let result = futures::executor::block_on(self.counter.run_batch(request));
                STANDARD.encode(result.encode_to_vec())
            }
        };
        Box::pin(async move { Ok(return_value(answer)) })
    }
}

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
    /// The activity always fails; the orchestrator tells what it learns of that.
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
            let request = decode_request(&request_bytes(context));
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
            let answer = fixture::Answer {
                status: 200,
                headers: vec![("Content-Type".into(), "text/plain; charset=utf-8".into())],
                body: ActivityFunction::report(&failure),
                ..fixture::Answer::default()
            };
            invocation(&answer)
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
        client.start(&id, "ask", &size.to_string()).await.unwrap();
        let state = client.completion(&id).await;
        let expected = format!("Busy: AccountKey=abc; try <1> true {}", size + 4);
        assert_eq!(state.output, Some(serde_json::json!(expected).to_string()));
    }
    let events = app.events.borrow();
    let failed = events
        .iter()
        .filter(|it| matches!(it, EventType::TaskFailed(_)));
    assert_eq!(failed.count(), 2);
    // The line for people, without the marker.
    assert!(log.contains(
        LogLevel::Error,
        "Activity 'busy' of orchestration 'a0' failed: Busy: AccountKey=abc; try ‹1›"
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
    client.start("a", "ask", "1").await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orchestrations_share_locked_entities_without_losing_an_update() {
    let app = App {
        counter: EntityFunction::new(COUNTER)
            .on(ADD, add)
            .on(GET, async |_, count: &mut i64, ()| Ok(*count))
            .on(SET, async |_, count: &mut i64, n| {
                *count = n;
                Ok(())
            }),
        transfer: OrchestratorFunction::new(TRANSFER, transfer),
    };
    let functions = vec![
        orchestrator("transfer"),
        function("counter", DurableKind::Entity, "entity"),
    ];
    let log = Log::default();
    let hub = Hub::start(options(), functions, Arc::new(app), log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    let transfers = (1..=20).map(|n| {
        let client = client.clone();
        async move {
            let id = format!("t{n}");
            let amount = n.to_string();
            client.start(&id, "transfer", &amount).await.unwrap();
            client.completion(&id).await
        }
    });
    for (n, state) in (1..).zip(join_all(transfers).await) {
        assert_eq!(
            state.orchestration_status(),
            OrchestrationStatus::Completed,
            "{state:?}"
        );
        assert_eq!(state.output, Some((n + 1).to_string()));
    }
    for (key, sum) in [("from", "-210"), ("to", "210")] {
        // The last release may still be under way.
        hub.wait_for_entity(&format!("@counter@{key}"), |seen| {
            seen.serialized_state.as_deref() == Some(sum) && seen.locked_by.is_none()
        })
        .await;
    }
    hub.stop().await;
}
