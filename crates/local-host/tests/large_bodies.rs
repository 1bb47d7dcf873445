//! What a client's JSON body with very many properties costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fmt::Write as _;

use local_host::http::metadata::binding_data;
use local_host::http::request::ClientRequest;

#[test]
fn each_property_of_a_json_body_is_held_once() {
    let mut body = String::from("{");
    for i in 0..100_000 {
        let comma = if i == 0 { "" } else { "," };
        write!(body, "{comma}\"k{i}\":1").unwrap();
    }
    body.push('}');
    let length = body.len() as u64;
    let request = ClientRequest {
        method: "POST".to_owned(),
        host: "h".to_owned(),
        path: "/api/f".to_owned(),
        query: None,
        headers: Vec::new(),
        body: Some(body.into()),
    };
    let counted = allocation_counter::measure(|| {
        let data = binding_data(&request, &Default::default(), "req");
        let metadata = data.into_metadata_text();
        assert!(metadata.starts_with(r#"{"k0":"\"1\"","k1":"\"1\"","#));
    });
    assert!(counted.bytes_max < 12 * length, "{counted:?} for {length}");
}
