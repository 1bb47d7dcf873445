//! What HTTP functions answer with the client: its errors, and the responses with management URLs.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use durable_functions::{
    ClientError, ClientRejection, DurableClient, Event, Orchestrator, RuntimeStatus,
};
use durable_protocol::messages::{
    CreateInstanceResponse, GetInstanceResponse, OrchestrationState, OrchestrationStatus,
};
use functions_handler::{Answer, App, FunctionError, Invocation, OriginalUrl};
use serde_json::{Value, json};
use tonic::Code;
use tower::ServiceExt;

use super::scripted::{Reply, Scripted};

const COUNT: Orchestrator<u32, u64> = Orchestrator::new("count");
const GO: Event<u32> = Event::new("go");

/// Invokes the function `f` of `app` with these values; the envelope that it answers with.
async fn invoke(app: App, data: Value) -> Value {
    let body = json!({ "Data": data, "Metadata": {} });
    let request = Request::post("/f")
        .header("x-azure-functions-invocationid", "4711")
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app.into_router().oneshot(request).await.unwrap();
    let answer = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

/// The values of an HTTP function with a binding.
fn http(host: &Scripted) -> Value {
    json!({
        "req": {
            "Url": "https://app.example:8443/api/f?x=1",
            "Method": "POST",
            "Query": {},
            "Headers": { "Host": ["app.example:8443"] },
            "Params": {},
            "Identities": [],
        },
        "starter": json!(host.binding()).to_string(),
    })
}

#[tokio::test]
async fn an_error_is_a_response_with_its_code_and_without_its_text() {
    for (answered, found, code) in [
        (Code::NotFound, None, 404),
        (Code::FailedPrecondition, None, 409),
        (Code::InvalidArgument, None, 400),
        (Code::Unimplemented, None, 501),
        (Code::Unavailable, None, 503),
        (Code::Internal, None, 500),
        (Code::Unknown, Some(None), 404),
        (Code::Unknown, Some(Some(OrchestrationStatus::Failed)), 409),
        (Code::Unknown, Some(Some(OrchestrationStatus::Running)), 500),
    ] {
        let host = Scripted::listen().await;
        host.answer("RaiseEvent", Reply::refused(answered));
        if let Some(found) = found {
            host.holds(found);
        }
        let app = App::new().http("f", async |client: DurableClient| {
            client.instance(COUNT, "a").raise(GO, &1).await?;
            Ok::<_, ClientError>("raised")
        });
        let answer = invoke(app, http(&host)).await;
        let response = &answer["Outputs"]["res"];
        assert_eq!(response["statusCode"], code, "{answered:?}: {answer}");
        assert_eq!(response["body"], "", "{answer}");
        assert!(!answer.to_string().contains("internal text"), "{answer}");
    }
}

#[tokio::test]
async fn each_error_has_its_code() {
    let host = Scripted::listen().await;
    host.answer("StartInstance", Reply::refused(Code::AlreadyExists));
    host.answer(
        "WaitForInstanceCompletion",
        Reply::refused(Code::DeadlineExceeded),
    );
    let client = host.client();
    let limit = Duration::from_secs(60);
    for (error, code) in [
        (
            client.start(COUNT, &1).with_id("a").await.unwrap_err(),
            StatusCode::CONFLICT,
        ),
        (
            client.status("a/b").await.unwrap_err(),
            StatusCode::BAD_REQUEST,
        ),
        (
            client.start_by_name("", &1).await.unwrap_err(),
            StatusCode::BAD_REQUEST,
        ),
        (
            client.instance(COUNT, "a").wait(limit).await.unwrap_err(),
            StatusCode::GATEWAY_TIMEOUT,
        ),
        (
            DurableClient::from_binding("{}").unwrap_err(),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
    ] {
        assert_eq!(error.status_code(), code, "{error}");
        assert_eq!(error.into_response().status(), code);
    }
}

/// A queue message, and no HTTP request.
#[tokio::test]
async fn a_function_of_any_trigger_gets_its_client_from_the_invocation() {
    async fn queued(invocation: Invocation) -> Result<Answer, FunctionError> {
        let client = DurableClient::from_invocation(&invocation)?;
        let count = invocation
            .data("message")
            .ok_or("no message")?
            .json::<u32>()?;
        let instance = client.start(COUNT, &count).with_id("a").await?;
        Ok(Answer::new().output("started", instance.id())?)
    }
    let host = Scripted::listen().await;
    host.answer(
        "StartInstance",
        Reply::ok(&CreateInstanceResponse::default()),
    );
    let data = json!({ "message": "7", "starter": json!(host.binding()).to_string() });
    let answer = invoke(App::new().function("f", queued), data).await;
    assert_eq!(answer["Outputs"]["started"], "a", "{answer}");

    async fn without(invocation: Invocation) -> Result<Answer, FunctionError> {
        let error = DurableClient::from_invocation(&invocation).unwrap_err();
        assert!(
            matches!(error, ClientRejection::NoBinding { .. }),
            "{error}"
        );
        Ok(Answer::new())
    }
    invoke(App::new().function("f", without), json!({ "message": "7" })).await;
}

#[tokio::test]
async fn the_check_status_response_is_the_one_of_durable_functions() {
    let host = Scripted::listen().await;
    let app = App::new().http("f", async |client: DurableClient, url: OriginalUrl| {
        client.instance(COUNT, "a b").check_status_response(&url)
    });
    let answer = invoke(app, http(&host)).await;
    let response = &answer["Outputs"]["res"];
    assert_eq!(response["statusCode"], 202, "{answer}");
    let base = "https://app.example:8443/runtime/webhooks/durabletask/instances/a%20b";
    let query = "taskHub=MyHub&code=SYSTEM_KEY";
    assert_eq!(response["headers"]["location"], format!("{base}?{query}"));
    assert_eq!(response["headers"]["retry-after"], "10");
    let body: Value = match &response["body"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        body => body.clone(),
    };
    assert_eq!(
        body,
        json!({
            "id": "a b",
            "statusQueryGetUri": format!("{base}?{query}"),
            "sendEventPostUri": format!("{base}/raiseEvent/{{eventName}}?{query}"),
            "terminatePostUri": format!("{base}/terminate?reason={{text}}&{query}"),
            "purgeHistoryDeleteUri": format!("{base}?{query}"),
            "restartPostUri": format!("{base}/restart?{query}"),
            "suspendPostUri": format!("{base}/suspend?reason={{text}}&{query}"),
            "resumePostUri": format!("{base}/resume?reason={{text}}&{query}"),
            "rewindPostUri": format!("{base}/rewind?reason={{text}}&{query}"),
        })
    );
}

#[tokio::test]
async fn waiting_answers_with_the_output_the_status_or_the_urls() {
    let state = |status: OrchestrationStatus, output: &str| {
        Reply::ok(&GetInstanceResponse {
            exists: true,
            orchestration_state: Some(OrchestrationState {
                instance_id: "a".to_owned(),
                name: "count".to_owned(),
                orchestration_status: status as i32,
                output: Some(output.to_owned()),
                ..Default::default()
            }),
        })
    };
    let answers = [
        (state(OrchestrationStatus::Completed, "49"), 200),
        (
            state(OrchestrationStatus::Failed, "Lost: no such town"),
            200,
        ),
        (Reply::refused(Code::DeadlineExceeded), 202),
    ];
    for (reply, code) in answers {
        let host = Scripted::listen().await;
        host.answer("WaitForInstanceCompletion", reply);
        let app = App::new().http("f", async |client: DurableClient, url: OriginalUrl| {
            let instance = client.instance(COUNT, "a");
            instance
                .wait_or_check_status(&url, Duration::from_secs(60))
                .await
        });
        let answer = invoke(app, http(&host)).await;
        let response = &answer["Outputs"]["res"];
        assert_eq!(response["statusCode"], code, "{answer}");
        let body: Value = match &response["body"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            body => body.clone(),
        };
        match code {
            202 => assert_eq!(body["id"], "a"),
            _ if body.is_object() => {
                assert_eq!(body["runtimeStatus"], json!(RuntimeStatus::Failed));
                assert_eq!(body["output"], "Lost: no such town");
            }
            _ => assert_eq!(body, 49),
        }
    }
}

#[tokio::test]
async fn management_urls_are_shown_only_when_they_are_asked_for() {
    let host = Scripted::listen().await;
    let instance = host.client().instance(COUNT, "a");
    let urls = instance.management_urls(None).unwrap();
    assert_eq!(
        urls.status_query_get_uri,
        "http://localhost:7071/runtime/webhooks/durabletask/instances/a?taskHub=MyHub&code=SYSTEM_KEY"
    );
    assert_eq!(format!("{urls:?}"), r#"ManagementUrls { id: "a", .. }"#);
    for shown in [format!("{instance:?}"), format!("{:?}", host.client())] {
        assert!(!shown.contains("SYSTEM_KEY"), "{shown}");
    }
    let sidecar = DurableClient::connect("http://localhost:4001").unwrap();
    let error = sidecar
        .instance(COUNT, "a")
        .management_urls(None)
        .unwrap_err();
    assert!(
        matches!(error, ClientError::InvalidBinding { .. }),
        "{error}"
    );
}
