//! The texts of values in logs: each says which function or instance it is, and none shows a secret.

use std::sync::{Arc, Mutex};

use durable_functions::worker::{ActivityFunction, run_batch};
use durable_functions::{
    Activity, ActivityContext, Entity, EntityContext, EntityFunction, Error, Event, Failure,
    HttpRequest, Operation, OrchestrationContext, Orchestrator,
};
use durable_protocol::messages::{EntityBatchRequest, OperationRequest};

use crate::support::{Host, actions, orchestrator};

const ECHO: Activity<u32, u32> = Activity::new("echo");
const CHAIN: Orchestrator<u32, u32> = Orchestrator::new("chain");
const GO: Event<u32> = Event::new("go");
const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const SHOW: Operation<(), String> = Operation::new("show");

#[test]
fn a_handle_shows_its_kind_and_its_name() {
    assert_eq!(format!("{ECHO:?}"), r#"Activity("echo")"#);
    assert_eq!(format!("{CHAIN:?}"), r#"Orchestrator("chain")"#);
    assert_eq!(format!("{GO:?}"), r#"Event("go")"#);
    assert_eq!(format!("{COUNTER:?}"), r#"Entity("counter")"#);
    assert_eq!(format!("{ADD:?}"), r#"Operation("add")"#);
}

#[test]
fn a_function_shows_its_kind_and_its_name() {
    let activity = ActivityFunction::new(ECHO, async |_: ActivityContext, n| Ok(n));
    assert_eq!(format!("{activity:?}"), r#"ActivityFunction("echo")"#);
    let function = orchestrator(async |_, n: u32| Ok(n));
    assert_eq!(
        format!("{function:?}"),
        r#"OrchestratorFunction("orchestrator")"#
    );
    let entity: EntityFunction<i64> = EntityFunction::new(COUNTER)
        .on(ADD, async |_, state: &mut i64, n| Ok(*state + n))
        .on(SHOW, async |_, _: &mut i64, ()| Ok(String::new()));
    assert_eq!(
        format!("{entity:?}"),
        r#"EntityFunction { name: "counter", operations: ["add", "show"] }"#
    );
}

#[test]
fn the_context_of_an_orchestrator_shows_the_instance_and_whether_it_replays() {
    let texts = Arc::new(Mutex::new(Vec::new()));
    let function = orchestrator({
        let texts = Arc::clone(&texts);
        move |ctx: OrchestrationContext, (): ()| {
            let texts = Arc::clone(&texts);
            async move {
                texts.lock().unwrap().push(format!("{ctx:?}"));
                ctx.call(ECHO, 1).await?;
                Ok(format!("{ctx:?}"))
            }
        }
    });
    let text = |replaying: bool| {
        format!(
            "OrchestrationContext {{ instance_id: \"abc\", name: \"orchestrator\", replaying: \
             {replaying}, .. }}"
        )
    };
    let mut host = Host::new(function, None);
    host.turn();
    assert_eq!(*texts.lock().unwrap(), [text(false), text(false)]);
    texts.lock().unwrap().clear();
    let end = actions(&host.completed(0, "1").turn());
    assert_eq!(*texts.lock().unwrap(), [text(true), text(true)]);
    let output = serde_json::to_string(&text(false)).unwrap();
    assert_eq!(end, [format!("#1 Completed({output})")]);
}

#[tokio::test]
async fn the_context_of_an_entity_shows_the_entity_and_the_operation() {
    let entity: EntityFunction<i64> = EntityFunction::new(COUNTER)
        .on(SHOW, async |ctx: EntityContext, _: &mut i64, ()| {
            Ok(format!("{ctx:?}"))
        });
    let request = EntityBatchRequest {
        instance_id: "@counter@a".to_owned(),
        operations: vec![OperationRequest {
            operation: "show".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let result = run_batch(&entity, request).await;
    let result = format!("{:?}", result.results);
    let id = format!("{:?}", COUNTER.id("a"));
    let text = format!("EntityContext {{ id: {id}, operation: \"show\", .. }}");
    // Twice: the text is JSON in a text.
    let text = serde_json::to_string(&text).unwrap();
    assert!(result.contains(&format!("{text:?}")), "{result}");
}

#[test]
fn an_error_shows_its_text_and_its_causes() {
    let cause = Failure::new("Lost", "no such town");
    let error = Error::from(anyhow::Error::new(cause).context("while travelling"));
    let text = format!("{error:?}");
    assert!(text.starts_with("while travelling"), "{text}");
    assert!(text.contains("Lost: no such town"), "{text}");
}

#[test]
fn an_http_request_shows_its_method_and_its_address_without_what_may_be_secret() {
    let request = HttpRequest::patch("https://user:secret@example.com/a?code=secret")
        .header("authorization", "Bearer secret");
    assert_eq!(
        format!("{request:?}"),
        r#"HttpRequest("HTTP request PATCH https://example.com/a")"#
    );
}

#[cfg(feature = "client")]
#[tokio::test]
async fn the_client_shows_nothing_of_its_binding_and_an_instance_its_id() {
    let client = super::task_hub::TaskHub::listen().client();
    assert_eq!(format!("{client:?}"), "DurableClient { .. }");
    let instance = client.instance(CHAIN, "abc");
    assert_eq!(format!("{instance:?}"), r#"Instance("abc")"#);
}
