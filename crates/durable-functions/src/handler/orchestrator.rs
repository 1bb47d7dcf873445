//! The `orchestrationTrigger`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};

use super::turns;
use crate::{OrchestratorFunction, engine};

pub(super) struct Handler(pub(super) OrchestratorFunction);

impl Function for Handler {
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = self.0.clone();
        Box::pin(async move {
            let answer = turns::run(function, invocation).await;
            Ok(Answer::new().return_value(answer)?)
        })
    }

    /// A turn that was not finished is asked for again, whatever the reason: failing it would end
    /// the instance, and a turn that never ends is delivered again by a real host, too.
    fn interrupted(
        &self,
        invocation: &Invocation,
        _: Interruption,
    ) -> Result<Answer, FunctionError> {
        let id = engine::instance_id_of(&request(invocation)).unwrap_or_default();
        tracing::warn!(
            orchestrator = self.0.name(),
            instance = id,
            "the host is asked to deliver the turn again"
        );
        Ok(Answer::new().return_value(STANDARD.encode(engine::redeliver(&id)))?)
    }
}

/// The base64 text of the trigger, which is the first value of `Data`. What cannot be read becomes
/// an empty text, for which there is an answer as well.
pub(super) fn request(invocation: &Invocation) -> Cow<'_, str> {
    let Some((_, value)) = invocation.data_iter().next() else {
        tracing::error!("the invocation has no trigger value");
        return Cow::Borrowed("");
    };
    match value.text() {
        Ok(Some(text)) => text,
        Ok(None) => Cow::Borrowed(""),
        Err(error) => {
            tracing::error!("the trigger value cannot be read: {error}");
            Cow::Borrowed("")
        }
    }
}
