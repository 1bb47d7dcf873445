//! The value of a trigger: the first one in the `Data` of an invocation.

use std::borrow::Cow;

use functions_handler::{Invocation, Value};

/// The value, if the invocation has one.
pub(super) fn value(invocation: &Invocation) -> Option<Value<'_>> {
    invocation.data_iter().next().map(|(_, value)| value)
}

/// The text of an orchestration trigger. One that cannot be read becomes an empty text, for which
/// there is an answer as well: a failed invocation would fail the instance without a reason.
pub(super) fn turn_text(invocation: &Invocation) -> Cow<'_, str> {
    let Some(value) = value(invocation) else {
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
