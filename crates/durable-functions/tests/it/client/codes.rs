//! Every code that extension 2.13, 3.14 and 3.19 answer with, as the error that users get.

use durable_functions::{
    ClientError, DurableClient, Entity, EntityQuery, Event, Operation, Orchestrator, PurgeFilter,
    Query,
};
use durable_protocol::messages::OrchestrationStatus;
use tonic::Code;

use super::scripted::{Reply, Scripted};

const COUNT: Orchestrator<u32, u64> = Orchestrator::new("count");
const GO: Event<u32> = Event::new("go");
const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");

/// Calls a method of the service on the instance `a`; the error without its text.
async fn outcome(client: &DurableClient, method: &str) -> &'static str {
    let instance = client.instance(COUNT, "a");
    let result = match method {
        "StartInstance" => client.start(COUNT, &1).with_id("a").await.map(drop),
        "RaiseEvent" => instance.raise(GO, &1).await,
        "TerminateInstance" => instance.terminate("why").await,
        "SuspendInstance" => instance.suspend("why").await,
        "ResumeInstance" => instance.resume("why").await,
        "RewindInstance" => instance.rewind("why").await,
        "RestartInstance" => instance.restart().await,
        "PurgeInstances" => instance.purge().await,
        "PurgeInstances by filter" => client.purge(PurgeFilter::new()).await.map(drop),
        "GetInstance" => instance.status().await.map(drop),
        "StreamInstanceHistory" => instance.history().await.map(drop),
        "QueryInstances" => client.query(Query::new()).all().await.map(drop),
        "SignalEntity" => client.entity(COUNTER.id("k")).signal(ADD, &1).await,
        "GetEntity" => client.entity(COUNTER.id("k")).status().await.map(drop),
        "QueryEntities" => client.entities(EntityQuery::new()).all().await.map(drop),
        "CleanEntityStorage" => client.clean_entities().await.map(drop),
        other => panic!("{other}"),
    };
    match result.unwrap_err() {
        ClientError::AlreadyExists { id } if id == "a" => "AlreadyExists",
        ClientError::NotFound { id } if id == "a" => "NotFound",
        ClientError::WrongStatus { id, .. } if id == "a" => "WrongStatus",
        ClientError::InvalidArgument { .. } => "InvalidArgument",
        ClientError::Unsupported { .. } => "Unsupported",
        ClientError::Unavailable { .. } => "Unavailable",
        ClientError::Rpc { code, .. } => code,
        other => panic!("{other}"),
    }
}

/// The method, the code that the host answers with, and the error.
type Row = (&'static str, Code, &'static str);

const ROWS: &[Row] = &[
    // 2.13 and later.
    ("StartInstance", Code::AlreadyExists, "AlreadyExists"),
    ("StartInstance", Code::Internal, "INTERNAL"),
    // 3.14 and later.
    ("StartInstance", Code::InvalidArgument, "InvalidArgument"),
    ("RaiseEvent", Code::InvalidArgument, "InvalidArgument"),
    ("RaiseEvent", Code::NotFound, "NotFound"),
    ("RaiseEvent", Code::FailedPrecondition, "WrongStatus"),
    (
        "TerminateInstance",
        Code::InvalidArgument,
        "InvalidArgument",
    ),
    ("TerminateInstance", Code::NotFound, "NotFound"),
    ("TerminateInstance", Code::FailedPrecondition, "WrongStatus"),
    ("RewindInstance", Code::NotFound, "NotFound"),
    ("RewindInstance", Code::FailedPrecondition, "WrongStatus"),
    ("RewindInstance", Code::Unimplemented, "Unsupported"),
    ("RestartInstance", Code::NotFound, "NotFound"),
    ("RestartInstance", Code::FailedPrecondition, "WrongStatus"),
    ("PurgeInstances", Code::InvalidArgument, "InvalidArgument"),
    ("PurgeInstances", Code::FailedPrecondition, "WrongStatus"),
    ("PurgeInstances", Code::Unimplemented, "Unsupported"),
    ("PurgeInstances", Code::Internal, "INTERNAL"),
    (
        "PurgeInstances by filter",
        Code::InvalidArgument,
        "InvalidArgument",
    ),
    (
        "PurgeInstances by filter",
        Code::Unimplemented,
        "Unsupported",
    ),
    ("PurgeInstances by filter", Code::Internal, "INTERNAL"),
    // 3.19.
    ("SuspendInstance", Code::InvalidArgument, "InvalidArgument"),
    ("SuspendInstance", Code::NotFound, "NotFound"),
    ("SuspendInstance", Code::FailedPrecondition, "WrongStatus"),
    ("ResumeInstance", Code::InvalidArgument, "InvalidArgument"),
    ("ResumeInstance", Code::NotFound, "NotFound"),
    ("ResumeInstance", Code::FailedPrecondition, "WrongStatus"),
    ("RestartInstance", Code::InvalidArgument, "InvalidArgument"),
    ("StreamInstanceHistory", Code::NotFound, "NotFound"),
    ("StreamInstanceHistory", Code::Cancelled, "CANCELLED"),
    ("StreamInstanceHistory", Code::Internal, "INTERNAL"),
    ("StreamInstanceHistory", Code::Unimplemented, "Unsupported"),
    // 2.13 does not have the method; backends without entities.
    ("RestartInstance", Code::Unimplemented, "Unsupported"),
    ("SignalEntity", Code::Unimplemented, "Unsupported"),
    ("GetEntity", Code::Unimplemented, "Unsupported"),
    ("QueryEntities", Code::Unimplemented, "Unsupported"),
    ("CleanEntityStorage", Code::Unimplemented, "Unsupported"),
    // All versions, where the host tells nothing and there is no instance to look at.
    ("PurgeInstances by filter", Code::Unknown, "UNKNOWN"),
    ("GetInstance", Code::Unknown, "UNKNOWN"),
    ("QueryInstances", Code::Unknown, "UNKNOWN"),
    ("SignalEntity", Code::Unknown, "UNKNOWN"),
    ("GetEntity", Code::Unknown, "UNKNOWN"),
    ("QueryEntities", Code::Unknown, "UNKNOWN"),
    ("CleanEntityStorage", Code::Unknown, "UNKNOWN"),
    // A call that the host gave up, and a host that is too busy or that stops.
    ("RaiseEvent", Code::Cancelled, "CANCELLED"),
    ("StartInstance", Code::Unavailable, "Unavailable"),
    ("RaiseEvent", Code::Unavailable, "Unavailable"),
    ("RaiseEvent", Code::ResourceExhausted, "Unavailable"),
    ("GetInstance", Code::Unavailable, "Unavailable"),
    ("QueryInstances", Code::Unavailable, "Unavailable"),
    ("SignalEntity", Code::Unavailable, "Unavailable"),
];

#[tokio::test]
async fn every_code_of_every_method_has_one_error() {
    let host = Scripted::listen().await;
    let client = host.client();
    for (method, code, expected) in ROWS {
        host.clear();
        let name = method.strip_suffix(" by filter").unwrap_or(method);
        host.answer(name, Reply::refused(*code));
        assert_eq!(
            outcome(&client, method).await,
            *expected,
            "{method}: {code:?}"
        );
        // Only UNKNOWN costs a second call.
        assert_eq!(host.methods(), [name], "{method}: {code:?}");
    }
}

/// 2.13 answers UNKNOWN for everything; 3.14 does for suspend and resume.
#[tokio::test]
async fn unknown_is_resolved_by_looking_the_instance_up() {
    use OrchestrationStatus::{
        Canceled, Completed, ContinuedAsNew, Failed, Pending, Running, Suspended, Terminated,
    };
    let open = [Pending, Running, ContinuedAsNew];
    let ended = [Completed, Failed, Terminated, Canceled];
    let all = [&open[..], &ended, &[Suspended]].concat();
    let host = Scripted::listen().await;
    let client = host.client();
    for (method, allowed) in [
        ("RaiseEvent", [&open[..], &[Suspended]].concat()),
        ("TerminateInstance", [&open[..], &[Suspended]].concat()),
        ("SuspendInstance", open.to_vec()),
        ("ResumeInstance", vec![Suspended]),
        ("RewindInstance", vec![Failed]),
        ("RestartInstance", ended.to_vec()),
        ("PurgeInstances", ended.to_vec()),
    ] {
        for status in &all {
            host.clear();
            host.answer(method, Reply::refused(Code::Unknown));
            host.holds(Some(*status));
            // In a status that allows it, the host had another reason.
            let expected = match allowed.contains(status) {
                true => "UNKNOWN",
                false => "WrongStatus",
            };
            assert_eq!(
                outcome(&client, method).await,
                expected,
                "{method}: {status:?}"
            );
            assert_eq!(host.methods(), [method, "GetInstance"]);
        }
        host.clear();
        host.answer(method, Reply::refused(Code::Unknown));
        host.holds(None);
        assert_eq!(outcome(&client, method).await, "NotFound", "{method}");
        // The look-up fails as well.
        host.clear();
        host.answer(method, Reply::refused(Code::Unknown));
        host.answer("GetInstance", Reply::refused(Code::Unknown));
        assert_eq!(outcome(&client, method).await, "UNKNOWN", "{method}");
    }
}

#[tokio::test]
async fn a_status_that_was_looked_up_is_in_the_error() {
    let host = Scripted::listen().await;
    host.answer("SuspendInstance", Reply::refused(Code::Unknown));
    host.holds(Some(OrchestrationStatus::Completed));
    let instance = host.client().instance(COUNT, "a");
    let error = instance.suspend("why").await.unwrap_err();
    let ClientError::WrongStatus { status, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(status.unwrap().as_str(), "Completed");
    assert_eq!(
        error.to_string(),
        "the instance 'a' is Completed, which does not allow to suspend it"
    );
}

/// An id that no instance can have, a name that a host cannot handle: nothing is sent.
#[tokio::test]
async fn what_no_host_can_handle_is_not_sent() {
    let host = Scripted::listen().await;
    let client = host.client();
    for id in ["", "@counter@k", "a/b"] {
        let instance = client.instance(COUNT, id);
        for result in [
            instance.raise(GO, &1).await,
            instance.terminate("").await,
            instance.suspend("").await,
            instance.resume("").await,
            instance.rewind("").await,
            instance.restart().await,
            instance.restart_as_new().await.map(drop),
            instance.purge().await,
            instance.status().await.map(drop),
            instance.history().await.map(drop),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, ClientError::InvalidId { .. }), "{error}");
        }
    }
    let instance = client.instance(COUNT, "a");
    let counter = client.entity(COUNTER.id("k"));
    for (result, noun) in [
        (instance.raise_by_name("", &1).await, "name of an event"),
        (
            instance.raise_by_name("\u{ffff}", &1).await,
            "name of an event",
        ),
        (
            client.start_by_name(" ", &1).await.map(drop),
            "name of an orchestrator",
        ),
        (
            client
                .start(COUNT, &1)
                .with_version("\u{fffe}")
                .await
                .map(drop),
            "version of an orchestrator",
        ),
        (
            client.start(COUNT, &1).with_tag("", "v").await.map(drop),
            "name of a tag",
        ),
        (
            client
                .start(COUNT, &1)
                .with_tag("k", "\u{ffff}")
                .await
                .map(drop),
            "value of a tag",
        ),
        (counter.signal_by_name("", &1).await, "name of an operation"),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, ClientError::InvalidName { .. }), "{error}");
        assert!(error.to_string().contains(noun), "{error}");
    }
    let error = client
        .entity(COUNTER.id("a/b"))
        .signal(ADD, &1)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::InvalidEntityId(_)), "{error}");
    assert_eq!(host.methods(), [""; 0]);
}
