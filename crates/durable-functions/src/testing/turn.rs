//! One turn, run twice.

use std::time::Instant;

use durable_protocol::messages::{
    OrchestratorEntityParameters, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;
use task_hub::work::Turn;

use super::error::TestErrorKind;
use super::report;
use crate::engine;
use crate::engine::Arrived;
use crate::engine::{KeptInstances, KeptLimits, OrchestratorFunction};

/// Keeps every instance. The comparison is done here, so the kept instances need not do it.
pub(super) fn kept() -> KeptInstances {
    KeptInstances::new(KeptLimits {
        instances: usize::MAX,
        bytes: usize::MAX,
        verify_every: 0,
        ..KeptLimits::default()
    })
}

/// Runs the turn on the kept instance and from its whole history.
pub(super) fn run(
    function: &OrchestratorFunction,
    kept: &mut KeptInstances,
    turn: &Turn,
) -> Result<OrchestratorResponse, TestErrorKind> {
    let request = turn.encoded(&tail());
    let first = kept
        .turn(function, Arrived::Message(&request), Instant::now())
        .map_err(TestErrorKind::Value)?;
    // The orchestrator has logged what it logs.
    let silent = tracing::subscriber::NoSubscriber::default();
    let second = tracing::subscriber::with_default(silent, || engine::execute(function, request))
        .map_err(|error| TestErrorKind::Value(error.to_string()))?;
    let (first, second) = (decode(&first)?, decode(&second)?);
    if first == second {
        return Ok(first);
    }
    Err(TestErrorKind::TurnsDiffer {
        instance: turn.instance.clone(),
        first: report::answer(&first),
        second: report::answer(&second),
    })
}

fn decode(answer: &[u8]) -> Result<OrchestratorResponse, TestErrorKind> {
    OrchestratorResponse::decode(answer).map_err(|error| TestErrorKind::Value(error.to_string()))
}

/// What a host sends behind the events: here, that entities can be used.
fn tail() -> Vec<u8> {
    OrchestratorRequest {
        entity_parameters: Some(OrchestratorEntityParameters {
            entity_message_reorder_window: Some(prost_types::Duration {
                seconds: 30 * 60,
                nanos: 0,
            }),
        }),
        ..OrchestratorRequest::default()
    }
    .encode_to_vec()
}
