//! Each call of the client against the task hub of local-host, as both versions of the extension.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::testing::Replayer;
use durable_functions::worker::{OrchestratorFunction, run_batch, run_turn};
use durable_functions::{
    ClientError, DurableClient, Entity, EntityContext, EntityFunction, EntityQuery, Event,
    EventKind, Failure, History, HistoryEvent, Operation, OrchestrationContext, Orchestrator,
    PurgeFilter, Query, ReusePolicy, RuntimeStatus,
};
use durable_protocol::messages::EntityBatchRequest;
use futures::future::BoxFuture;
use local_host::hub::{
    DurableKind, Extension, Hub, HubOptions, ManagementReply, ManagementRequest,
};
use local_host::invoke::Invoke;
use local_host::json::JsonObject;
use prost::Message;

use crate::task_hub::support::{
    Answer, Log, function, inner_text, options, orchestrator, request_bytes, return_value,
};

const LIMIT: Duration = Duration::from_secs(60);

/// Waits for the event; its output is the payload and the input.
const WAIT: Orchestrator<String, String> = Orchestrator::new("wait");
/// Fails.
const FAIL: Orchestrator<String, u32> = Orchestrator::new("fail");
const GO: Event<String> = Event::new("Go");
const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");

struct App {
    orchestrators: [OrchestratorFunction; 2],
}

impl App {
    fn new() -> Self {
        let wait = async |ctx: OrchestrationContext, input: String| {
            ctx.set_custom_status("waiting");
            let payload = ctx.wait_for(GO).await?;
            Ok(format!("{payload} {input}"))
        };
        let fail =
            async |_: OrchestrationContext, input: String| Err(Failure::new("Lost", input).into());
        App {
            orchestrators: [
                OrchestratorFunction::new(WAIT, wait),
                OrchestratorFunction::new(FAIL, fail),
            ],
        }
    }
}

impl Invoke for App {
    fn invoke(&self, name: &str, data: JsonObject, _: JsonObject) -> BoxFuture<'static, Answer> {
        let context = data.get("context").unwrap();
        if let Some(function) = self.orchestrators.iter().find(|it| it.name() == name) {
            let answer = run_turn(function, &inner_text(context));
            return Box::pin(async move { Ok(return_value(answer)) });
        }
        let counter = EntityFunction::new(COUNTER).on(
            ADD,
            async |_: EntityContext, total: &mut i64, amount| {
                *total += amount;
                Ok(*total)
            },
        );
        let batch = EntityBatchRequest::decode(request_bytes(context).as_slice()).unwrap();
        let answer = futures::executor::block_on(run_batch(&counter, batch));
        let answer = STANDARD.encode(answer.encode_to_vec());
        Box::pin(async move { Ok(return_value(answer)) })
    }
}

async fn hub(extension: Extension) -> (Hub, DurableClient) {
    let functions = vec![
        orchestrator("wait"),
        orchestrator("fail"),
        function("counter", DurableKind::Entity, "context"),
    ];
    let options = HubOptions {
        extension,
        ..options()
    };
    let hub = Hub::start(
        options,
        functions,
        Arc::new(App::new()),
        Log::default().sink(),
    );
    let hub = hub.await.unwrap();
    let client = DurableClient::from_binding(&hub.client_binding(None, None)).unwrap();
    (hub, client)
}

const BOTH: [Extension; 2] = [Extension::V3_14, Extension::V3_19];

async fn until(hub: &Hub, id: &str, status: RuntimeStatus) {
    let wait = hub.wait_for(id, move |state| {
        RuntimeStatus::from(state.orchestration_status()) == status
    });
    tokio::time::timeout(LIMIT, wait).await.unwrap();
}

/// The code follows the history that the client read, as it does in the CI of users.
fn replay(history: &History) {
    let mut replayer = Replayer::new().with_values();
    for function in App::new().orchestrators {
        replayer.add_orchestrator(function);
    }
    replayer.replay(history).unwrap();
}

#[track_caller]
fn not_found(result: Result<(), ClientError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
}

#[track_caller]
fn wrong_status(result: Result<(), ClientError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, ClientError::WrongStatus { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_managed_from_its_start_to_its_purge() {
    for extension in BOTH {
        let (hub, client) = hub(extension).await;
        let start = client.start(WAIT, &"in".to_owned());
        let instance = start.with_id("a").with_tag("team", "blue").await.unwrap();
        let begun = instance.wait_for_begin(LIMIT).await.unwrap();
        assert_eq!(begun.runtime_status, RuntimeStatus::Running);
        assert_eq!(begun.tags["team"], "blue");
        assert_eq!(begun.input_as::<String>().unwrap().as_deref(), Some("in"));

        wrong_status(instance.resume("go on").await);
        wrong_status(instance.rewind("again").await);
        wrong_status(instance.restart().await);
        wrong_status(instance.purge().await);
        instance.suspend("hold").await.unwrap();
        until(&hub, "a", RuntimeStatus::Suspended).await;
        wrong_status(instance.suspend("again").await);
        instance.raise(GO, &"payload".to_owned()).await.unwrap();
        instance.resume("go on").await.unwrap();
        assert_eq!(instance.output(LIMIT).await.unwrap(), "payload in");
        let history = instance.history().await.unwrap();
        assert_eq!(history.orchestrator(), Some("wait"));
        let raised = |event: HistoryEvent<'_>| match event.kind() {
            EventKind::EventRaised { input, .. } => input.map(str::to_owned),
            _ => None,
        };
        assert_eq!(history.iter().find_map(raised).unwrap(), r#""payload""#);

        replay(&history);

        wrong_status(instance.raise(GO, &String::new()).await);
        wrong_status(instance.terminate("late").await);
        wrong_status(instance.suspend("late").await);
        wrong_status(instance.resume("late").await);
        wrong_status(instance.rewind("late").await);

        instance.restart().await.unwrap();
        until(&hub, "a", RuntimeStatus::Running).await;
        instance.terminate("enough").await.unwrap();
        let error = instance.output(LIMIT).await.unwrap_err();
        assert_eq!(error.to_string(), "the instance 'a' is Terminated: enough");

        let other = instance.restart_as_new().await.unwrap();
        assert_ne!(other.id(), "a");
        other.raise(GO, &"new".to_owned()).await.unwrap();
        assert_eq!(other.output(LIMIT).await.unwrap(), "new in");

        instance.purge().await.unwrap();
        assert_eq!(instance.status().await.unwrap(), None);
        for result in [
            instance.raise(GO, &String::new()).await,
            instance.terminate("none").await,
            instance.suspend("none").await,
            instance.resume("none").await,
            instance.rewind("none").await,
            instance.restart().await,
            instance.restart_as_new().await.map(drop),
            instance.purge().await,
            instance.history().await.map(drop),
        ] {
            not_found(result);
        }
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_instance_is_rewound() {
    for extension in BOTH {
        let (hub, client) = hub(extension).await;
        let instance = client
            .start(FAIL, &"no such town".to_owned())
            .await
            .unwrap();
        let error = instance.output(LIMIT).await.unwrap_err();
        assert!(error.to_string().contains("Lost: no such town"), "{error}");
        instance.rewind("again").await.unwrap();
        // The orchestrator itself fails: it does so again.
        instance.wait(LIMIT).await.unwrap();
        replay(&instance.history().await.unwrap());
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_can_wait_can_be_the_only_one_and_can_have_a_name_of_run_time() {
    for extension in BOTH {
        let (hub, client) = hub(extension).await;
        let due = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
        let start = client.start(WAIT, &String::new()).with_id("later");
        let later = start.scheduled_at(due).await.unwrap();
        let status = later.status().await.unwrap().unwrap();
        assert_eq!(status.runtime_status, RuntimeStatus::Pending);
        later.history().await.unwrap();

        let start = |policy| {
            let start = client.start(FAIL, &String::new()).with_id("once");
            start.with_reuse_policy(policy)
        };
        let once = start(ReusePolicy::create_only()).await.unwrap();
        once.wait(LIMIT).await.unwrap();
        for policy in [
            ReusePolicy::create_only(),
            ReusePolicy::replace([RuntimeStatus::Completed]),
        ] {
            let error = start(policy).await.unwrap_err();
            assert!(
                matches!(error, ClientError::AlreadyExists { .. }),
                "{error}"
            );
        }
        let again = start(ReusePolicy::replace([RuntimeStatus::Failed])).await;
        again.unwrap().wait(LIMIT).await.unwrap();

        let name = String::from("WAIT");
        let dynamic = client
            .start_by_name(name, "in")
            .with_id("dynamic")
            .await
            .unwrap();
        dynamic.raise_by_name("go", "out").await.unwrap();
        assert_eq!(dynamic.output(LIMIT).await.unwrap(), "out in");
        let versioned = client.start_by_name("fail", "x").with_version("2.0");
        versioned
            .with_id("v2")
            .await
            .unwrap()
            .wait(LIMIT)
            .await
            .unwrap();
        let listed = client.query(Query::new().with_id_prefix("v2")).all().await;
        assert_eq!(listed.unwrap()[0].version.as_deref(), Some("2.0"));
        // The letter case of a name does not count.
        let typed = client.instance(WAIT, "dynamic");
        assert_eq!(typed.output(LIMIT).await.unwrap(), "out in");
        assert_eq!(
            client.instance(FAIL, "dynamic").status().await.unwrap(),
            None
        );
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_listed_by_every_filter_and_purged_by_filter() {
    for extension in BOTH {
        let (hub, client) = hub(extension).await;
        for n in 0..5 {
            let start = client.start(WAIT, &n.to_string()).with_id(format!("w-{n}"));
            start.await.unwrap().wait_for_begin(LIMIT).await.unwrap();
        }
        let start = client.start(FAIL, &String::new()).with_id("f-0");
        start.await.unwrap().wait(LIMIT).await.unwrap();
        let counter = client.entity(COUNTER.id("k"));
        counter.signal(ADD, &1).await.unwrap();

        let ids = async |query: Query| {
            let all = client.query(query).all().await.unwrap();
            all.into_iter().map(|it| it.instance_id).collect::<Vec<_>>()
        };
        assert_eq!(ids(Query::new().with_page_size(2)).await.len(), 6);
        assert_eq!(ids(Query::new().with_id_prefix("f-")).await, ["f-0"]);
        let failed = Query::new().with_status(RuntimeStatus::Failed);
        assert_eq!(ids(failed.clone()).await, ["f-0"]);
        let either = failed.with_status(RuntimeStatus::Running).with_page_size(1);
        assert_eq!(ids(either).await.len(), 6);
        let hour = Duration::from_secs(60 * 60);
        let now = SystemTime::now();
        assert!(ids(Query::new().created_after(now + hour)).await.is_empty());
        assert!(
            ids(Query::new().created_before(now - hour))
                .await
                .is_empty()
        );
        assert_eq!(ids(Query::new().created_before(now + hour)).await.len(), 6);

        let with = client.query(Query::new().with_id_prefix("w-1").with_inputs_and_outputs());
        let with = with.all().await.unwrap().remove(0);
        assert_eq!(with.input.as_deref(), Some("\"1\""));
        assert_eq!(with.typed::<String>().output().unwrap(), None);
        let without = client.query(Query::new().with_id_prefix("w-1"));
        assert_eq!(without.all().await.unwrap()[0].input, None);

        // A token goes on where its page ended.
        let pages = || Query::new().with_page_size(4);
        let first = client.query(pages()).next_page().await.unwrap().unwrap();
        assert_eq!(first.items.len(), 4);
        let rest = pages().with_continuation(first.continuation.unwrap());
        assert_eq!(ids(rest).await.len(), 2);

        // What runs stays, and so do entities.
        assert_eq!(client.purge(PurgeFilter::new()).await.unwrap().count, 1);
        assert_eq!(client.purge(PurgeFilter::new()).await.unwrap().count, 0);
        assert_eq!(ids(Query::new()).await.len(), 5);
        let far = PurgeFilter::new()
            .with_any_status()
            .created_after(now + hour);
        assert_eq!(client.purge(far).await.unwrap().count, 0);
        let limited = PurgeFilter::new()
            .with_status(RuntimeStatus::Running)
            .created_before(now + hour)
            .with_timeout(LIMIT);
        let purged = client.purge(limited).await.unwrap();
        assert_eq!((purged.count, purged.is_complete), (5, Some(true)));
        // Without a status the entity goes as well.
        let left = client.purge(PurgeFilter::new().with_any_status()).await;
        assert_eq!(left.unwrap().count, 1);
        assert_eq!(counter.status().await.unwrap(), None);
        hub.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entities_are_signalled_read_listed_and_cleaned() {
    for extension in BOTH {
        let (hub, client) = hub(extension).await;
        let counter = client.entity(COUNTER.id("a"));
        assert_eq!(counter.status().await.unwrap(), None);
        counter.signal(ADD, &2).await.unwrap();
        counter.signal_by_name("ADD", &3).await.unwrap();
        let due = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
        counter.signal(ADD, &100).at(due).await.unwrap();
        let five = |entity: &durable_protocol::messages::EntityMetadata| {
            entity.serialized_state.as_deref() == Some("5")
        };
        let wait = hub.wait_for_entity("@counter@a", five);
        tokio::time::timeout(LIMIT, wait).await.unwrap();
        assert_eq!(counter.state::<i64>().await.unwrap(), Some(5));

        let gone = client.entity(COUNTER.id("b"));
        gone.signal(ADD, &1).await.unwrap();
        let named = || EntityQuery::new().with_name("Counter");
        let wait = hub.wait_for_entity("@counter@b", |it| it.serialized_state.is_some());
        tokio::time::timeout(LIMIT, wait).await.unwrap();
        let keys = async |query: EntityQuery| {
            let all = client.entities(query).all().await.unwrap();
            all.into_iter()
                .map(|it| it.id.key().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(named().with_page_size(1)).await, ["a", "b"]);
        assert_eq!(keys(named().with_key_prefix("b")).await, ["b"]);
        assert!(keys(EntityQuery::new().with_name("count")).await.is_empty());
        let later = SystemTime::now() + Duration::from_secs(60 * 60);
        assert!(keys(named().modified_after(later)).await.is_empty());
        assert_eq!(keys(named().modified_before(later)).await.len(), 2);
        let with = client.entities(named().with_states()).all().await.unwrap();
        assert_eq!(with[0].state_as::<i64>().unwrap(), Some(5));
        let without = client.entities(named()).all().await.unwrap();
        assert_eq!(without[0].state, None);

        gone.signal_by_name("delete", &()).await.unwrap();
        let deleted = async {
            while gone.state::<i64>().await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, deleted).await.unwrap();
        client.clean_entities().await.unwrap();
        let transient = named().with_transient();
        assert_eq!(keys(transient).await, ["a"]);
        hub.stop().await;
    }
}

/// The binding of the next invocation has the new address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_restarts_is_reached_again() {
    let (first, client) = hub(Extension::V3_19).await;
    assert_eq!(client.status("a").await.unwrap(), None);
    let (second, client) = hub(Extension::V3_19).await;
    assert_ne!(first.address(), second.address());
    first.stop().await;
    let instance = client.start(FAIL, &String::new()).await.unwrap();
    instance.wait(LIMIT).await.unwrap();
    second.stop().await;
}

/// Asks the management API for one of its addresses.
async fn manage(hub: &Hub, method: &str, url: &str, body: &str) -> ManagementReply {
    let url = url.replace("{text}", "why").replace("{eventName}", "Go");
    let (path, query) = url.split_once('?').unwrap();
    let (origin, path) = path.split_once("/runtime/webhooks/durabletask").unwrap();
    assert_eq!(origin, "http://localhost:7071");
    hub.manage(ManagementRequest {
        method: method.to_owned(),
        // As the server does before.
        path: path.replace("%20", " "),
        query: query.to_owned(),
        origin: origin.to_owned(),
        url: url.clone(),
        content_type: Some("application/json".to_owned()),
        continuation_token: None,
        body: body.to_owned(),
    })
    .await
}

/// The addresses lead to the operations, and a status serialises to what the API answers with, byte for byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_management_urls_lead_to_the_api_and_a_status_has_its_shape() {
    let (hub, client) = hub(Extension::V3_14).await;
    let start = client.start(WAIT, &"in".to_owned()).with_id("a b");
    let instance = start.await.unwrap();
    instance.wait_for_begin(LIMIT).await.unwrap();
    let urls = instance.management_urls(None).unwrap();
    let as_the_api = async || {
        let status = instance.status().await.unwrap().unwrap();
        let reply = manage(&hub, "GET", &urls.status_query_get_uri, "").await;
        assert_eq!(reply.body, serde_json::to_string(&status).unwrap());
    };
    as_the_api().await;
    let done = async |method, url: &str, body, status| {
        let reply = manage(&hub, method, url, body).await;
        assert_eq!(reply.status, status, "{url}: {}", reply.body);
    };
    done("POST", &urls.suspend_post_uri, "", 202).await;
    until(&hub, "a b", RuntimeStatus::Suspended).await;
    as_the_api().await;
    done("POST", &urls.resume_post_uri, "", 202).await;
    until(&hub, "a b", RuntimeStatus::Running).await;
    done("POST", &urls.send_event_post_uri, r#""out""#, 202).await;
    assert_eq!(instance.output(LIMIT).await.unwrap(), "out in");
    as_the_api().await;
    done("POST", &urls.rewind_post_uri, "", 412).await;
    done("POST", &urls.restart_post_uri, "", 202).await;
    done("POST", &urls.terminate_post_uri, "", 410).await;
    done("DELETE", &urls.purge_history_delete_uri, "", 200).await;
    assert_eq!(instance.status().await.unwrap(), None);

    let failing = client
        .start(FAIL, &"no such town".to_owned())
        .await
        .unwrap();
    let status = failing.wait(LIMIT).await.unwrap();
    let urls = failing.management_urls(None).unwrap();
    let reply = manage(&hub, "GET", &urls.status_query_get_uri, "").await;
    assert_eq!(reply.body, serde_json::to_string(&status).unwrap());
    hub.stop().await;
}
