//! The `entityTrigger`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult};
use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};
use prost::Message;

use super::trigger;
use crate::entity::{AnyEntity, on_thread};
use crate::time_limit::TimeLimit;

pub(super) struct Handler(pub(super) Arc<dyn AnyEntity>);

impl Function for Handler {
    fn trigger_type(&self) -> Option<&'static str> {
        Some("entityTrigger")
    }

    /// Only a batch that cannot be read fails the invocation: the host then keeps the entity's state and
    /// fails every caller. An answer would have to hold the state, which could not be read, and an answer
    /// without it deletes the entity.
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = Arc::clone(&self.0);
        Box::pin(async move {
            let request = request(&invocation)?;
            let answer = on_thread(function, request, TimeLimit::of(&invocation)).await?;
            let answer = STANDARD.encode(answer.encode_to_vec());
            Ok(Answer::new().return_value(answer)?)
        })
    }

    /// A batch that does not end in time fails, as with a real host: every caller gets a failure, and the
    /// state stays. To ask for it again would repeat it without end.
    ///
    /// A batch that a stop interrupts is to be delivered again as a whole. Version 3 of the extension
    /// drops a batch whose answer asks for the state, and delivers it again. Version 2 does not know
    /// that, but delivers operations without a result again. It takes the state from the answer, so the
    /// answer holds the state of the request.
    fn interrupted(
        &self,
        invocation: &Invocation,
        why: Interruption,
    ) -> Result<Answer, FunctionError> {
        if why != Interruption::Stopping {
            return Err(why.into());
        }
        let answer = EntityBatchResult {
            entity_state: request(invocation)?.entity_state,
            requires_state: true,
            ..Default::default()
        };
        Ok(Answer::new().return_value(STANDARD.encode(answer.encode_to_vec()))?)
    }
}

/// The batch, from the base64 text of the trigger.
fn request(invocation: &Invocation) -> Result<EntityBatchRequest, FunctionError> {
    let value = trigger::value(invocation).ok_or("the invocation has no trigger value")?;
    let text = value.text()?.ok_or("the trigger value is null")?;
    let bytes = STANDARD.decode(text.as_bytes())?;
    Ok(EntityBatchRequest::decode(bytes.as_slice())?)
}
