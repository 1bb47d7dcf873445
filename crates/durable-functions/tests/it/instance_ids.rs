//! One rule for instance ids, wherever one is given.

use std::future::IntoFuture;
use std::time::Duration;

use crate::support::{Host, actions, failure, orchestrator};
use durable_functions::worker::OrchestratorFunction;
use durable_functions::{
    ClientError, DurableClient, Entity, EntityId, Event, OrchestrationContext, Orchestrator,
};

const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");
const GO: Event<u32> = Event::new("go");

/// Ids that the host stores and then cannot handle, or that no URL reaches.
fn bad() -> Vec<String> {
    let mut ids: Vec<String> = [
        "", " ", ".", "..", "%2e", ".%2E", "a/b", "a\\b", "a#b", "a?b", "a+b", "a\nb", "\u{1}",
    ]
    .map(str::to_owned)
    .into();
    ids.push("x".repeat(257));
    ids.push("\u{1f600}".repeat(129));
    ids
}

fn good() -> Vec<String> {
    let mut ids: Vec<String> = ["a", "...", ".a", "a@b", "käse 1", "%41"]
        .map(str::to_owned)
        .into();
    ids.push("x".repeat(256));
    ids
}

/// A client without a server: whatever it sends fails with `Rpc`, and another error shows that it has
/// sent nothing.
fn client() -> DurableClient {
    let binding = r#"{"taskHubName":"Hub","rpcBaseUrl":"http://127.0.0.1:1"}"#;
    DurableClient::from_binding(binding).unwrap()
}

async fn asked(id: &str) -> [ClientError; 4] {
    let client = client();
    let instance = client.instance(CHILD, id);
    [
        client
            .start(CHILD, &1)
            .with_id(id)
            .into_future()
            .await
            .unwrap_err(),
        client.status(id).await.unwrap_err(),
        instance.status().await.unwrap_err(),
        instance.wait(Duration::from_secs(60)).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn the_client_sends_nothing_for_an_id_that_no_instance_can_have() {
    let entity = "@counter@a".to_owned();
    for id in bad().into_iter().chain([entity]) {
        for error in asked(&id).await {
            assert!(
                matches!(&error, ClientError::InvalidId { id: named, .. } if *named == id),
                "{id:?}: {error}"
            );
        }
    }
    for id in good() {
        for error in asked(&id).await {
            assert!(
                matches!(error, ClientError::Unavailable { .. }),
                "{id:?}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn the_error_says_what_an_id_must_be() {
    let error = client().status("..").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "'..' is not a valid instance id: it must not be '.' or '..', also with '%2e' for a dot: \
         no URL reaches it"
    );
}

fn starts(id: &str) -> OrchestratorFunction {
    let id = id.to_owned();
    orchestrator(move |ctx: OrchestrationContext, (): ()| {
        let id = id.clone();
        async move { Ok(ctx.call_orchestrator(CHILD, 2).with_id(id).await?) }
    })
}

fn sends(id: &str) -> OrchestratorFunction {
    let id = id.to_owned();
    orchestrator(move |ctx: OrchestrationContext, (): ()| {
        let id = id.clone();
        async move { Ok(ctx.send_event(id, GO, 5)?) }
    })
}

#[test]
fn an_orchestrator_cannot_use_an_id_that_a_client_cannot_use() {
    for id in bad() {
        for function in [starts(&id), sends(&id)] {
            let answer = Host::new(function, None).turn();
            assert_eq!(failure(&answer).error_type, "InvalidInstanceId", "{id:?}");
            assert_eq!(answer.actions.len(), 1);
        }
    }
    for id in good() {
        let answer = Host::new(starts(&id), None).turn();
        assert_eq!(actions(&answer), [format!("#0 child {id} child(2)")]);
    }
}

/// The name and the key of an entity are segments of the host's URLs, as an instance id is.
#[test]
fn the_parts_of_an_entity_id_follow_the_rule_of_instance_ids() {
    let signals = |entity: EntityId| {
        orchestrator(move |ctx: OrchestrationContext, (): ()| {
            let entity = entity.clone();
            async move {
                let get = durable_functions::Operation::<(), u32>::new("get");
                Ok(ctx.signal_entity(entity, get, ())?)
            }
        })
    };
    for part in bad() {
        for entity in [
            Entity::<u32>::new("counter").id(&part),
            EntityId::new(&part, "key"),
        ] {
            let answer = Host::new(signals(entity), None).turn();
            assert_eq!(failure(&answer).error_type, "InvalidEntityId", "{part:?}");
            assert_eq!(answer.actions.len(), 1);
        }
    }
    let answer = Host::new(signals(EntityId::new("counter", "...")), None).turn();
    assert_eq!(answer.actions.len(), 2);
}
