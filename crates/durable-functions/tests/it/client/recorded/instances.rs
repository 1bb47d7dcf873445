//! One instance: its start, its status, its management.

use std::time::Duration;

use durable_functions::{ClientError, Event, Orchestrator, Query, ReusePolicy, RuntimeStatus};
use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, GetInstanceRequest, OrchestrationStatus, RaiseEventRequest,
    RestartInstanceRequest, ResumeRequest, RewindInstanceRequest, SuspendRequest, TerminateRequest,
};
use serde_json::Value;

use super::super::scripted::Scripted;
use super::{Case, same, short};

const EVENT: Orchestrator<(), Value> = Orchestrator::new("event");
const ONE: Orchestrator<Value, Value> = Orchestrator::new("oneActivity");
const X: Event<u32> = Event::new("x");

/// The calls of `grpc-manage`: an instance that does not exist, one that is completed, one that runs.
#[tokio::test]
async fn the_management_of_an_instance_is_answered_alike_by_both_versions() {
    use OrchestrationStatus::{Completed, Running, Suspended};
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        let client = host.client();
        for (n, part, status, expected) in [
            (8, "none", None, "NotFound"),
            (9, "none", None, "NotFound"),
            (10, "none", None, "NotFound"),
            (11, "none", None, "NotFound"),
            (12, "none", None, "NotFound"),
            (13, "none", None, "NotFound"),
            (14, "none", None, "NotFound"),
            (15, "done", Some(Completed), "WrongStatus"),
            (16, "done", Some(Completed), "WrongStatus"),
            (17, "done", Some(Completed), "WrongStatus"),
            (18, "done", Some(Completed), "WrongStatus"),
            (19, "done", Some(Completed), "WrongStatus"),
            (29, "run", Some(Running), "WrongStatus"),
            (30, "run", Some(Running), "WrongStatus"),
            (31, "run", Some(Running), "WrongStatus"),
            (32, "run", Some(Running), "WrongStatus"),
            (33, "run", Some(Running), "ok"),
            (36, "run", Some(Suspended), "WrongStatus"),
            (37, "run", Some(Suspended), "ok"),
            (42, "run", Some(Completed), "ok"),
            (45, "run", Some(Running), "ok"),
        ] {
            host.clear();
            host.holds(status);
            let method = case.answer(&host, n);
            let instance = client.instance(EVENT, format!("grpc-manage.{part}"));
            let at = format!("{version}, call {n}: {method}");
            let result = match method.as_str() {
                "RaiseEvent" => {
                    let result = instance.raise(X, &1).await;
                    same::<RaiseEventRequest>(&host, &case, n);
                    result
                }
                "SuspendInstance" => {
                    let sent: SuspendRequest = case.request(n);
                    let result = instance.suspend(sent.reason.as_deref().unwrap_or("")).await;
                    same::<SuspendRequest>(&host, &case, n);
                    result
                }
                "ResumeInstance" => {
                    let sent: ResumeRequest = case.request(n);
                    let result = instance.resume(sent.reason.as_deref().unwrap_or("")).await;
                    same::<ResumeRequest>(&host, &case, n);
                    result
                }
                "TerminateInstance" => {
                    let sent: TerminateRequest = case.request(n);
                    let result = instance.terminate(&sent.output.unwrap()).await;
                    same::<TerminateRequest>(&host, &case, n);
                    result
                }
                "RewindInstance" => {
                    let sent: RewindInstanceRequest = case.request(n);
                    let result = instance.rewind(sent.reason.as_deref().unwrap_or("")).await;
                    same::<RewindInstanceRequest>(&host, &case, n);
                    result
                }
                "RestartInstance" => {
                    let result = instance.restart().await;
                    same::<RestartInstanceRequest>(&host, &case, n);
                    result
                }
                "PurgeInstances" => instance.purge().await,
                other => panic!("{other}"),
            };
            assert_eq!(short(result), expected, "{at}");
        }
    }
}

#[tokio::test]
async fn a_restart_under_a_new_id_gives_the_instance_with_that_id() {
    for (version, id) in [
        ("3.14", "ff94c9b2b2b34e3fb9f8ffde2a7e074d"),
        ("3.19", "5f1b1b5e1d134d2a87a8a8501e19bfa1"),
    ] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        case.answer(&host, 44);
        let instance = host.client().instance(EVENT, "grpc-manage.done");
        assert_eq!(instance.restart_as_new().await.unwrap().id(), id);
        same::<RestartInstanceRequest>(&host, &case, 44);
    }
}

#[tokio::test]
async fn the_status_of_a_suspended_and_of_a_terminated_instance_has_the_reason_as_its_output() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "grpc-manage");
        let host = Scripted::listen().await;
        case.answer(&host, 35);
        case.answer(&host, 48);
        let instance = host.client().instance(EVENT, "grpc-manage.run");
        let suspended = instance.status().await.unwrap().unwrap();
        assert_eq!(suspended.runtime_status, RuntimeStatus::Suspended);
        assert_eq!(suspended.output.as_deref(), Some("r"));
        let terminated = instance.status().await.unwrap().unwrap();
        assert_eq!(terminated.runtime_status, RuntimeStatus::Terminated);
        assert_eq!(terminated.output.as_deref(), Some(r#"{"why":"json"}"#));
        assert_eq!(terminated.output().unwrap(), None);
        let both = host.requests::<GetInstanceRequest>("GetInstance");
        assert_eq!(both, [case.request(35), case.request(48)]);
    }
}

#[tokio::test]
async fn one_instance_is_purged_once() {
    let case = Case::read("3.14", "purge");
    let host = Scripted::listen().await;
    for n in [17, 18, 19] {
        case.answer(&host, n);
    }
    let instance = host.client().instance(ONE, "purge.2");
    assert_eq!(short(instance.purge().await), "ok");
    assert_eq!(short(instance.purge().await), "NotFound");
    assert_eq!(short(instance.purge().await), "WrongStatus");
}

#[tokio::test]
async fn a_start_says_which_instances_it_may_replace() {
    let case = Case::read("3.14", "reuse-policy");
    for (n, expected) in [
        (1, "ok"),
        (5, "AlreadyExists"),
        (6, "AlreadyExists"),
        (7, "ok"),
    ] {
        let host = Scripted::listen().await;
        case.answer(&host, n);
        let recorded: CreateInstanceRequest = case.request(n);
        let policy = recorded.orchestration_id_reuse_policy.clone().unwrap();
        let policy = match policy.replaceable_status.as_slice() {
            [] => ReusePolicy::create_only(),
            numbers => ReusePolicy::replace(
                numbers
                    .iter()
                    .map(|it| OrchestrationStatus::try_from(*it).unwrap().into()),
            ),
        };
        let input: Value = serde_json::from_str(recorded.input.as_deref().unwrap()).unwrap();
        let started = host
            .client()
            .start(ONE, &input)
            .with_id("reuse-policy")
            .with_reuse_policy(policy)
            .await;
        assert_eq!(short(started.map(drop)), expected, "call {n}");
        same::<CreateInstanceRequest>(&host, &case, n);
    }
}

#[tokio::test]
async fn a_scheduled_start_and_tags_travel_as_the_host_reads_them() {
    let case = Case::read("3.14", "scheduled-start");
    let host = Scripted::listen().await;
    case.answer(&host, 1);
    let recorded: CreateInstanceRequest = case.request(1);
    let due = recorded.scheduled_start_timestamp.unwrap();
    let due = Timestamp::from(due).to_system_time();
    let client = host.client();
    let start = client
        .start(ONE, &Value::from(1))
        .with_id("scheduled-start");
    start.scheduled_at(due).await.unwrap();
    same::<CreateInstanceRequest>(&host, &case, 1);
    case.answer(&host, 3);
    let pending = client
        .instance(ONE, "scheduled-start")
        .status()
        .await
        .unwrap();
    assert_eq!(pending.unwrap().runtime_status, RuntimeStatus::Pending);
    case.answer(&host, 8);
    let listed = client.query(Query::new()).all().await.unwrap();
    assert_eq!(listed[0].scheduled_start_at, Some(due));

    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "tags");
        let host = Scripted::listen().await;
        case.answer(&host, 1);
        case.answer(&host, 8);
        let client = host.client();
        let start = client.start_by_name("tagged", &()).with_id("tags");
        let instance = start.with_tag("team", "blue").await.unwrap();
        same::<CreateInstanceRequest>(&host, &case, 1);
        let status = instance.status().await.unwrap().unwrap();
        assert_eq!(status.tags["team"], "blue");
    }
}

#[tokio::test]
async fn waiting_gives_the_state_and_ends_at_the_limit() {
    let case = Case::read("3.14", "grpc-wait");
    let host = Scripted::listen().await;
    for n in [2, 7] {
        case.answer(&host, n);
    }
    for n in [3, 14, 8] {
        case.answer(&host, n);
    }
    // Also one that no message can express.
    let limit = Duration::MAX;
    let instance = host.client().instance_by_id("grpc-wait");
    let begun = instance.wait_for_begin(limit).await.unwrap();
    assert_eq!(begun.runtime_status, RuntimeStatus::Running);
    let error = instance.wait_for_begin(limit).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the instance 'grpc-wait' did not begin within the time limit"
    );
    let ended = instance.wait(limit).await.unwrap();
    assert_eq!(ended.runtime_status, RuntimeStatus::Completed);
    let error = instance.output(limit).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::NotCompleted { output: Some(text), .. } if text.contains("QueryError")),
        "{error}"
    );
    let error = instance.wait(limit).await.unwrap_err();
    assert!(matches!(error, ClientError::NotEnded { .. }), "{error}");
}

#[tokio::test]
async fn a_started_instance_is_found_with_what_it_has_done() {
    let case = Case::read("3.14", "grpc-start");
    let host = Scripted::listen().await;
    let client = host.client();
    case.answer(&host, 1);
    let input: Value = serde_json::from_str(r#"{"a":1}"#).unwrap();
    let start = client.start(ONE, &input).with_id("grpc-start.1");
    let instance = start.await.unwrap();
    same::<CreateInstanceRequest>(&host, &case, 1);
    for n in [15, 18] {
        case.answer(&host, n);
    }
    let status = instance.status().await.unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Completed);
    assert_eq!(status.input_as::<Value>().unwrap(), Some(input.clone()));
    assert_eq!(status.output().unwrap(), Some(input));
    assert_eq!(status.custom_status.as_deref(), Some("\"Querying\""));
    assert_eq!(instance.status().await.unwrap(), None);

    // The host accepts an orchestrator that does not exist, and fails the instance.
    host.clear();
    for n in [3, 17] {
        case.answer(&host, n);
    }
    let start = client
        .start_by_name("no-such", &())
        .with_id("grpc-start.unknown");
    let unknown = start.await.unwrap();
    same::<CreateInstanceRequest>(&host, &case, 3);
    let status = unknown.status().await.unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
}
