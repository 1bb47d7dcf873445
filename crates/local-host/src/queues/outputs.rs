//! The queue outputs: values of functions become messages of the storage emulator.
//!
//! Invariant: the invocation ends after its messages are in their queues, and fails if one of them could not be put, as
//! on a real host.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client::QueueClient;
use crate::base64_rule;
use crate::functions::{Binding, Functions};
use crate::host_json::QueueOptions;
use crate::invoke::{InvocationAnswer, InvokeError};
use crate::json::{Json, parse_document};
use crate::log::Logger;
use crate::settings::Environment;

/// The queue outputs of an app that local-host serves.
#[derive(Clone, Debug, Default)]
pub struct QueueOutputs(Arc<[Output]>);

#[derive(Debug)]
struct Output {
    function: String,
    binding: Binding,
    queue: QueueClient,
    base64: bool,
}

impl QueueOutputs {
    /// The outputs of type `queue` whose connection is the storage emulator. The log says why the values of another
    /// one go nowhere.
    #[must_use]
    pub fn of(
        functions: &Functions,
        environment: &Environment,
        options: QueueOptions,
        log: &Logger,
    ) -> Self {
        let mut served = Vec::new();
        for function in &functions.usable {
            let outputs = function.outputs();
            for binding in outputs.filter(|output| output.is_type("queue")) {
                match super::queue(binding, environment) {
                    Ok(queue) => served.push(Output {
                        function: function.name.clone(),
                        binding: binding.clone(),
                        queue,
                        base64: options.base64,
                    }),
                    Err(problem) => log.warning(format!(
                        "{}: values of the output '{}' go nowhere: {problem}",
                        function.name, binding.name
                    )),
                }
            }
        }
        Self(served.into())
    }

    /// Puts the messages of an answer into their queues.
    pub(crate) async fn write(
        &self,
        function: &str,
        answer: &InvocationAnswer,
    ) -> Result<(), InvokeError> {
        let of_function = |output: &&Output| output.function == function;
        for output in self.0.iter().filter(of_function) {
            let name = &output.binding.name;
            let failed = |why: String| InvokeError::Output {
                name: name.clone(),
                why,
            };
            let Some(value) = value(answer, name) else {
                continue;
            };
            let items = items(value, output.binding.is_binary()).map_err(failed)?;
            for item in items {
                let text = if output.base64 {
                    STANDARD.encode(item)
                } else {
                    String::from_utf8_lossy(&item).into_owned()
                };
                let put = output.queue.put_or_create(&text).await;
                put.map_err(|error| failed(format!("queue '{}': {error}.", output.queue.name())))?;
            }
        }
        Ok(())
    }
}

/// The value of an output. Members of an object in `ReturnValue` come before those of `Outputs`; `$return` has the whole
/// of it.
fn value<'a>(answer: &'a InvocationAnswer, name: &str) -> Option<&'a Json> {
    let returned = answer.return_value.as_ref();
    let value = if name == "$return" {
        returned
    } else {
        let member = |object: &'a Json| object.as_object()?.get_ignoring_case(name);
        let outputs = answer.outputs.as_ref();
        returned
            .and_then(member)
            .or_else(|| outputs.and_then(|outputs| outputs.get_ignoring_case(name)))
    };
    value.filter(|value| **value != Json::Null)
}

/// The messages that a value becomes, by the rules of the host.
fn items(value: &Json, binary: bool) -> Result<Vec<Vec<u8>>, String> {
    let text = match value {
        Json::Array(items) => return Ok(items.iter().map(item).collect()),
        Json::String(text) => text.as_str(),
        other => return Ok(vec![item(other)]),
    };
    if !binary && let Some(bytes) = base64_rule::decode(text) {
        return Ok(vec![bytes]);
    }
    let trimmed = text.trim();
    let is_json = (trimmed.starts_with('{') && trimmed.ends_with('}'))
        || (trimmed.starts_with('[') && trimmed.ends_with(']'));
    if !is_json {
        return Ok(vec![text.as_bytes().to_vec()]);
    }
    match parse_document(text) {
        Ok(Json::Array(items)) => Ok(items.iter().map(item).collect()),
        Ok(object) => Ok(vec![item(&object)]),
        Err(error) => Err(format!(
            "a text that looks like JSON is not valid: {error}."
        )),
    }
}

fn item(value: &Json) -> Vec<u8> {
    match value {
        Json::Object(_) | Json::Array(_) => value.to_indented(),
        Json::Date(date) => date.raw().to_owned(),
        scalar => scalar.to_text(),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonObject;

    fn texts(value: &str, binary: bool) -> Result<Vec<String>, String> {
        let items = items(&parse_document(value).unwrap(), binary)?;
        Ok(items
            .into_iter()
            .map(|item| String::from_utf8_lossy(&item).into_owned())
            .collect())
    }

    #[test]
    fn a_value_becomes_the_messages_of_a_real_host() {
        for (value, expected) in [
            (r#""hello""#, &["hello"][..]),
            (r#""aGVsbG8=""#, &["hello"]),
            ("5", &["5"]),
            (r#"{"a":1}"#, &["{\n  \"a\": 1\n}"]),
            (r#""{\"a\":1}""#, &["{\n  \"a\": 1\n}"]),
            (r#"["aGVsbG8=",2]"#, &["aGVsbG8=", "2"]),
            (r#""[\"a\",{}]""#, &["a", "{}"]),
            ("[]", &[]),
        ] {
            assert_eq!(texts(value, false).unwrap(), expected, "{value}");
        }
        assert_eq!(texts(r#""aGVsbG8=""#, true).unwrap(), ["aGVsbG8="]);
        let error = texts(r#""{a b}""#, false).unwrap_err();
        assert!(error.contains("not valid"), "{error}");
    }

    #[test]
    fn an_output_is_found_where_a_real_host_looks_for_it() {
        let answer = |outputs: &str, returned: &str| InvocationAnswer {
            outputs: parse_document(outputs).unwrap().as_object().cloned(),
            return_value: Some(parse_document(returned).unwrap()),
        };
        let both = answer(r#"{"Q":1,"other":null}"#, r#"{"q":2}"#);
        assert_eq!(value(&both, "q"), Some(&Json::from(2)));
        assert_eq!(value(&both, "other"), None);
        let returned = Json::from(JsonObject::from_iter([("q", Json::from(2))]));
        assert_eq!(value(&both, "$return"), Some(&returned));
        let plain = answer(r#"{"Q":1,"$return":3}"#, "null");
        assert_eq!(value(&plain, "q"), Some(&Json::from(1)));
        assert_eq!(value(&plain, "$return"), None);
    }
}
