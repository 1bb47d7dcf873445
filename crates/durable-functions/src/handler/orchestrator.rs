//! The `orchestrationTrigger`.

use std::borrow::Cow;

use functions_handler::{Answer, BoxFuture, Function, FunctionError, Invocation};

use super::turns;
use crate::OrchestratorFunction;

pub(super) struct Handler(pub(super) OrchestratorFunction);

impl Function for Handler {
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        let function = self.0.clone();
        Box::pin(async move {
            let answer = turns::run(function, invocation).await;
            Ok(Answer::new().return_value(answer)?)
        })
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
