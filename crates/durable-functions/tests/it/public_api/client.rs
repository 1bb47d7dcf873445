//! The state of instances, through the client.

use std::time::{Duration, SystemTime};

use durable_functions::{
    ClientError, DurableClient, Failure, InstanceStatus, Orchestrator, RuntimeStatus,
};
use durable_protocol::messages::{OrchestrationState, OrchestrationStatus, TaskFailureDetails};
use tonic::Code;

use super::task_hub::{BROKEN, BROKEN_TEXT, KEY, TaskHub};

const COUNT: Orchestrator<u32, u64> = Orchestrator::new("count");

/// The state of the instance `count-7` as the Azure Storage backend reports it.
fn completed() -> OrchestrationState {
    OrchestrationState {
        instance_id: "count-7".to_owned(),
        name: "Count".to_owned(),
        orchestration_status: OrchestrationStatus::Completed as i32,
        created_timestamp: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 500_000_000,
        }),
        last_updated_timestamp: Some(prost_types::Timestamp {
            seconds: 1_700_000_060,
            nanos: 0,
        }),
        input: Some("7".to_owned()),
        output: Some("49".to_owned()),
        custom_status: Some(r#"{"done":7}"#.to_owned()),
        ..Default::default()
    }
}

/// The state that the client makes of `state`.
async fn status(state: OrchestrationState) -> InstanceStatus {
    let hub = TaskHub::listen();
    let id = state.instance_id.clone();
    hub.put(state);
    hub.client().status(&id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_state_of_an_instance_is_what_the_task_hub_says() {
    let hub = TaskHub::listen();
    hub.put(completed());
    let client = hub.client();
    let instance = client.instance(COUNT, "count-7");
    assert_eq!(instance.id(), "count-7");
    for status in [
        client.status("count-7").await.unwrap().unwrap(),
        instance.status().await.unwrap().unwrap(),
        instance.wait(Duration::from_secs(60)).await.unwrap(),
    ] {
        assert_eq!(status.instance_id, "count-7");
        assert_eq!(status.name, "Count");
        assert_eq!(status.runtime_status, RuntimeStatus::Completed);
        assert_eq!(status.input.as_deref(), Some("7"));
        assert_eq!(status.output.as_deref(), Some("49"));
        assert_eq!(status.custom_status.as_deref(), Some(r#"{"done":7}"#));
        let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        assert_eq!(status.created_at, created);
        let updated = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_060);
        assert_eq!(status.last_updated_at, updated);
        assert_eq!(status.failure, None);
    }
}

#[tokio::test]
async fn each_status_of_the_protocol_has_its_own_value() {
    for (number, expected, text, ended) in [
        (0, RuntimeStatus::Running, "Running", false),
        (1, RuntimeStatus::Completed, "Completed", true),
        (2, RuntimeStatus::ContinuedAsNew, "ContinuedAsNew", false),
        (3, RuntimeStatus::Failed, "Failed", true),
        (4, RuntimeStatus::Canceled, "Canceled", true),
        (5, RuntimeStatus::Terminated, "Terminated", true),
        (6, RuntimeStatus::Pending, "Pending", false),
        (7, RuntimeStatus::Suspended, "Suspended", false),
    ] {
        let state = OrchestrationState {
            orchestration_status: number,
            ..completed()
        };
        let reported = status(state).await.runtime_status;
        assert_eq!(reported, expected);
        assert_eq!(reported.as_str(), text);
        assert_eq!(reported.is_terminal(), ended, "{text}");
    }
}

#[tokio::test]
async fn an_instance_that_set_no_custom_status_has_none() {
    for custom_status in [None, Some("null"), Some("")] {
        let state = OrchestrationState {
            custom_status: custom_status.map(str::to_owned),
            ..completed()
        };
        assert_eq!(status(state).await.custom_status, None);
    }
}

#[tokio::test]
async fn the_failure_is_there_when_the_backend_stores_it() {
    let state = OrchestrationState {
        orchestration_status: OrchestrationStatus::Failed as i32,
        failure_details: Some(TaskFailureDetails {
            error_type: "TableNotFound".to_owned(),
            error_message: "no such table".to_owned(),
            ..Default::default()
        }),
        ..completed()
    };
    assert_eq!(
        status(state).await.failure,
        Some(Failure::new("TableNotFound", "no such table"))
    );
}

#[tokio::test]
async fn the_output_of_a_completed_instance_is_read_and_of_no_other() {
    let completed_status = status(completed()).await;
    assert_eq!(completed_status.decode_output::<u64>().unwrap(), Some(49));
    let error = completed_status.decode_output::<String>().unwrap_err();
    assert!(
        matches!(&error, ClientError::UnexpectedOutput { id, .. } if id == "count-7"),
        "{error}"
    );
    let nothing = OrchestrationState {
        output: None,
        ..completed()
    };
    let nothing = status(nothing).await.decode_output::<Option<u64>>();
    assert_eq!(nothing.unwrap(), Some(None));
    let failed = OrchestrationState {
        orchestration_status: OrchestrationStatus::Failed as i32,
        ..completed()
    };
    assert_eq!(status(failed).await.decode_output::<u64>().unwrap(), None);
}

#[tokio::test]
async fn an_instance_that_does_not_exist_has_no_state() {
    let client = TaskHub::listen().client();
    assert_eq!(client.status("count-7").await.unwrap(), None);
    let instance = client.instance(COUNT, "count-7");
    assert_eq!(instance.status().await.unwrap(), None);
}

#[tokio::test]
async fn waiting_ends_at_the_limit_when_the_instance_has_not_ended() {
    let hub = TaskHub::listen();
    hub.put(OrchestrationState {
        orchestration_status: OrchestrationStatus::Running as i32,
        ..completed()
    });
    for id in ["count-7", "unknown"] {
        let instance = hub.client().instance(COUNT, id);
        let error = instance.wait(Duration::from_millis(20)).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::NotEnded { id: named } if named == id),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_call_that_the_host_refuses_is_an_error_with_its_code_and_text() {
    let client = TaskHub::listen().client();
    let instance = client.instance(COUNT, BROKEN);
    let limit = Duration::from_secs(60);
    for (error, named) in [
        (client.status(BROKEN).await.unwrap_err(), "GetInstance"),
        (instance.status().await.unwrap_err(), "GetInstance"),
        (
            instance.wait(limit).await.unwrap_err(),
            "WaitForInstanceCompletion",
        ),
        (
            client.start(COUNT, &1).with_id(BROKEN).await.unwrap_err(),
            "StartInstance",
        ),
    ] {
        let ClientError::Rpc {
            method,
            code,
            message,
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*method, named);
        assert_eq!((*code, message.as_str()), (Code::Unknown, BROKEN_TEXT));
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_an_error_as_well() {
    let binding = r#"{"rpcBaseUrl":"http://127.0.0.1:1"}"#;
    let client = DurableClient::from_binding(binding).unwrap();
    let error = client.status("count-7").await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Rpc { code, .. } if *code == Code::Unavailable),
        "{error}"
    );
}

#[tokio::test]
async fn every_call_names_the_task_hub_and_the_connection_of_the_binding() {
    let hub = TaskHub::listen();
    hub.put(completed());
    let client = hub.client();
    client.status("count-7").await.unwrap();
    let instance = client.start(COUNT, &1).with_id("count-7").await.unwrap();
    hub.put(completed());
    instance.wait(Duration::from_secs(60)).await.unwrap();
    let both = [Some("MyHub".to_owned()), Some("Storage".to_owned())];
    assert_eq!(hub.named(), [both.clone(), both.clone(), both]);
}

#[test]
fn a_value_that_is_no_binding_is_an_error_that_does_not_show_it() {
    for value in [
        format!("code={KEY}"),
        format!(r#"["code={KEY}"]"#),
        format!(r#"{{"requiredQueryStringParameters":"code={KEY}"}}"#),
        format!(r#"{{"requiredQueryStringParameters":"code={KEY}","rpcBaseUrl":""}}"#),
        format!(r#"{{"requiredQueryStringParameters":"code={KEY}","rpcBaseUrl":7}}"#),
        format!(r#"{{"rpcBaseUrl":"no URL, code={KEY}"}}"#),
    ] {
        let error = DurableClient::from_binding(&value).unwrap_err();
        assert!(
            matches!(error, ClientError::InvalidBinding { .. }),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    }
}

/// A storage queue refuses a message that holds U+FFFE or U+FFFF.
#[tokio::test]
async fn a_start_escapes_the_two_characters_that_a_queue_refuses_and_refuses_them_in_names() {
    const TEXT: &str = "x\u{fffe}\u{ffff}";
    const START: Orchestrator<&str, ()> = Orchestrator::new("start");
    let hub = TaskHub::listen();
    let client = hub.client();
    client.start(START, &TEXT).await.unwrap();
    assert_eq!(
        hub.started()[0].input.as_deref(),
        Some(r#""x\ufffe\uffff""#)
    );
    let error = client.start(START, &"").with_id(TEXT).await.unwrap_err();
    assert!(matches!(error, ClientError::InvalidId { .. }), "{error}");
    for bad in [Orchestrator::new(TEXT), START.with_version(TEXT)] {
        let error = client.start(bad, &"").await.unwrap_err();
        assert!(matches!(error, ClientError::InvalidName { .. }), "{error}");
        assert!(error.to_string().contains("U+FFFE or U+FFFF"), "{error}");
    }
    assert_eq!(hub.started().len(), 1);
}
