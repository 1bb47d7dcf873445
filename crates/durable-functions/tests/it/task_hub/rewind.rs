//! Rewinding instances in the task hub of local-host: which activities run again, which outcomes the hub
//! throws away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_functions::{
    Activity, OrchestrationContext, Orchestrator, OrchestratorFunction, Result, RetryPolicy,
    run_turn,
};
use durable_protocol::messages::{
    OrchestrationStatus, RewindInstanceRequest, RewindInstanceResponse,
};
use futures::future::{BoxFuture, try_join_all};
use local_host::hub::Hub;
use local_host::invoke::{Invoke, InvokeError};
use local_host::json::JsonObject;
use local_host::log::LogLevel;
use tokio::sync::Semaphore;

use super::support::{
    Answer, Client, Log, activity, inner_text, options, orchestrator, return_value,
};

const WORK: Activity<String, String> = Activity::new("work");
const FAN_OUT: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("fanOut");
const PARENT: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("parent");
const RETRYING: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("retrying");

/// An app on the engine. The activity fails as long as its input is named here; an input that begins
/// with `slow` waits for a permit.
struct App {
    orchestrators: Vec<OrchestratorFunction>,
    broken: Mutex<Vec<String>>,
    slow: Arc<Semaphore>,
    runs: Mutex<HashMap<String, usize>>,
}

impl App {
    fn new(broken: &[&str]) -> Arc<Self> {
        Arc::new(App {
            orchestrators: vec![
                OrchestratorFunction::new(FAN_OUT, fan_out),
                OrchestratorFunction::new(PARENT, parent),
                OrchestratorFunction::new(RETRYING, retrying),
            ],
            broken: Mutex::new(broken.iter().map(|it| (*it).to_owned()).collect()),
            slow: Arc::new(Semaphore::new(0)),
            runs: Mutex::default(),
        })
    }

    fn mend(&self) {
        self.broken.lock().unwrap().clear();
    }

    fn runs(&self, input: &str) -> usize {
        self.runs.lock().unwrap().get(input).copied().unwrap_or(0)
    }
}

/// Fails at the first failure.
async fn fan_out(ctx: OrchestrationContext, inputs: Vec<String>) -> Result<Vec<String>> {
    Ok(try_join_all(inputs.into_iter().map(|input| ctx.call(WORK, input))).await?)
}

/// Starts a child, and does the last input itself.
async fn parent(ctx: OrchestrationContext, mut inputs: Vec<String>) -> Result<Vec<String>> {
    let own = inputs.pop().map(|input| ctx.call(WORK, input));
    let mut results = ctx
        .call_orchestrator_with_id(FAN_OUT, "child", inputs)
        .await?;
    if let Some(own) = own {
        results.push(own.await?);
    }
    Ok(results)
}

/// Tries a child twice under one instance id.
async fn retrying(ctx: OrchestrationContext, inputs: Vec<String>) -> Result<Vec<String>> {
    let child = FAN_OUT.with_retry(RetryPolicy::new(2, Duration::from_millis(1)));
    Ok(ctx
        .call_orchestrator_with_id(child, "child", inputs)
        .await?)
}

impl Invoke for App {
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        _: JsonObject,
    ) -> BoxFuture<'static, Answer> {
        if let Some(context) = data.get("context") {
            let orchestrator = self.orchestrators.iter().find(|it| it.name() == function);
            let answer = run_turn(orchestrator.unwrap(), &inner_text(context));
            return Box::pin(async move { Ok(return_value(answer)) });
        }
        let input: String = serde_json::from_str(&inner_text(data.get("input").unwrap())).unwrap();
        *self.runs.lock().unwrap().entry(input.clone()).or_default() += 1;
        let broken = self.broken.lock().unwrap().contains(&input);
        let slow = Arc::clone(&self.slow);
        Box::pin(async move {
            if input.starts_with("slow") {
                slow.acquire().await.unwrap().forget();
            }
            if broken {
                return Err(InvokeError::Status {
                    status: 500,
                    reason: "Internal Server Error".into(),
                });
            }
            Ok(return_value(format!("{input} done")))
        })
    }
}

async fn hub(app: &Arc<App>, log: &Log) -> (Hub, Client) {
    let functions = vec![
        orchestrator("fanOut"),
        orchestrator("parent"),
        orchestrator("retrying"),
        activity("work"),
    ];
    let invoke: Arc<dyn Invoke> = Arc::clone(app) as _;
    let hub = Hub::start(options(), functions, invoke, log.sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client)
}

async fn rewind(client: &Client, id: &str, reason: Option<&str>) {
    let request = RewindInstanceRequest {
        instance_id: id.into(),
        reason: reason.map(str::to_owned),
    };
    let _: RewindInstanceResponse = client.call("RewindInstance", request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_out_that_failed_with_an_activity_open_completes_after_a_rewind() {
    for reason in [Some("fixed"), None] {
        let app = App::new(&["bad"]);
        let log = Log::default();
        let (hub, client) = hub(&app, &log).await;
        let input = r#"["good","bad","slow"]"#;
        client.start("f", "fanOut", input).await;
        let failed = client.completion("f").await;
        assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
        // It ends while the instance is Failed.
        app.slow.add_permits(1);
        log.wait_for(
            LogLevel::Info,
            "the outcome of activity 'work' was thrown away",
        )
        .await;
        app.mend();
        rewind(&client, "f", reason).await;
        app.slow.add_permits(1);
        let state = client.completion("f").await;
        assert_eq!(
            state.orchestration_status(),
            OrchestrationStatus::Completed,
            "{state:?}"
        );
        assert_eq!(
            state.output.as_deref(),
            Some(r#"["good done","bad done","slow done"]"#)
        );
        assert_eq!((app.runs("bad"), app.runs("slow")), (2, 2));
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outcome_of_an_activity_that_ran_through_a_rewind_counts() {
    let app = App::new(&["bad"]);
    let (hub, client) = hub(&app, &Log::default()).await;
    client.start("f", "fanOut", r#"["bad","slow"]"#).await;
    client.completion("f").await;
    app.mend();
    rewind(&client, "f", Some("early")).await;
    let rewound = client.get("f").await;
    assert_eq!(rewound.orchestration_status(), OrchestrationStatus::Pending);
    // One answer, and two that wait for it: the first run and the second.
    app.slow.add_permits(1);
    let state = client.completion("f").await;
    assert_eq!(state.output.as_deref(), Some(r#"["bad done","slow done"]"#));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_goes_on_when_its_failed_child_was_rewound_with_it() {
    let app = App::new(&["bad"]);
    let log = Log::default();
    let (hub, client) = hub(&app, &log).await;
    client
        .start("p", "parent", r#"["good","bad","slow"]"#)
        .await;
    client.completion("p").await;
    app.slow.add_permits(1);
    log.wait_for(
        LogLevel::Info,
        "the outcome of activity 'work' was thrown away",
    )
    .await;
    app.mend();
    rewind(&client, "p", Some("fixed")).await;
    app.slow.add_permits(1);
    let state = client.completion("p").await;
    assert_eq!(
        state.output.as_deref(),
        Some(r#"["good done","bad done","slow done"]"#),
        "{state:?}"
    );
    let child = client.get("child").await;
    assert_eq!(child.orchestration_status(), OrchestrationStatus::Completed);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_fails_again_can_be_rewound_again() {
    let app = App::new(&["bad"]);
    let (hub, client) = hub(&app, &Log::default()).await;
    client.start("f", "fanOut", r#"["good","bad"]"#).await;
    for _ in 0..3 {
        let failed = client.completion("f").await;
        assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
        rewind(&client, "f", Some("not yet")).await;
    }
    client.completion("f").await;
    app.mend();
    rewind(&client, "f", Some("now")).await;
    let state = client.completion("f").await;
    assert_eq!(state.output.as_deref(), Some(r#"["good done","bad done"]"#));
    assert_eq!(app.runs("bad"), 5);
    hub.stop().await;
}

/// The second attempt is another execution of the same instance, and the only one that is rewound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_goes_on_when_all_attempts_of_its_child_had_one_instance_id() {
    let app = App::new(&["bad"]);
    let log = Log::default();
    let (hub, client) = hub(&app, &log).await;
    client.start("p", "retrying", r#"["bad"]"#).await;
    let failed = client.completion("p").await;
    assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
    app.mend();
    rewind(&client, "p", Some("fixed")).await;
    let completed = tokio::time::timeout(Duration::from_secs(30), client.completion("p"));
    let state = completed.await.expect("the parent waits without end");
    assert_eq!(
        state.output.as_deref(),
        Some(r#"["bad done"]"#),
        "{state:?}"
    );
    assert!(!log.contains(LogLevel::Error, "cannot be rewound"));
    hub.stop().await;
}
