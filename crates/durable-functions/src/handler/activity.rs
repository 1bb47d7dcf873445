//! The `activityTrigger`.

use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};

use tracing::Instrument;

use super::trigger;
use crate::activity::ActivityFunction;
use crate::time_limit::TimeLimit;
use crate::{ActivityContext, Failure, codec, error_type};

pub(super) struct Handler(pub(super) ActivityFunction);

impl Function for Handler {
    fn trigger_type(&self) -> Option<&'static str> {
        Some("activityTrigger")
    }

    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = self.0.clone();
        Box::pin(async move {
            let context = ActivityContext {
                function_name: invocation.function_name().to_owned(),
                invocation_id: invocation.id().to_owned(),
                instance_id: invocation
                    .metadata("instanceId")
                    .and_then(|id| id.text().ok().flatten())
                    .map(|id| id.into_owned()),
                invocation: Some(invocation.clone()),
                time_limit: TimeLimit::of(&invocation),
            };
            // At level ERROR, so that every filter of the log lets it through.
            let span = tracing::error_span!("activity", instance = context.instance_id);
            // The value is the JSON text of the input, as the orchestrator wrote it.
            let outcome = match trigger::value(&invocation).map(|value| value.text()) {
                Some(Ok(input)) => {
                    let call = function.call(context, input.as_deref());
                    call.instrument(span).await
                }
                Some(Err(error)) => Err(refused(format!("cannot be read: {error}"))),
                None => Err(refused("is missing".to_owned())),
            };
            Ok(Answer::new().return_value(outcome.map_err(reported)?)?)
        })
    }

    /// The orchestrator gets a failure with a type of its own, which can be retried.
    ///
    /// A host that stops together with the handler (a container that ends) does not report the failure:
    /// it delivers the activity again, and the orchestrator does not notice.
    fn interrupted(&self, _: &Invocation, why: Interruption) -> Result<Answer, FunctionError> {
        let name = self.0.name();
        let failure = match why {
            Interruption::Timeout {
                after,
                function_timeout,
                ..
            } => Failure::new(
                error_type::ACTIVITY_TIMEOUT,
                format!(
                    "activity '{name}' did not end within {after:?}; the host's functionTimeout is \
                     {function_timeout:?}"
                ),
            ),
            why => Failure::new(
                error_type::HANDLER_STOPPING,
                format!("activity '{name}' did not end: {why}"),
            ),
        };
        Err(reported(failure))
    }
}

fn refused(problem: String) -> Failure {
    codec::invalid_input(format!("the trigger value {problem}"))
}

/// Fails the invocation, so that the host knows of the failure. The details reach the orchestrator in the
/// report.
fn reported(failure: Failure) -> FunctionError {
    let report = ActivityFunction::report(&failure);
    FunctionError::from(failure).with_report(report)
}
