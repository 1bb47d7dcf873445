//! The `orchestrationTrigger`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};

use super::{trigger, turns};
use crate::{OrchestratorFunction, engine};

pub(super) struct Handler(pub(super) OrchestratorFunction);

impl Function for Handler {
    fn trigger_type(&self) -> Option<&'static str> {
        Some("orchestrationTrigger")
    }

    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = self.0.clone();
        Box::pin(async move {
            let answer = turns::run(function, invocation).await;
            Ok(Answer::new().return_value(answer)?)
        })
    }

    /// A turn that was not finished is asked for again, whatever the reason. To fail it would end the
    /// instance. A real host delivers a turn that does not end in time again, too.
    fn interrupted(
        &self,
        invocation: &Invocation,
        _: Interruption,
    ) -> Result<Answer, FunctionError> {
        let id = engine::instance_id_of(&trigger::turn_text(invocation)).unwrap_or_default();
        tracing::warn!(
            orchestrator = self.0.name(),
            instance = id,
            "the host is asked to deliver the turn again"
        );
        Ok(Answer::new().return_value(STANDARD.encode(engine::redeliver(&id)))?)
    }
}
