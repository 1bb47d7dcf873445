//! The `orchestrationTrigger`.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};

use tracing::Instrument;

use super::trigger::turn_text;
use crate::engine::OrchestratorFunction;
use crate::trigger::run_turn;
use crate::{engine, turns};

pub(super) struct Handler(pub(super) OrchestratorFunction);

impl Function for Handler {
    fn trigger_type(&self) -> Option<&'static str> {
        Some("orchestrationTrigger")
    }

    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = self.0.clone();
        Box::pin(async move {
            let answer = run(function, invocation).await;
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
        let id = engine::instance_id_of(&turn_text(invocation)).unwrap_or_default();
        tracing::warn!(
            orchestrator = self.0.name(),
            instance = id,
            "the host is asked to deliver the turn again"
        );
        Ok(Answer::new().return_value(STANDARD.encode(engine::redeliver(&id)))?)
    }
}

/// Runs the turn that an invocation asks for; the base64 text of the answer.
async fn run(function: OrchestratorFunction, invocation: Invocation) -> String {
    let key = engine::instance_id_of(&turn_text(&invocation));
    // At level ERROR, so that every filter of the log lets it through.
    let span = tracing::error_span!("turn", instance = key);
    let turn = {
        let (function, invocation) = (function.clone(), invocation.clone());
        turns::run(key.as_deref(), move |kept| {
            kept.run_turn(&function, &turn_text(&invocation), Instant::now())
        })
    };
    if let Some(answer) = turn.instrument(span.clone()).await {
        return answer;
    }
    // Without the thread nothing is kept, and a replay needs no particular thread.
    let replay = async {
        tracing::error!("the thread of this instance has ended; its turn is replayed");
        run_turn(&function, &turn_text(&invocation))
    };
    // A task that has used up tokio's budget finds tokio's futures pending although they are ready.
    tokio::task::unconstrained(replay.instrument(span)).await
}
