//! The value of an `orchestrationTrigger` and the answer to it: base64 around the messages.

use std::time::Instant;

use base64_simd::STANDARD;

use crate::engine::Arrived;
use crate::engine::{KeptInstances, OrchestratorFunction};
use crate::{Failure, engine, error_type};

/// Runs one turn as the host asks for it: the base64 text of an `OrchestratorRequest` in, the base64
/// text of an `OrchestratorResponse` out.
///
/// For a thread of its own. On a task of tokio, call it within `tokio::task::unconstrained`: otherwise a
/// task that has spent its budget finds `tokio::select!` and channels pending that are ready, and then
/// an orchestrator that uses them decides differently.
///
/// Every text gets an answer. A text that is not a request fails the instance. Without an answer the host
/// would fail it as well, but with an error that names no cause.
pub fn run_turn(orchestrator: &OrchestratorFunction, request: &str) -> String {
    let answer = STANDARD
        .decode_to_vec(request)
        .map_err(|error| format!("it is not base64: {error}"))
        .and_then(|request| {
            engine::execute(orchestrator, request).map_err(|error| error.to_string())
        });
    answer_text(orchestrator, answer)
}

/// Runs one turn of a request that is the message itself: an encoded `OrchestratorResponse` out.
#[cfg(feature = "worker")]
pub(crate) fn run_message(orchestrator: &OrchestratorFunction, request: &[u8]) -> Vec<u8> {
    let answer = engine::execute(orchestrator, request.to_vec());
    valid(orchestrator, answer.map_err(|error| error.to_string()))
}

impl KeptInstances {
    /// Runs one turn as [`run_turn`] does, with the same answers, but continues the instance from
    /// where its last turn ended if it was kept.
    pub fn run_turn(
        &mut self,
        orchestrator: &OrchestratorFunction,
        request: &str,
        now: Instant,
    ) -> String {
        let answer = self.turn(orchestrator, Arrived::Base64(request), now);
        answer_text(orchestrator, answer)
    }

    /// The same for a request that is the message itself: an encoded `OrchestratorResponse` out.
    #[cfg(feature = "worker")]
    pub(crate) fn run_message(
        &mut self,
        orchestrator: &OrchestratorFunction,
        request: &[u8],
        now: Instant,
    ) -> Vec<u8> {
        let answer = self.turn(orchestrator, Arrived::Message(request), now);
        valid(orchestrator, answer)
    }
}

fn answer_text(orchestrator: &OrchestratorFunction, answer: Result<Vec<u8>, String>) -> String {
    STANDARD.encode_to_string(valid(orchestrator, answer))
}

/// The answer; one that fails the instance when the request cannot be read.
fn valid(orchestrator: &OrchestratorFunction, answer: Result<Vec<u8>, String>) -> Vec<u8> {
    answer.unwrap_or_else(|reason| {
        let failure = Failure::new(
            error_type::INVALID_REQUEST,
            format!(
                "the host's request for orchestrator '{}' cannot be read: {reason}",
                orchestrator.name()
            ),
        );
        tracing::error!("{failure}");
        engine::failed("", &failure)
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use durable_protocol::messages::OrchestratorResponse;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::Orchestrator;

    fn function() -> OrchestratorFunction {
        OrchestratorFunction::new(Orchestrator::new("f"), async |_, (): ()| Ok(()))
    }

    proptest! {
        #[test]
        fn every_text_has_a_valid_answer(text in ".*") {
            let answer = STANDARD.decode(run_turn(&function(), &text)).unwrap();
            prop_assert_eq!(OrchestratorResponse::decode(answer.as_slice()).unwrap().actions.len(), 1);
        }

        #[test]
        fn every_sequence_of_bytes_has_a_valid_answer(bytes: Vec<u8>) {
            let answer = STANDARD.decode(run_turn(&function(), &STANDARD.encode(bytes))).unwrap();
            prop_assert_eq!(OrchestratorResponse::decode(answer.as_slice()).unwrap().actions.len(), 1);
        }
    }
}
