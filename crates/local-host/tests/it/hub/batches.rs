//! The recorded batches of one entity.
//!
//! As with turns, the hub may divide operations into other batches than the real host did. A recorded batch
//! is reached once all its operations have arrived; until then the state is the one before it.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OperationRequest, OperationResult,
};
use local_host::invoke::{InvocationAnswer, InvokeError};
use local_host::json::Json;
use prost::Message;

use super::fixture::Answer;
use super::script::invocation;
use super::support::return_value;

#[derive(Default)]
pub(crate) struct Batches {
    waiting: VecDeque<(EntityBatchRequest, Answer)>,
    arrived: Vec<OperationRequest>,
    /// The state that the hub must send.
    state: Option<String>,
}

impl Batches {
    pub(crate) fn add(&mut self, request: &[u8], answer: Answer) {
        let request = EntityBatchRequest::decode(request).unwrap();
        self.waiting.push_back((request, answer));
    }

    pub(crate) fn all_ran(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The answer to a batch of the hub; an error is a difference to the recording.
    pub(crate) fn play(
        entities: &mut HashMap<String, Self>,
        bytes: &[u8],
    ) -> Result<Result<InvocationAnswer, InvokeError>, String> {
        let request = EntityBatchRequest::decode(bytes).unwrap();
        let id = &request.instance_id;
        let this = entities
            .get_mut(id)
            .ok_or_else(|| format!("an unexpected batch of '{id}'"))?;
        if request.entity_state != this.state || !request.properties.is_empty() {
            return Err(format!("'{id}': {request:?} after state {:?}", this.state));
        }
        let mut results = Vec::new();
        for operation in &request.operations {
            let (expected, answer) = this
                .waiting
                .iter()
                .find(|(expected, _)| expected.operations.contains(operation))
                .ok_or_else(|| format!("'{id}': unexpected {operation:?}"))?;
            let at = expected.operations.iter().position(|it| it == operation);
            results.push((operation.clone(), at.unwrap(), answer.clone()));
            this.arrived.push(operation.clone());
        }
        Ok(this.answer(&results))
    }

    fn answer(
        &mut self,
        results: &[(OperationRequest, usize, Answer)],
    ) -> Result<InvocationAnswer, InvokeError> {
        let mut merged = EntityBatchResult {
            entity_state: self.state.clone(),
            ..EntityBatchResult::default()
        };
        while let Some((request, answer)) = self.waiting.front() {
            let arrived = |it: &OperationRequest| self.arrived.contains(it);
            if !request.operations.iter().all(arrived) {
                break;
            }
            let recorded = decoded(answer);
            self.waiting.pop_front();
            let recorded = recorded?;
            merged.failure_details = recorded.failure_details;
            merged.actions.extend(recorded.actions);
            merged.entity_state = recorded.entity_state;
        }
        for (_, at, answer) in results {
            let recorded = decoded(answer)?.results.get(*at).cloned();
            merged.results.extend::<Option<OperationResult>>(recorded);
        }
        if merged.failure_details.is_none() {
            self.state.clone_from(&merged.entity_state);
        }
        Ok(return_value(STANDARD.encode(merged.encode_to_vec())))
    }
}

fn decoded(answer: &Answer) -> Result<EntityBatchResult, InvokeError> {
    let answer = invocation(answer)?;
    let text = answer.return_value.as_ref().and_then(Json::as_text);
    let bytes = STANDARD.decode(text.unwrap()).unwrap();
    Ok(EntityBatchResult::decode(&*bytes).unwrap())
}
