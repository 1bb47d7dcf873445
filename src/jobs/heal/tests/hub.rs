//! Against the task hub of local-host, whose handler loses what it is told to lose.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use durable_functions::{
    Activity, DurableClient, OrchestrationContext, Orchestrator, RuntimeStatus, TaskError,
    worker::{OrchestratorFunction, run_turn},
};
use futures::future::{BoxFuture, join_all};
use local_host::{
    hub::{DurableFunction, DurableKind, Extension, Hub, HubOptions},
    invoke::{Disconnect, InvocationAnswer, Invoke, InvokeError},
    json::{Json, JsonObject},
};

use serde_json::{Value, json};

use super::super::{heal, loss::Loss, past, past::reason, rewind_if_due, tried::Attempts};
use crate::{
    jobs::find,
    owners::{Caller, Owner},
};

const LIMIT: Duration = Duration::from_secs(60);

const JOB: Orchestrator<Value, String> = Orchestrator::new("process-submission");
/// Without retries, so that its first loss fails the job.
const QUERY: Activity<Value, String> = Activity::new("query-activity");

type Answer = Result<InvocationAnswer, InvokeError>;

/// What becomes of the next invocations of a function.
struct Losing {
    function: &'static str,
    errors: Mutex<Vec<InvokeError>>,
}

impl Invoke for Losing {
    fn invoke(&self, name: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let error = (name == self.function).then(|| self.errors.lock().unwrap().pop());
        let answer = match error.flatten() {
            Some(error) => Err(error),
            None if name == JOB.name() => Ok(turn(&data)),
            None => Ok(returned("3".to_owned())),
        };
        Box::pin(async move { answer })
    }
}

fn turn(data: &JsonObject) -> InvocationAnswer {
    let function = OrchestratorFunction::new(JOB, async |context: OrchestrationContext, input| {
        let count = context.call(QUERY, input).await;
        Ok(count.map_err(TaskError::into_failure)?)
    });
    let context = data.get("context").unwrap().as_text().unwrap();
    let context: String = serde_json::from_str(context).unwrap();
    returned(run_turn(&function, &context))
}

fn returned(value: String) -> InvocationAnswer {
    InvocationAnswer {
        outputs: None,
        return_value: Some(Json::from(value)),
    }
}

/// A hub whose handler answers the next invocations of `function` with these errors.
async fn hub(
    extension: Extension,
    function: &'static str,
    errors: Vec<InvokeError>,
) -> (Hub, DurableClient) {
    let of_kind = |name: &str, kind, binding: &str| DurableFunction {
        folder: name.into(),
        name: name.into(),
        kind,
        binding: binding.into(),
        inputs: Vec::new(),
    };
    let functions = vec![
        of_kind(JOB.name(), DurableKind::Orchestrator, "context"),
        of_kind(QUERY.name(), DurableKind::Activity, "input"),
    ];
    let options = HubOptions {
        task_hub_name: "MyHub".into(),
        base_url: "http://localhost:7071".into(),
        extension,
        ..HubOptions::default()
    };
    let errors = Mutex::new(errors);
    let app = Arc::new(Losing { function, errors });
    let hub = Hub::start(options, functions, app, Arc::new(|_, _| {})).await;
    let hub = hub.unwrap();
    let client = DurableClient::from_binding(&hub.client_binding(None, None)).unwrap();
    (hub, client)
}

fn lost() -> [InvokeError; 4] {
    [
        Disconnect::Ended,
        Disconnect::Reset,
        Disconnect::Exited { port: 40_000 },
        Disconnect::Refused {
            port: 40_000,
            why: "Connection refused".to_owned(),
        },
    ]
    .map(InvokeError::Connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_healed_after_every_loss_of_a_turn_and_of_an_activity() {
    for extension in [Extension::V3_14, Extension::V3_19] {
        for function in [JOB.name(), QUERY.name()] {
            for error in lost() {
                let said = error.to_string();
                let (hub, client) = hub(extension, function, vec![error]).await;
                let job = client.start(JOB, &json!(1)).await.unwrap();
                let failed = job.wait(LIMIT).await.unwrap();
                assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
                assert!(heal(&job, &failed).await, "{said}: {failed:?}");
                assert_eq!(job.output(LIMIT).await.unwrap(), "3", "{said}");
                hub.stop().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_handler_answered_with_an_error_stays_failed() {
    for function in [JOB.name(), QUERY.name()] {
        let error = InvokeError::Status {
            status: 500,
            reason: "Internal Server Error".to_owned(),
        };
        let (hub, client) = hub(Extension::V3_19, function, vec![error]).await;
        let job = client.start(JOB, &json!(1)).await.unwrap();
        let failed = job.wait(LIMIT).await.unwrap();
        assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
        assert!(!heal(&job, &failed).await);
        assert_eq!(job.status().await.unwrap(), Some(failed));
        hub.stop().await;
    }
}

/// Each process has its own memory of what it has tried; the history is what they share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_ask_at_the_same_moment_rewind_once() {
    let errors = lost().into_iter().take(1).collect();
    let (hub, client) = hub(Extension::V3_19, JOB.name(), errors).await;
    let job = client.start(JOB, &json!(1)).await.unwrap();
    job.wait(LIMIT).await.unwrap();
    let processes: Vec<_> = (0..10).map(|_| Attempts::default()).collect();
    let asks = processes
        .iter()
        .map(|attempts| rewind_if_due(&job, Loss::Turn, attempts));
    for runs in join_all(asks).await {
        assert!(runs.unwrap());
    }
    assert_eq!(job.output(LIMIT).await.unwrap(), "3");
    assert_eq!(past(&job).await.unwrap().rewinds, 1);
    let history = job.history().await.unwrap().to_json();
    assert_eq!(history.matches(&reason(1)).count(), 1);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_61_a_foreign_job_is_not_healed_and_its_owner_counts_whatever_else_is_in_its_input() {
    let errors = lost().into_iter().take(1).collect();
    let (hub, client) = hub(Extension::V3_19, JOB.name(), errors).await;
    let (anna, ben) = (Owner::of("aad", "anna"), Owner::of("aad", "ben"));
    let find = async |id: &str, caller: Caller| find(&client, id, &caller, LIMIT).await;
    let is_missing =
        |found: Result<_, job_api::ApiError>| found.is_err_and(|error| error.is_job_not_found());
    // No input of this version: it has no days.
    let job = client.start(JOB, &json!({ "owner": anna, "later": [] }));
    let job = job.await.unwrap();
    job.wait(LIMIT).await.unwrap();
    for foreign in [Caller::known(ben.clone(), false), Caller::anonymous()] {
        assert!(is_missing(find(job.id(), foreign).await));
    }
    let left = past(&job).await.unwrap();
    assert_eq!((left.rewinds, left.end.is_some()), (0, true));
    let found = find(job.id(), Caller::known(anna, false)).await.unwrap();
    assert_eq!(found.status, RuntimeStatus::Running);
    assert_eq!(job.output(LIMIT).await.unwrap(), "3");

    // Who is no digest is somebody all the same.
    for (input, is_open) in [
        (json!({ "owner": 7 }), false),
        (json!({ "owner": "" }), false),
        (json!({ "owner": null }), true),
        (json!({}), true),
        (json!("owner"), true),
    ] {
        let job = client.start(JOB, &input).await.unwrap();
        let missing = is_missing(find(job.id(), Caller::anonymous()).await);
        assert_eq!(missing, !is_open, "{input}");
        assert!(
            find(job.id(), Caller::known(ben.clone(), true))
                .await
                .is_ok()
        );
    }
    hub.stop().await;
}
