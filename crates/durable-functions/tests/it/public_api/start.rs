//! Starting instances through the client.

use durable_functions::{ClientError, Orchestrator, RuntimeStatus};
use serde::{Serialize, Serializer};

use super::task_hub::TaskHub;

const COUNT: Orchestrator<u32, u64> = Orchestrator::new("count");

#[tokio::test]
async fn a_started_instance_has_the_id_and_the_input_that_were_given() {
    let hub = TaskHub::listen();
    let client = hub.client();
    let instance = client.start(COUNT, &7).with_id("count-7").await.unwrap();
    assert_eq!(instance.id(), "count-7");
    let status = instance.status().await.unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
    let [request] = hub.started().try_into().unwrap();
    assert_eq!(request.instance_id, "count-7");
    assert_eq!(request.name, "count");
    assert_eq!(request.version, None);
    assert_eq!(request.input.as_deref(), Some("7"));
    // Which instances a start replaces is left to the host.
    assert_eq!(request.orchestration_id_reuse_policy, None);
}

#[tokio::test]
async fn without_an_id_each_instance_gets_a_uuid_of_its_own() {
    let hub = TaskHub::listen();
    let client = hub.client();
    let first = client.start(COUNT, &7).await.unwrap();
    let second = client.start(COUNT, &7).await.unwrap();
    assert_ne!(first.id(), second.id());
    for (instance, request) in [first, second].iter().zip(hub.started()) {
        assert_eq!(request.instance_id, instance.id());
        let id: uuid::Uuid = instance.id().parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
    }
}

#[tokio::test]
async fn the_id_in_the_hosts_answer_counts_unless_it_is_empty() {
    let hub = TaskHub::listen();
    let client = hub.client();
    hub.answer_starts_with("the-hosts-own");
    let instance = client.start(COUNT, &7).with_id("count-7").await.unwrap();
    assert_eq!(instance.id(), "the-hosts-own");
    hub.answer_starts_with("");
    let instance = client.start(COUNT, &7).with_id("count-8").await.unwrap();
    assert_eq!(instance.id(), "count-8");
}

#[tokio::test]
async fn the_version_of_the_handle_and_no_input_travel_as_they_should() {
    const NIGHTLY: Orchestrator<Option<u32>, ()> = Orchestrator::new("nightly").with_version("2.0");
    let hub = TaskHub::listen();
    hub.client().start(NIGHTLY, &None).await.unwrap();
    let [request] = hub.started().try_into().unwrap();
    assert_eq!(request.version.as_deref(), Some("2.0"));
    assert_eq!(request.input, None);
}

#[tokio::test]
async fn an_id_of_an_instance_that_has_not_ended_is_refused_and_starts_nothing() {
    let hub = TaskHub::listen();
    let client = hub.client();
    client.start(COUNT, &7).with_id("count-7").await.unwrap();
    let again = client.start(COUNT, &8).with_id("count-7").await;
    let error = again.unwrap_err();
    assert!(
        matches!(&error, ClientError::AlreadyExists { id } if id == "count-7"),
        "{error}"
    );
    let state = client.status("count-7").await.unwrap().unwrap();
    assert_eq!(state.runtime_status, RuntimeStatus::Running);
}

#[tokio::test]
async fn an_input_that_is_no_json_is_refused_and_nothing_is_sent() {
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it has no JSON form"))
        }
    }
    const ODD: Orchestrator<Unwritable, ()> = Orchestrator::new("odd");
    let hub = TaskHub::listen();
    let error = hub.client().start(ODD, &Unwritable).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the input of orchestrator 'odd' cannot be written as JSON: it has no JSON form"
    );
    assert!(hub.named().is_empty());
}
