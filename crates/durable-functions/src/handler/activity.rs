//! The `activityTrigger`.

use functions_handler::{Answer, BoxFuture, Function, FunctionError, Invocation};

use crate::activity::envelope;
use crate::{ActivityContext, ActivityFunction, Failure};

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
}

fn refused(problem: String) -> String {
    let failure = Failure::new("InvalidInput", format!("the trigger value {problem}"));
    tracing::error!("{failure}");
    envelope::encode_failure(&failure.non_retriable())
}
