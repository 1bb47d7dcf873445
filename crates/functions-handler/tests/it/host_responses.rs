//! Captured answers of a real host: which values of `res` reach the client unchanged, and that the
//! crate sends no other.

use crate::support::{Reply, get, invoke, trouble};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use functions_handler::App;
use proptest::prelude::*;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/responses.json")).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

#[test]
fn what_the_rules_call_safe_reached_the_client_of_a_real_host_unchanged() {
    let mut safe = 0;
    for case in cases() {
        let (name, res, response) = (&case["name"], &case["res"], &case["response"]);
        if trouble(res).is_some() {
            continue;
        }
        safe += 1;
        assert!(response["error"].is_null(), "{name}");
        assert_eq!(response["status"], res["statusCode"], "{name}");
        let bodiless = case["method"] == "HEAD"
            || [204, 205, 304]
                .map(Value::from)
                .contains(&res["statusCode"]);
        if !bodiless {
            assert_eq!(response["body"], res["body"], "{name}");
        }
        for (header, value) in res["headers"].as_object().into_iter().flatten() {
            let mut sent = value.as_str().unwrap().to_owned();
            if header.eq_ignore_ascii_case("content-type") {
                // The host sends UTF-8 and says so, whatever the output says.
                let media_type = sent.split(';').next().filter(|m| !m.is_empty());
                sent = format!("{}; charset=utf-8", media_type.unwrap_or("text/plain"));
            }
            let got = response["headers"]
                .as_array()
                .unwrap()
                .iter()
                .find(|h| h[0].as_str().unwrap().eq_ignore_ascii_case(header));
            assert_eq!(got.unwrap()[1], sent, "{name}");
        }
    }
    assert!(safe > 25, "{safe}");
}

/// The response of an axum handler that means what `res` says; `None` if axum cannot say it.
fn response(res: &Value) -> Option<Response> {
    let mut response = Response::new(match &res["body"] {
        Value::String(text) => Body::from(text.clone()),
        Value::Null => Body::empty(),
        other => Body::from(other.to_string()),
    });
    *response.status_mut() = match &res["statusCode"] {
        Value::Null => StatusCode::OK,
        status => StatusCode::from_u16(status.as_u64()?.try_into().ok()?).ok()?,
    };
    for (name, value) in res["headers"].as_object().into_iter().flatten() {
        for value in value.as_array().unwrap_or(&vec![value.clone()]) {
            let value = HeaderValue::from_bytes(value.as_str()?.as_bytes()).ok()?;
            response
                .headers_mut()
                .append(name.parse::<HeaderName>().ok()?, value);
        }
    }
    Some(response)
}

async fn send(make: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Reply {
    let router = App::new().http("f", async move || make()).into_router();
    invoke(&router, "f", get()).await
}

#[tokio::test]
async fn whatever_a_captured_handler_answered_the_crate_sends_a_form_that_the_host_passes_on() {
    let (mut mended, mut unchanged) = (0, 0);
    for case in cases() {
        let res = case["res"].clone();
        let bad = trouble(&res);
        if response(&res).is_none() {
            assert!(bad.is_some(), "axum should be able to say {res}");
            continue;
        }
        let wanted = res.clone();
        let reply = send(move || response(&res).unwrap()).await;
        assert_eq!(
            trouble(reply.res()),
            None,
            "{}: {}",
            case["name"],
            reply.body
        );
        if bad.is_some() {
            mended += 1;
            continue;
        }
        unchanged += 1;
        assert_eq!(
            reply.res()["statusCode"],
            wanted["statusCode"],
            "{}",
            case["name"]
        );
        assert_eq!(reply.res()["body"], wanted["body"], "{}", case["name"]);
        for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
            assert_eq!(
                &reply.res()["headers"][name.to_lowercase()],
                value,
                "{}",
                case["name"]
            );
        }
    }
    assert!(
        mended > 15 && unchanged > 25,
        "{mended} mended, {unchanged} unchanged"
    );
}

fn header_names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z-]{0,12}",
        prop::sample::select(vec![
            "location",
            "set-cookie",
            "content-type",
            "content-length",
            "transfer-encoding",
            "connection",
            "date",
        ])
        .prop_map(str::to_owned),
    ]
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,7})?(Z|[+-][0-9]{2}:[0-9]{2})?"
            .prop_map(String::into_bytes),
        "/Date\\([0-9]{1,13}\\)/".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_response_makes_the_crate_send_what_the_host_would_change_or_refuse(
        status in 100_u16..1000,
        headers in prop::collection::vec((header_names(), texts()), 0..6),
        body in texts(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reply = runtime.block_on(send(move || {
            let mut response = Response::new(Body::from(body.clone()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in &headers {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    response.headers_mut().append(name.parse::<HeaderName>().unwrap(), value);
                }
            }
            response
        }));
        prop_assert_eq!(reply.status, StatusCode::OK);
        prop_assert_eq!(trouble(reply.res()), None);
    }
}
