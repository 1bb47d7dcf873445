//! The connection to the host breaks while a job is started. The function is called as the host calls it, with the
//! address of a proxy in place of the task hub's.

use axum::{body::Body, http::Request};
use function_app::{app, settings::Settings};
use http_body_util::BodyExt;
use reqwest::Method;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::support::{
    app_folder::AppFolder,
    breaking_proxy::breaks_at_request,
    fake_table::{FakeTable, Step},
    host::Host,
};

/// Posts a submission to the function itself, with this value of the `durableClient` binding.
async fn submit(binding: &Value, key: (&str, &str)) -> Value {
    let settings = Settings::read(|name| {
        (name == "AuditStorage").then(|| "UseDevelopmentStorage=true".to_owned())
    });
    let router = app(settings.unwrap()).unwrap().into_router();
    let request = json!({
        "Url": "http://localhost:7071/api/submit",
        "Method": "POST",
        "Query": {},
        "Headers": {
            "Host": ["localhost:7071"],
            "Content-Type": ["application/json"],
            key.0: [key.1],
        },
        "Params": {},
        "Identities": [],
        "Body": r#"{"start":"2021-01-01","end":"2021-01-31"}"#,
    });
    let starter = serde_json::to_string(&binding.to_string()).unwrap();
    let envelope = json!({ "Data": { "req": request, "starter": starter }, "Metadata": {} });
    let request = Request::post("/submit")
        .header("Content-Type", "application/json")
        .header(
            "X-Azure-Functions-InvocationId",
            "11111111-1111-4111-8111-000000000001",
        )
        .body(Body::from(envelope.to_string()))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["Outputs"]["res"].clone()
}

/// The value of the `durableClient` binding of a host, and the address of the task hub in it.
async fn binding(host: &Host) -> (Value, String) {
    let url = host.client().url("/api/client-binding");
    let answer = host
        .client()
        .request_unsearched(Method::GET, &url, None, "")
        .await;
    let binding = answer.json();
    let address = binding["rpcBaseUrl"].as_str().unwrap();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let address = address.to_owned();
    (binding, address)
}

#[tokio::test]
async fn row_10_a_start_of_which_nobody_knows_is_a_503_that_asks_for_the_same_key_again() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = AppFolder::misbehaving(&table.connection_string())
        .start()
        .await;
    let (binding, hub) = binding(&host).await;
    for key in [("Idempotency-Key", "a-key"), ("Operation-Id", "an-id")] {
        let mut broken = binding.clone();
        let proxy = breaks_at_request(2, &hub).await;
        broken["rpcBaseUrl"] = json!(format!("http://{proxy}"));
        let answer = submit(&broken, key).await;
        assert_eq!(answer["statusCode"], 503, "{answer}");
        let text = "It is not known whether the job was started. Send the request again with the same key: the job \
                    is started once.";
        assert_eq!(answer["body"], json!({ "error": text }).to_string());
        assert_eq!(answer["headers"]["x-ms-error-code"], "StartUnknown");
        assert_eq!(answer["headers"]["retry-after"], "5");

        let answer = submit(&binding, key).await;
        assert_eq!(answer["statusCode"], 202, "{answer}");
        let again = submit(&binding, key).await;
        assert_eq!(again["statusCode"], 202, "{again}");
        assert_eq!(again["body"], answer["body"]);
    }
}
