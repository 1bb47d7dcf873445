//! The floor: what any program must do with such a request, and nothing more.

use base64_simd::STANDARD;
use durable_protocol::messages::{
    CompleteOrchestrationAction, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    OrchestratorResponse,
};
use prost::Message;

/// Decodes the request, reads every event in place, decodes every result, answers.
pub(crate) fn answer(request: &str) -> String {
    let request = STANDARD.decode_to_vec(request).unwrap();
    let mut instance_id = String::new();
    let mut length = 0;
    let mut scheduled = 0;
    for (field, value) in Fields(&request) {
        match field {
            1 => instance_id = std::str::from_utf8(value).unwrap().to_owned(),
            3 | 4 => {
                for (kind, body) in Fields(value) {
                    match kind {
                        6 => {
                            scheduled += 1;
                            for (_, name) in Fields(body) {
                                std::hint::black_box(std::str::from_utf8(name).unwrap());
                            }
                        }
                        7 => length += result(body),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let completion = CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Completed.into(),
        result: Some(serde_json::to_string(&length).unwrap()),
        ..Default::default()
    };
    let response = OrchestratorResponse {
        instance_id,
        actions: vec![OrchestratorAction {
            id: scheduled,
            orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(
                Box::new(completion),
            )),
        }],
        ..Default::default()
    };
    STANDARD.encode_to_string(response.encode_to_vec())
}

/// Answers many requests and drops the answers.
pub(crate) fn answer_all(requests: &[String]) {
    for request in requests {
        std::hint::black_box(answer(request));
    }
}

/// The length of the text that a `TaskCompleted` holds, in the envelope of activities or plain.
fn result(body: &[u8]) -> usize {
    let mut length = 0;
    for (field, wrapped) in Fields(body) {
        if field == 2 {
            for (_, json) in Fields(wrapped) {
                let text: String = serde_json::from_slice(json).unwrap();
                length = match text.strip_prefix(r#"{"activityResult":"#) {
                    Some(rest) => {
                        let inner = rest.strip_suffix('}').unwrap();
                        serde_json::from_str::<String>(inner).unwrap().len()
                    }
                    None => text.len(),
                };
            }
        }
    }
    length
}

/// The fields of a message that the benchmark made itself; numbers are skipped.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let tag = self.varint();
            if tag & 7 == 0 {
                self.varint();
                continue;
            }
            let length = self.varint() as usize;
            let (value, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some((tag >> 3, value));
        }
        None
    }
}

impl Fields<'_> {
    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for (index, byte) in self.0.iter().enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return value;
            }
        }
        unreachable!("the benchmark made a truncated message")
    }
}
