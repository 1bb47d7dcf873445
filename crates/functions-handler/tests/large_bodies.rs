//! What a client's JSON body may cost. The host copies its properties to `Metadata`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use std::fmt::Write as _;

use functions_handler::{Answer, App, Invocation};
use serde_json::{Value, json};
use support::{Reply, invoke};

/// The envelope of a client's JSON body with so many properties.
fn envelope(properties: usize) -> String {
    let (mut body, mut metadata) = (String::from("{"), String::from("{"));
    for i in 0..properties {
        let comma = if i == 0 { "" } else { "," };
        write!(body, r#"{comma}\"k{i}\":1"#).unwrap();
        write!(metadata, r#"{comma}"k{i}":"\"1\"""#).unwrap();
    }
    format!(
        r#"{{"Data":{{"req":{{"Url":"http://h/","Method":"POST","Headers":{{}},"Body":"{body}}}"}}}},"Metadata":{metadata}}}}}"#
    )
}

#[test]
fn a_json_body_costs_no_allocation_for_each_of_its_properties() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let router = App::new()
        .http("f", async |body: String| body.len().to_string())
        .into_router();
    let envelope = envelope(100_000);
    let length = envelope.len() as u64;
    let counted = allocation_counter::measure(|| {
        let reply: Reply = runtime.block_on(invoke(&router, "f", envelope));
        assert!(
            reply.res()["body"]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
                > 1_000_000
        );
    });
    assert!(counted.count_total < 5_000, "{counted:?}");
    // The envelope and the body in it, once each.
    assert!(counted.bytes_max < 2 * length, "{counted:?} for {length}");
}

#[tokio::test]
async fn metadata_is_read_as_any_json_object() {
    async fn look(invocation: Invocation) -> Result<Answer, functions_handler::FunctionError> {
        let read = |name| {
            invocation
                .metadata(name)
                .map(|value| value.raw().to_owned())
        };
        let names = ["a", "b", "é\"", "none"];
        Ok(Answer::new().return_value(names.map(read))?)
    }
    let router = App::new().function("f", look).into_router();
    for (metadata, expected) in [
        (
            // The last of equal names counts, and escapes are the same name.
            r#","Metadata": { "a" : 1, "b":{"a":2}, "\u00e9\"":[3], "a":"4" }"#,
            json!(["\"4\"", "{\"a\":2}", "[3]", null]),
        ),
        (r#","Metadata":{}"#, json!([null, null, null, null])),
        (r#","Metadata":null"#, json!([null, null, null, null])),
        ("", json!([null, null, null, null])),
    ] {
        let reply = invoke(&router, "f", format!(r#"{{"Data":{{}}{metadata}}}"#)).await;
        assert_eq!(reply.body["ReturnValue"], expected, "{metadata}");
    }
    let reply = invoke(&router, "f", r#"{"Data":{},"Metadata":[1]}"#).await;
    assert_eq!(reply.status, 400);
    let error: &Value = &reply.body["error"];
    assert!(error.as_str().unwrap().contains("JSON object"), "{error}");
}
