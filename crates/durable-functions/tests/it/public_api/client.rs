//! The state of instances, through the client.

use std::time::{Duration, SystemTime};

use durable_functions::{
    ClientError, DecodeError, DurableClient, Failure, Orchestrator, RuntimeStatus, Status,
};
use durable_protocol::messages::{OrchestrationState, OrchestrationStatus, TaskFailureDetails};
use serde_json::Value;

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
async fn status(state: OrchestrationState) -> Status {
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
        client.status("count-7").await.unwrap().unwrap().typed(),
        client
            .instance_by_id("count-7")
            .status()
            .await
            .unwrap()
            .unwrap()
            .typed(),
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
        (8, RuntimeStatus::Unknown, "Unknown", false),
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
    assert_eq!(completed_status.output().unwrap(), Some(Value::from(49)));
    let as_number = completed_status.clone().typed::<u64>();
    assert_eq!(as_number.output().unwrap(), Some(49));
    let error = completed_status.typed::<String>().output().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the output of instance 'count-7' is not of type String: invalid type: integer `49`, \
         expected a string at line 1 column 2"
    );
    let nothing = OrchestrationState {
        output: None,
        ..completed()
    };
    let nothing = status(nothing).await.typed::<Option<u64>>();
    assert_eq!(nothing.output().unwrap(), Some(None));
    let failed = OrchestrationState {
        orchestration_status: OrchestrationStatus::Failed as i32,
        ..completed()
    };
    assert_eq!(status(failed).await.output().unwrap(), None);
}

#[tokio::test]
async fn waiting_for_an_output_gives_it_or_says_how_the_instance_ended() {
    let hub = TaskHub::listen();
    let client = hub.client();
    let output = async |state: OrchestrationState| {
        hub.put(state);
        let instance = client.instance(COUNT, "count-7");
        instance.output(Duration::from_secs(60)).await
    };
    assert_eq!(output(completed()).await.unwrap(), 49);
    let failed = |output: Option<&str>, details| OrchestrationState {
        orchestration_status: OrchestrationStatus::Failed as i32,
        output: output.map(str::to_owned),
        failure_details: details,
        ..completed()
    };
    let lost = TaskFailureDetails {
        error_type: "Lost".to_owned(),
        error_message: "no such town".to_owned(),
        ..Default::default()
    };
    for state in [
        failed(Some("Lost: no such town"), None),
        failed(None, Some(lost)),
    ] {
        let error = output(state).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the instance 'count-7' is Failed: Lost: no such town"
        );
    }
    let text = OrchestrationState {
        output: Some("\"49\"".to_owned()),
        ..completed()
    };
    let error = output(text).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Decode(DecodeError { what, .. }) if what.contains("count-7")),
        "{error}"
    );
}

#[tokio::test]
async fn an_instance_of_another_orchestrator_is_not_shown_as_one_of_this() {
    let hub = TaskHub::listen();
    let client = hub.client();
    for other in ["", "count2", "coun", "other", "@count"] {
        hub.put(OrchestrationState {
            name: other.to_owned(),
            ..completed()
        });
        let instance = client.instance(COUNT, "count-7");
        assert_eq!(instance.status().await.unwrap(), None, "{other}");
        let error = instance.wait(Duration::from_secs(60)).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::NotFound { id } if id == "count-7"),
            "{error}"
        );
    }
}

/// The texts of a status are read one by one, so that a wrong one hides nothing.
#[tokio::test]
async fn input_and_custom_status_are_read_when_they_are_asked_for() {
    let status = status(OrchestrationState {
        output: Some("no JSON".to_owned()),
        ..completed()
    })
    .await;
    assert!(status.output().is_err());
    assert_eq!(status.input_as::<u32>().unwrap(), Some(7));
    let custom: Value = status.custom_status_as().unwrap().unwrap();
    assert_eq!(custom["done"], 7);
    let error = status.custom_status_as::<u32>().unwrap_err().to_string();
    assert!(
        error.starts_with("the custom status of instance 'count-7' is not of type u32: "),
        "{error}"
    );
}

/// The texts are those that the management API of extension 3.14 answered with for such payloads.
#[tokio::test]
async fn a_status_serialises_to_the_payload_of_the_management_api() {
    let status = status(OrchestrationState {
        input: None,
        output: Some("MyError: message".to_owned()),
        orchestration_status: OrchestrationStatus::Failed as i32,
        ..completed()
    })
    .await;
    assert_eq!(
        serde_json::to_string(&status).unwrap(),
        r#"{"name":"Count","instanceId":"count-7","runtimeStatus":"Failed","input":null,"customStatus":{"done":7},"output":"MyError: message","createdTime":"2023-11-14T22:13:20Z","lastUpdatedTime":"2023-11-14T22:14:20Z"}"#
    );
    assert_eq!(status.created_at_text(), "2023-11-14T22:13:20Z");
    assert_eq!(status.last_updated_at_text(), "2023-11-14T22:14:20Z");
}

#[tokio::test]
async fn a_status_serialises_its_version_and_its_parent_when_they_are_known() {
    let status = status(OrchestrationState {
        version: Some("1.0".to_owned()),
        parent_instance_id: Some("parent".to_owned()),
        output: Some("123456789012345678901234567890.50".to_owned()),
        ..completed()
    })
    .await;
    assert_eq!(
        serde_json::to_string(&status).unwrap(),
        r#"{"name":"Count","version":"1.0","instanceId":"count-7","parentInstanceId":"parent","runtimeStatus":"Completed","input":7,"customStatus":{"done":7},"output":123456789012345678901234567890.50,"createdTime":"2023-11-14T22:13:20Z","lastUpdatedTime":"2023-11-14T22:14:20Z"}"#
    );
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
            matches!(&error, ClientError::NotEnded { id: named, .. } if named == id),
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
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*method, named);
        assert_eq!((*code, message.as_str()), ("UNKNOWN", BROKEN_TEXT));
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_an_error_as_well() {
    let binding = r#"{"rpcBaseUrl":"http://127.0.0.1:1"}"#;
    let client = DurableClient::from_binding(binding).unwrap();
    let error = client.status("count-7").await.unwrap_err();
    assert!(matches!(&error, ClientError::Unavailable { .. }), "{error}");
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
