//! The client in functions, and its errors as their responses.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Request;
use durable_functions::{ClientError, ClientRejection, DurableClient};
use durable_protocol::messages::OrchestrationState;
use functions_handler::{Answer, App, FunctionError, Invocation};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::task_hub::TaskHub;

type Extracted = Result<DurableClient, ClientRejection>;

/// What the function answers: the name of the instance `abc`, or why it has no client.
async fn name_of_abc(client: Extracted) -> String {
    match client {
        Ok(client) => client.status("abc").await.unwrap().unwrap().name,
        Err(ClientRejection::Client(ClientError::InvalidBinding { reason })) => {
            format!("invalid: {reason}")
        }
        Err(rejection) => rejection.to_string(),
    }
}

/// Invokes `app` with these values beside the request; gives the HTTP response in the answer.
async fn invoke(app: App, data: Value) -> Value {
    let mut body = json!({
        "Data": { "req": {
            "Url": "http://localhost:7071/api/name",
            "Method": "GET",
            "Query": {},
            "Headers": { "Host": ["localhost:7071"] },
            "Params": {},
            "Identities": [],
        }},
        "Metadata": {},
    });
    for (name, value) in data.as_object().unwrap() {
        body["Data"][name] = value.clone();
    }
    let request = Request::post("/name")
        .header("x-azure-functions-invocationid", "4711")
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app.into_router().oneshot(request).await.unwrap();
    let answer = axum::body::to_bytes(response.into_body(), usize::MAX);
    let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    answer["Outputs"]["res"].clone()
}

/// The value of a binding as the host sends it: the JSON text of a text.
fn sent(binding: &str) -> Value {
    json!(json!(binding).to_string())
}

#[tokio::test]
async fn a_function_gets_the_client_of_its_binding_whatever_the_binding_is_called() {
    let hub = TaskHub::listen();
    hub.put(OrchestrationState {
        instance_id: "abc".to_owned(),
        name: "count".to_owned(),
        ..Default::default()
    });
    for name in ["starter", "client"] {
        let data = json!({ "blob": sent("no JSON"), name: sent(&hub.binding()) });
        let answer = invoke(App::new().http("name", name_of_abc), data).await;
        assert_eq!(answer["body"], "count", "{answer}");
    }
}

#[tokio::test]
async fn a_function_without_a_usable_binding_gets_an_error_that_names_what_is_missing() {
    for (data, part) in [
        (
            json!({}),
            "function 'name' has no durableClient binding: add {\"type\": \"durableClient\"",
        ),
        (
            json!({ "starter": sent(r#"{"rpcBaseUrl":""}"#) }),
            "invalid: it has no rpcBaseUrl",
        ),
    ] {
        let answer = invoke(App::new().http("name", name_of_abc), data).await;
        let text = answer["body"].as_str().unwrap();
        assert!(text.starts_with(part), "{text}");
    }
}

#[tokio::test]
async fn the_caller_of_a_function_without_a_client_gets_no_reason() {
    let app = App::new().http("name", async |_: DurableClient| "never");
    let answer = invoke(app, json!({})).await;
    assert_eq!(answer["statusCode"], 500, "{answer}");
    assert_eq!(answer["body"], "", "{answer}");
}

#[tokio::test]
async fn a_request_that_is_no_invocation_has_no_client() {
    let (mut parts, ()) = Request::new(()).into_parts();
    let rejection = DurableClient::from_request_parts(&mut parts, &()).await;
    assert!(matches!(rejection, Err(ClientRejection::NotAnInvocation)));
}

#[tokio::test]
async fn a_function_with_another_trigger_gets_its_client_from_the_invocation() {
    let hub = TaskHub::listen();
    hub.put(OrchestrationState {
        instance_id: "abc".to_owned(),
        name: "count".to_owned(),
        ..Default::default()
    });
    async fn name(invocation: Invocation) -> Result<Answer, FunctionError> {
        let client = DurableClient::from_invocation(&invocation)?;
        let status = client.status("abc").await?;
        Ok(Answer::new().output("res", status.map(|status| status.name))?)
    }
    let data = json!({ "client": sent(&hub.binding()) });
    let answer = invoke(App::new().function("name", name), data).await;
    assert_eq!(answer, "count");

    // A queue message comes first, with a text of its sender's choice.
    let message = sent(r#"{"rpcBaseUrl":"http://127.0.0.1:1"}"#);
    let body = json!({
        "Data": { "a": message, "client": sent(&hub.binding()) },
        "Metadata": {},
    });
    let app = App::new().function("name", name).into_router();
    let request = Request::post("/name").body(Body::from(body.to_string()));
    let response = app.oneshot(request.unwrap()).await.unwrap();
    let answer = axum::body::to_bytes(response.into_body(), usize::MAX);
    let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    assert_eq!(answer["Outputs"]["res"], "count");
}

#[tokio::test]
async fn an_error_of_the_client_is_a_status_without_a_body() {
    for (error, status) in [
        (ClientError::NotFound { id: "a".into() }, 404),
        (ClientError::AlreadyExists { id: "a".into() }, 409),
        (ClientError::InvalidBinding { reason: "secret" }, 500),
    ] {
        let fail = async move || Err::<(), _>(error.clone());
        let answer = invoke(App::new().http("name", fail), json!({})).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        assert_eq!(answer["body"], "", "{answer}");
    }
    // An id that no instance can have is the mistake of whoever sent it.
    let hub = TaskHub::listen();
    let status = async |client: DurableClient| client.status("a/b").await.map(|_| ());
    let data = json!({ "client": sent(&hub.binding()) });
    let answer = invoke(App::new().http("name", status), data).await;
    assert_eq!(answer["statusCode"], 400, "{answer}");
}
