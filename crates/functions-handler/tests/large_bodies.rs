//! What a client's JSON body may cost. The host copies its properties to `Metadata`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[allow(dead_code)] // Made for the other tests, most of which need no allocator of their own.
#[path = "it/support.rs"]
mod support;

use std::fmt::Write as _;

use functions_handler::App;
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
    // One copy of the envelope. The body is taken out of it when the received one is freed already.
    assert!(
        counted.bytes_max < length * 5 / 4,
        "{counted:?} for {length}"
    );
}
