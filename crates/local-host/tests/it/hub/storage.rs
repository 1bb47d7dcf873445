//! A hub in a folder: what was under way when it stopped goes on when it is started again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use durable_protocol::messages::{
    CreateTimerAction, EventType, OrchestrationStatus, OrchestratorActionType, OrchestratorRequest,
    ScheduleTaskAction,
};
use futures::future::BoxFuture;
use local_host::hub::{Hub, HubOptions, Storage};
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use tokio::sync::Semaphore;

use super::support::{
    Answer, Client, Handler, Log, action, activity, complete, count, decide, decode_request,
    options, orchestrator, request_bytes, return_value,
};

async fn start(folder: &Path, invoke: impl Invoke) -> (Hub, Client) {
    let options = HubOptions {
        storage: Storage::Folder(folder.to_owned()),
        ..options()
    };
    let functions = vec![orchestrator("o"), activity("work")];
    let hub = Hub::start(options, functions, Arc::new(invoke), Log::default().sink())
        .await
        .unwrap();
    let client = Client::connect(&hub).await;
    (hub, client)
}

/// Ends with the first event, whatever it is called. With the input of a time it also sets a timer.
fn wait(request: &OrchestratorRequest) -> Answer {
    let is_end =
        |it: &EventType| matches!(it, EventType::EventRaised(_) | EventType::TimerFired(_));
    if count(request, is_end) > 0 {
        return decide(vec![complete(
            1,
            OrchestrationStatus::Completed,
            "\"over\"",
        )]);
    }
    let input = super::support::history(request).find_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(start)) => start.input.clone(),
        _ => None,
    });
    let millis: u64 = input.unwrap().parse().unwrap();
    let fire_at = (SystemTime::now() + Duration::from_millis(millis)).into();
    decide(vec![action(
        0,
        OrchestratorActionType::CreateTimer(CreateTimerAction {
            fire_at: Some(fire_at),
        }),
    )])
}

fn is_running(state: &durable_protocol::messages::OrchestrationState) -> bool {
    state.orchestration_status() == OrchestrationStatus::Running
}

#[tokio::test]
async fn instances_go_on_and_ended_ones_are_kept() {
    const HOUR: &str = "3600000";
    let folder = tempfile::tempdir().unwrap();
    let handler = || Handler(|_: &str, request| wait(&request));
    let (hub, client) = start(folder.path(), handler()).await;
    assert_eq!(hub.continued_instances().count, 0);
    for id in ["ended", "waits"] {
        client.start(id, "o", HOUR).await.unwrap();
        hub.wait_for(id, is_running).await;
    }
    client.raise("ended", "e", "1").await.unwrap();
    client.completion("ended").await;
    hub.stop().await;

    let (hub, client) = start(folder.path(), handler()).await;
    let continued = hub.continued_instances();
    assert_eq!(
        (continued.count, &*continued.first),
        (1, &["waits".to_owned()][..])
    );
    assert_eq!(hub.unfinished_instances().await.unwrap(), 1);
    let ended = client.get("ended").await.unwrap();
    assert_eq!(ended.output.as_deref(), Some("\"over\""));
    assert_eq!(ended.input.as_deref(), Some(HOUR));
    client.raise("waits", "e", "1").await.unwrap();
    let state = client.completion("waits").await;
    assert_eq!(state.output.as_deref(), Some("\"over\""));
    hub.stop().await;
}

#[tokio::test]
async fn a_timer_that_was_due_while_the_hub_was_stopped_fires_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let handler = || Handler(|_: &str, request| wait(&request));
    let (hub, client) = start(folder.path(), handler()).await;
    client.start("a", "o", "100").await.unwrap();
    hub.wait_for("a", is_running).await;
    hub.stop().await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    let (hub, client) = start(folder.path(), handler()).await;
    let state = client.completion("a").await;
    assert_eq!(state.output.as_deref(), Some("\"over\""));
    hub.stop().await;
}

/// The first run of the activity never ends.
struct Stuck {
    runs: Arc<AtomicUsize>,
    began: Arc<Semaphore>,
}

impl Invoke for Stuck {
    fn invoke(&self, _: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        if let Some(context) = data.get("context") {
            let request = decode_request(&request_bytes(context));
            let done = count(&request, |it| matches!(it, EventType::TaskCompleted(_)));
            let task = ScheduleTaskAction {
                name: "work".into(),
                ..ScheduleTaskAction::default()
            };
            let answer = decide(vec![match done {
                0 => action(0, OrchestratorActionType::ScheduleTask(Box::new(task))),
                _ => complete(1, OrchestrationStatus::Completed, "1"),
            }]);
            return Box::pin(async move { answer });
        }
        let is_first = self.runs.fetch_add(1, Ordering::SeqCst) == 0;
        self.began.add_permits(1);
        Box::pin(async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            Ok(return_value("done"))
        })
    }
}

#[tokio::test]
async fn an_activity_that_was_under_way_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let began = Arc::new(Semaphore::new(0));
    let handler = || Stuck {
        runs: Arc::clone(&runs),
        began: Arc::clone(&began),
    };
    let (hub, client) = start(folder.path(), handler()).await;
    client.start("a", "o", "null").await.unwrap();
    began.acquire().await.unwrap().forget();
    hub.stop().await;
    let (hub, client) = start(folder.path(), handler()).await;
    let state = client.completion("a").await;
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Completed);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    hub.stop().await;
}

#[tokio::test]
async fn two_task_hubs_in_one_folder_have_nothing_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| HubOptions {
        task_hub_name: name.into(),
        storage: Storage::Folder(folder.path().to_owned()),
        ..options()
    };
    let handler = || Arc::new(Handler(|_: &str, request| wait(&request)));
    let mut hubs = Vec::new();
    for name in ["One", "Two"] {
        let log = Log::default().sink();
        let hub = Hub::start(of(name), vec![orchestrator("o")], handler(), log);
        hubs.push(hub.await.unwrap());
    }
    let client = Client::connect(&hubs[0]).await;
    client.start("a", "o", "3600000").await.unwrap();
    assert_eq!(hubs[1].unfinished_instances().await.unwrap(), 0);
    let log = Log::default().sink();
    let again = Hub::start(of("oNE"), Vec::new(), handler(), log).await;
    let error = again.err().unwrap().to_string();
    assert!(
        error.contains("in use"),
        "names do not depend on case: {error}"
    );
    for hub in hubs {
        hub.stop().await;
    }
}
