//! What an activity knows of its invocation.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use durable_functions::{Activity, ActivityContext, AppExt, ClientRejection};
use durable_protocol::messages::OrchestrationState;
use functions_handler::{App, CancellationToken};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use super::task_hub::TaskHub;

const WHO: Activity<(), [Option<String>; 3]> = Activity::new("who");

#[tokio::test]
async fn an_activity_knows_its_function_its_invocation_and_who_called() {
    let app = App::new().activity(WHO, async |context: ActivityContext, ()| {
        Ok([
            Some(context.function_name().to_owned()),
            Some(context.invocation_id().to_owned()),
            context.instance_id().map(str::to_owned),
        ])
    });
    let router = app.into_router();
    for (metadata, instance) in [
        (json!({ "instanceId": "\"abc\"" }), r#""abc""#),
        (json!({}), "null"),
    ] {
        let body = json!({ "Data": { "input": "null" }, "Metadata": metadata });
        let request = Request::post("/who")
            .header("x-azure-functions-invocationid", "4711")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let answer = axum::body::to_bytes(response.into_body(), usize::MAX);
        let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
        assert_eq!(
            answer["ReturnValue"],
            format!(r#"{{"activityResult":["who","4711",{instance}]}}"#)
        );
    }
}

/// The address of the binding counts, and not one in the input, which may come from anyone.
#[tokio::test]
async fn an_activity_has_the_client_of_its_binding_and_never_one_of_its_input() {
    const CALLER: Activity<Value, String> = Activity::new("caller");
    let hub = TaskHub::listen();
    hub.put(OrchestrationState {
        instance_id: "abc".to_owned(),
        name: "count".to_owned(),
        ..Default::default()
    });
    let app = App::new().activity(CALLER, async |context: ActivityContext, _| {
        let client = match context.durable_client() {
            Ok(client) => client,
            Err(rejection) => return Ok(rejection.to_string()),
        };
        let status = client.status(context.instance_id().unwrap()).await?;
        Ok(status.unwrap().name)
    });
    let router = app.into_router();
    let binding = json!(json!(hub.binding()).to_string());
    // A binding as the input: JSON text of an object, and of a string that holds one.
    let elsewhere = r#"{"rpcBaseUrl":"http://127.0.0.1:1"}"#;
    for input in [json!(elsewhere), json!(json!(elsewhere).to_string())] {
        // The host sends the trigger first.
        let bound = format!(r#"{{"a":{input},"client":{binding}}}"#);
        let unbound = format!(r#"{{"a":{input}}}"#);
        for (data, expected) in [(bound, "count"), (unbound, "has no durableClient binding")] {
            let body = format!(r#"{{"Data":{data},"Metadata":{{"instanceId":"\"abc\""}}}}"#);
            let request = Request::post("/caller").body(Body::from(body)).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let answer = axum::body::to_bytes(response.into_body(), usize::MAX);
            let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
            let text = answer["ReturnValue"].to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}

/// For users who test their activities without a host.
#[tokio::test(start_paused = true)]
async fn a_context_of_a_test_has_the_deadline_and_the_token_that_it_is_given() {
    let context = ActivityContext::new("who", "4711");
    assert_eq!(context.function_name(), "who");
    assert_eq!(context.invocation_id(), "4711");
    assert_eq!(context.instance_id(), None);
    assert_eq!(context.deadline(), None);
    assert_eq!(context.remaining(), None);
    assert!(!context.cancellation().is_cancelled());
    let rejection = context.durable_client().unwrap_err();
    assert!(matches!(rejection, ClientRejection::NotAnInvocation));

    let token = CancellationToken::new();
    let deadline = Instant::now() + Duration::from_secs(9);
    let context = context
        .with_deadline(deadline)
        .with_cancellation(token.clone());
    assert_eq!(context.deadline(), Some(deadline));
    assert_eq!(context.remaining(), Some(Duration::from_secs(9)));
    token.cancel();
    assert!(context.cancellation().is_cancelled());
}
