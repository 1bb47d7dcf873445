//! The `activityTrigger`.

use functions_handler::{Answer, BoxFuture, Function, FunctionError, Interruption, Invocation};

use crate::activity::envelope;
use crate::patience::Patience;
use crate::{ActivityContext, ActivityFunction, Failure};

/// The failure type of an activity that overran.
const ACTIVITY_TIMEOUT: &str = "ActivityTimeout";

pub(super) struct Handler(pub(super) ActivityFunction);

impl Function for Handler {
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
                patience: Patience::of(&invocation),
            };
            // The value is the JSON text of the input, as the orchestrator wrote it.
            let text = match invocation.data_iter().next().map(|(_, value)| value.text()) {
                Some(Ok(input)) => function.call(context, input.as_deref()).await,
                Some(Err(error)) => refused(format!("cannot be read: {error}")),
                None => refused("is missing".to_owned()),
            };
            Ok(Answer::new().return_value(text)?)
        })
    }

    /// After a time-out the orchestrator gets a failure that it can tell from others, and retry.
    ///
    /// At a stop the invocation fails. If the host is stopping too (a container that ends), that
    /// makes it give the activity up and deliver it again, and the orchestrator sees nothing; a
    /// failure inside a valid answer would be final. A host that lives on reports a failed attempt,
    /// which can be retried.
    fn interrupted(&self, _: &Invocation, why: Interruption) -> Result<Answer, FunctionError> {
        let Interruption::Timeout {
            after,
            function_timeout,
            ..
        } = why
        else {
            return Err(why.into());
        };
        let failure = Failure::new(
            ACTIVITY_TIMEOUT,
            format!(
                "activity '{}' did not end within {after:?}; the host's functionTimeout is \
                 {function_timeout:?}",
                self.0.name()
            ),
        );
        Ok(Answer::new().return_value(envelope::encode_failure(&failure))?)
    }
}

fn refused(problem: String) -> String {
    let failure = Failure::new("InvalidInput", format!("the trigger value {problem}"));
    tracing::error!("{failure}");
    envelope::encode_failure(&failure.non_retriable())
}
