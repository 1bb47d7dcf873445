//! U+FFFE and U+FFFF: a storage queue refuses a message that holds one, and then the whole task hub
//! nearly stops. There is one test for each place in which our code gives a text to the host. In JSON
//! the characters become escapes; names and ids that hold them are refused; in the texts of failures
//! they are replaced.

use std::time::Duration;

use crate::support::{Host, actions, failure, orchestrator, this};
use durable_functions::worker::{ActivityFunction, OrchestratorFunction, run_batch};
use durable_functions::{
    Activity, ActivityContext, Entity, EntityContext, EntityFunction, Event, Failure, HttpRequest,
    Operation, OrchestrationContext, Orchestrator, Result, RetryPolicy,
};
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OperationRequest, ResultType,
};
use prost::Message;

const RAW: &str = "x\u{fffe}y\u{ffff}z";
/// The same as it may stand in a JSON text.
const ESCAPED: &str = r#""x\ufffey\uffffz""#;
/// The same in a text for people.
const REPLACED: &str = "x\u{fffd}y\u{fffd}z";

const ECHO: Activity<&str, String> = Activity::new("echo");
const GIVE: Activity<(), String> = Activity::new("give");
const CHILD: Orchestrator<&str, String> = Orchestrator::new("child");
const GO: Event<&str> = Event::new("go");
const COUNTER: Entity<String> = Entity::new("counter");
const SET: Operation<String, String> = Operation::new("set");
const TELL: Operation<(), ()> = Operation::new("tell");
const FAIL: Operation<(), ()> = Operation::new("fail");

/// Fails if the host would be given one of the characters.
fn assert_harmless(message: &impl Message) {
    let text = String::from_utf8_lossy(&message.encode_to_vec()).into_owned();
    assert!(!text.contains(['\u{fffe}', '\u{ffff}']), "{text:?}");
}

/// The actions of the first turn.
fn first_turn(function: OrchestratorFunction) -> Vec<String> {
    let answer = Host::new(function, None).turn();
    assert_harmless(&answer);
    actions(&answer)
}

/// How an orchestrator ends in its first turn, having sent nothing: type and message.
fn refused(function: OrchestratorFunction) -> (String, String) {
    let answer = Host::new(function, None).turn();
    assert_harmless(&answer);
    assert_eq!(answer.actions.len(), 1, "{answer:?}");
    let failure = failure(&answer);
    assert!(failure.is_non_retriable);
    (failure.error_type, failure.error_message)
}

#[test]
fn activity_input_is_escaped() {
    let function =
        orchestrator(async |ctx: OrchestrationContext, (): ()| Ok(ctx.call(ECHO, RAW).await?));
    assert_eq!(first_turn(function), [format!("#0 echo({ESCAPED})")]);
}

#[test]
fn activity_input_is_escaped_in_every_attempt() {
    let retried = ECHO.with_retry(RetryPolicy::new(2, Duration::from_secs(2)));
    let mut host = Host::new(
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            Ok(ctx.call(retried, RAW).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "E", "1").turn();
    let again = host.fired(1).turn();
    assert_eq!(actions(&again), [format!("#2 echo({ESCAPED})")]);
}

#[test]
fn activity_name_is_refused() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call(Activity::<(), ()>::new(RAW), ()).await?)
    });
    let (error_type, message) = refused(function);
    assert_eq!(error_type, "InvalidName");
    assert!(
        message.contains(&format!("activity '{REPLACED}'")),
        "{message}"
    );
    assert!(message.contains("U+FFFE or U+FFFF"), "{message}");
}

/// The host parses the answer and stores what it finds: of a JSON text inside a string, the escape.
#[tokio::test]
async fn activity_result_is_escaped_on_the_level_that_survives_the_host() {
    let function =
        ActivityFunction::new(GIVE, async |_: ActivityContext, (): ()| Ok(RAW.to_owned()));
    let context = ActivityContext::new("echo", "1");
    let text = function.call(context, None).await.unwrap();
    let answer = serde_json::json!({ "ReturnValue": text }).to_string();
    let parsed: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        parsed["ReturnValue"],
        format!(r#"{{"activityResult":{ESCAPED}}}"#)
    );

    let mut host = Host::new(
        orchestrator(
            async |ctx: OrchestrationContext, (): ()| Ok(ctx.call(ECHO, "").await? == RAW),
        ),
        None,
    );
    host.turn();
    let stored = serde_json::to_string(&text).unwrap();
    assert_eq!(
        actions(&host.completed(0, &stored).turn()),
        ["#1 Completed(true)"]
    );
}

#[test]
fn activity_failure_text_is_replaced_and_the_orchestrator_gets_it_whole() {
    let text = ActivityFunction::report(&Failure::new(RAW, RAW).with_cause(Failure::new("C", RAW)));
    assert!(
        text.starts_with(&format!("{REPLACED}: {REPLACED} <")),
        "{text}"
    );
    assert!(!text.contains(['\u{fffe}', '\u{ffff}']), "{text:?}");

    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let failure = ctx.call(ECHO, "").await.unwrap_err().into_failure();
            let cause = failure.cause().unwrap().message();
            Ok((
                failure.error_type() == RAW,
                failure.message() == RAW,
                cause == RAW,
            ))
        }),
        None,
    );
    host.turn();
    let end = host
        .failed(0, "System.InvalidOperationException", &text)
        .turn();
    assert_eq!(actions(&end), ["#1 Completed([true,true,true])"]);
}

#[test]
fn child_input_is_escaped() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call_orchestrator(CHILD, RAW).with_id("c").await?)
    });
    assert_eq!(
        first_turn(function),
        [format!("#0 child c child({ESCAPED})")]
    );
}

#[test]
fn child_instance_id_is_refused() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.call_orchestrator(CHILD, "").with_id(RAW).await?)
    });
    let (error_type, message) = refused(function);
    assert_eq!(error_type, "InvalidInstanceId");
    assert!(message.contains("U+FFFE or U+FFFF"), "{message}");
}

#[test]
fn child_name_and_version_are_refused() {
    for child in [
        Orchestrator::<&str, String>::new(RAW),
        CHILD.with_version(RAW),
    ] {
        let function = orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            Ok(ctx.call_orchestrator(child, "").await?)
        });
        assert_eq!(refused(function).0, "InvalidName");
    }
}

#[test]
fn output_of_a_child_is_escaped() {
    let function = orchestrator(async |_: OrchestrationContext, (): ()| Ok(RAW));
    assert_eq!(first_turn(function), [format!("#0 Completed({ESCAPED})")]);
}

#[test]
fn failure_message_of_a_child_is_replaced_with_type_and_causes() {
    let function = orchestrator(async |_: OrchestrationContext, (): ()| -> Result<()> {
        Err(Failure::new(RAW, RAW).with_cause(Failure::new("C", RAW)))?
    });
    let answer = Host::new(function, None).turn();
    assert_harmless(&answer);
    let failure = failure(&answer);
    assert_eq!(failure.error_type, REPLACED);
    assert_eq!(failure.error_message, REPLACED);
    assert_eq!(failure.inner_failure.unwrap().error_message, REPLACED);
}

#[test]
fn event_data_is_escaped() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.send_event("other", GO, RAW)?)
    });
    assert_eq!(
        first_turn(function)[0],
        format!("#0 go to other: {ESCAPED}")
    );
}

#[test]
fn event_name_and_target_are_refused() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.send_event("other", Event::<&str>::new(RAW), "")?)
    });
    assert_eq!(refused(function).0, "InvalidEventName");
    let function =
        orchestrator(async |ctx: OrchestrationContext, (): ()| Ok(ctx.send_event(RAW, GO, "")?));
    assert_eq!(refused(function).0, "InvalidInstanceId");
}

/// The input is JSON inside the JSON of the message, so its escape is escaped.
#[test]
fn input_of_an_entity_operation_is_escaped() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.signal_entity(COUNTER.id("a"), SET, RAW.to_owned())?;
        Ok(ctx
            .call_entity(COUNTER.id("b"), SET, RAW.to_owned())
            .await?)
    });
    let sent = first_turn(function);
    assert_eq!(sent.len(), 2);
    for message in sent {
        assert!(message.contains(r"x\\ufffey\\uffffz"), "{message}");
    }
}

#[test]
fn names_of_operations_and_ids_of_entities_are_refused() {
    let operation = Operation::<(), ()>::new(RAW);
    let signal = orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        Ok(ctx.signal_entity(COUNTER.id("a"), operation, ())?)
    });
    let call = orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        Ok(ctx.call_entity(COUNTER.id("a"), operation, ()).await?)
    });
    assert_eq!(refused(signal).0, "InvalidName");
    assert_eq!(refused(call).0, "InvalidName");
    let lock = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let _lock = ctx.lock([COUNTER.id(RAW)]).await?;
        Ok(())
    });
    assert_eq!(refused(lock).0, "InvalidEntityId");
}

#[test]
fn input_of_continue_as_new_is_escaped_and_its_version_refused() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u8> {
        ctx.continue_as_new(this(), RAW).await
    });
    assert_eq!(
        first_turn(function),
        [format!("#0 ContinuedAsNew({ESCAPED})")]
    );
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u8> {
        ctx.continue_as_new(this(), "").with_version(RAW).await
    });
    assert_eq!(refused(function).0, "InvalidName");
}

#[test]
fn custom_status_is_escaped() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.set_custom_status(RAW);
        Ok(())
    });
    let answer = Host::new(function, None).turn();
    assert_eq!(answer.custom_status.as_deref(), Some(ESCAPED));
}

#[test]
fn durable_http_request_is_escaped() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let request = HttpRequest::post(format!("https://example.com/{RAW}"))
            .body(RAW)
            .managed_identity(RAW);
        ctx.call_http(request).await?;
        Ok(())
    });
    let [sent] = first_turn(function).try_into().unwrap();
    assert!(sent.contains(&format!(r#""content":{ESCAPED}"#)), "{sent}");
    assert!(sent.contains(&format!(r#""resource":{ESCAPED}"#)), "{sent}");
}

/// The operations of one batch, on the state that is the same text.
async fn batch(function: EntityFunction<String>, operations: &[&str]) -> EntityBatchResult {
    let operations = operations.iter().map(|operation| OperationRequest {
        operation: (*operation).to_owned(),
        request_id: "r".to_owned(),
        input: Some(ESCAPED.to_owned()),
        ..Default::default()
    });
    let request = EntityBatchRequest {
        instance_id: "@counter@a".to_owned(),
        operations: operations.collect(),
        ..Default::default()
    };
    let result = run_batch(&function, request).await;
    assert_harmless(&result);
    result
}

#[tokio::test]
async fn state_results_and_failures_of_an_entity_hold_no_such_character() {
    let function = EntityFunction::new(COUNTER)
        .on(SET, async |_, state: &mut String, text: String| {
            state.clone_from(&text);
            Ok(text)
        })
        .on(FAIL, async |_, _: &mut String, ()| {
            Err(Failure::new(RAW, RAW).into())
        });
    let result = batch(function, &["set", "fail"]).await;
    assert_eq!(result.entity_state.as_deref(), Some(ESCAPED));
    let kinds: Vec<_> = result
        .results
        .into_iter()
        .map(|it| it.result_type)
        .collect();
    let [
        Some(ResultType::Success(set)),
        Some(ResultType::Failure(fail)),
    ] = kinds.as_slice()
    else {
        panic!("{kinds:?}");
    };
    assert_eq!(set.result.as_deref(), Some(ESCAPED));
    assert_eq!(
        fail.failure_details.as_ref().unwrap().error_message,
        REPLACED
    );
}

#[tokio::test]
async fn what_an_entity_sends_is_escaped_and_its_names_and_ids_are_refused() {
    let function =
        EntityFunction::new(COUNTER).on(TELL, async |ctx: EntityContext, _: &mut String, ()| {
            ctx.signal(COUNTER.id("b"), SET, RAW.to_owned())?;
            ctx.start(CHILD, RAW)?;
            for refused in [
                ctx.signal(COUNTER.id("b"), Operation::<(), ()>::new(RAW), ()),
                ctx.signal(COUNTER.id(RAW), SET, String::new()),
                ctx.start_with_id(CHILD, RAW, ""),
                ctx.start_with_id(CHILD.with_version(RAW), "c", ""),
                ctx.start_with_id(Orchestrator::<&str, String>::new(RAW), "c", ""),
            ] {
                refused.unwrap_err();
            }
            Ok(())
        });
    let result = batch(function, &["tell"]).await;
    let sent = format!("{:?}", result.actions);
    assert_eq!(result.actions.len(), 2, "{sent}");
    assert_eq!(sent.matches(r"x\\ufffey\\uffffz").count(), 2, "{sent}");
}
