//! What a real host answered: the client sends the same requests, and makes of the replies what they say.

mod history;
mod instances;
mod lists;

use std::path::Path;

use super::scripted::{Reply, Scripted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::ClientError;
use prost::Message;
use serde_json::Value;
use tonic::Code;

/// A recorded case.
struct Case(Value);

impl Case {
    fn read(version: &str, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/client");
        let path = folder.join(version).join(format!("{name}.json"));
        let text = std::fs::read_to_string(path).unwrap();
        Case(serde_json::from_str(&text).unwrap())
    }

    fn call(&self, n: u64) -> &Value {
        let calls = self.0["calls"].as_array().unwrap();
        calls.iter().find(|call| call["n"] == n).unwrap()
    }

    fn request<M: Message + Default>(&self, n: u64) -> M {
        M::decode(bytes(&self.call(n)["request"]).as_slice()).unwrap()
    }

    /// Lets `host` answer as the real one did; the method.
    fn answer(&self, host: &Scripted, n: u64) -> String {
        let call = self.call(n);
        let method = call["method"].as_str().unwrap().to_owned();
        let messages = call["messages"].as_array().unwrap();
        let reply = Reply {
            code: code(call["status"].as_str().unwrap()),
            text: call["details"].as_str().unwrap().to_owned(),
            messages: messages.iter().map(bytes).collect(),
        };
        host.answer(&method, reply);
        method
    }
}

fn bytes(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

fn code(name: &str) -> Code {
    match name {
        "OK" => Code::Ok,
        "UNKNOWN" => Code::Unknown,
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        "DEADLINE_EXCEEDED" => Code::DeadlineExceeded,
        "NOT_FOUND" => Code::NotFound,
        "ALREADY_EXISTS" => Code::AlreadyExists,
        "FAILED_PRECONDITION" => Code::FailedPrecondition,
        "UNIMPLEMENTED" => Code::Unimplemented,
        other => panic!("{other}"),
    }
}

fn short(result: Result<(), ClientError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(ClientError::NotFound { .. }) => "NotFound",
        Err(ClientError::WrongStatus { .. }) => "WrongStatus",
        Err(ClientError::AlreadyExists { .. }) => "AlreadyExists",
        Err(other) => panic!("{other}"),
    }
}

/// Asserts that the client has sent what the recorded client sent.
fn same<M: Message + Default + PartialEq + std::fmt::Debug>(host: &Scripted, case: &Case, n: u64) {
    let method = case.call(n)["method"].as_str().unwrap();
    assert_eq!(
        host.requests::<M>(method),
        [case.request::<M>(n)],
        "call {n}"
    );
}
