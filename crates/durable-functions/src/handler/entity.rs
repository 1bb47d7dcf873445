//! The `entityTrigger`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions_handler::{Answer, BoxFuture, Function, FunctionError, Invocation};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tracing::Span;

use crate::EntityFunction;
use crate::proto::EntityBatchRequest;

pub(super) struct Handler<S>(pub(super) Arc<EntityFunction<S>>);

impl<S> Function for Handler<S>
where
    S: Default + Serialize + DeserializeOwned + 'static,
{
    /// A batch that cannot be read is the one thing that fails the invocation: the host then keeps
    /// the entity's state and fails every caller. An answer would have to hold that state, which
    /// nobody could read; without it, it would delete the entity.
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = Arc::clone(&self.0);
        Box::pin(async move {
            let request = request(&invocation)?;
            let (span, runtime) = (Span::current(), Handle::current());
            // Operations are not `Send`, which is what lets them borrow the state: one thread for
            // the whole batch. A host asks for few at a time (`maxConcurrentEntityFunctions`).
            let answer = tokio::task::spawn_blocking(move || {
                span.in_scope(|| runtime.block_on(function.run_batch(request)))
            })
            .await?;
            let answer = STANDARD.encode(answer.encode_to_vec());
            Ok(Answer::new().return_value(answer)?)
        })
    }
}

/// The batch, from the base64 text of the trigger, which is the first value of `Data`.
fn request(invocation: &Invocation) -> Result<EntityBatchRequest, FunctionError> {
    let (_, value) = invocation
        .data_iter()
        .next()
        .ok_or("the invocation has no trigger value")?;
    let text = value.text()?.ok_or("the trigger value is null")?;
    let bytes = STANDARD.decode(text.as_bytes())?;
    Ok(EntityBatchRequest::decode(bytes.as_slice())?)
}
