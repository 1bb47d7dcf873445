//! The checks of a `function.json`, with the host's texts.

use super::binding::{Binding, Direction};
use super::known_types;
use crate::json::{Json, JsonObject};
use functions_handler::is_function_name;
use std::path::Path;

const AUTH_LEVELS: &[&str] = &["anonymous", "user", "function", "system", "admin"];

/// For help.
const TRIGGERS: &str = "httpTrigger, timerTrigger, queueTrigger, orchestrationTrigger, activityTrigger and entityTrigger";

/// A function.json that makes a host skip its function.
pub(super) struct Invalid {
    /// The host's message.
    pub(super) error: String,
    /// `:line:column` in the file, where they are known.
    pub(super) place: String,
    /// What to write instead.
    pub(super) help: String,
}

impl Invalid {
    pub(super) fn new(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            place: String::new(),
            help: help.into(),
        }
    }
}

fn invalid<T>(error: impl Into<String>, help: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::new(error, help))
}

/// Checks a function and returns its bindings.
pub(super) fn function(
    name: &str,
    json: &Json,
    folder: &Path,
    has_bundle: bool,
) -> Result<Vec<Binding>, Invalid> {
    if !is_function_name(name) {
        return invalid(
            format!("'{name}' is not a valid function name."),
            "the folder's name must begin with a letter and hold up to 128 letters, digits, '-' and '_', and not be 'host'.",
        );
    }
    let Some(json) = json.as_object() else {
        return invalid(
            "function.json: expected a JSON object.",
            "write {\"bindings\": [ … ]}.",
        );
    };
    let entries = json
        .get_ignoring_case("bindings")
        .and_then(Json::as_array)
        .unwrap_or_default();
    if entries.is_empty() {
        return invalid(
            "At least one binding must be declared.",
            "'bindings' must be a list with a trigger.",
        );
    }
    if let Some(file) = json.get_ignoring_case("scriptFile").and_then(Json::as_text)
        && !file.is_empty()
        && !folder.join(file).exists()
    {
        return invalid(
            "Invalid script file name configuration. The 'scriptFile' property is set to a file that does not exist.",
            format!(
                "there is no file '{file}' in the folder. A custom handler needs no scriptFile: remove it."
            ),
        );
    }
    let bindings = entries
        .iter()
        .map(|entry| match entry.as_object() {
            Some(entry) => binding(entry),
            None => invalid(
                "bindings: expected objects.",
                "write {\"type\": …, \"direction\": …, \"name\": …}.",
            ),
        })
        .collect::<Result<Vec<_>, _>>()?;
    check_together(&bindings, has_bundle)?;
    Ok(bindings)
}

fn binding(entry: &JsonObject) -> Result<Binding, Invalid> {
    let text = |name| entry.get_ignoring_case(name).and_then(Json::as_text);
    let name = text("name").unwrap_or_default();
    let direction = match text("direction") {
        None => Direction::In,
        Some(word) if word.eq_ignore_ascii_case("in") => Direction::In,
        Some(word) if word.eq_ignore_ascii_case("out") => Direction::Out,
        Some(word) if word.eq_ignore_ascii_case("inout") => Direction::InOut,
        Some(word) => {
            return invalid(
                format!("'{word}' is not a valid binding direction."),
                format!("binding '{name}': the direction is in (the default), out or inout."),
            );
        }
    };
    let kind = text("type").unwrap_or_default();
    Ok(Binding::new(name, kind, direction, entry.clone()))
}

fn check_together(bindings: &[Binding], has_bundle: bool) -> Result<(), Invalid> {
    for binding in bindings {
        if !is_binding_name(&binding.name) {
            return invalid(
                format!(
                    "The binding name {} is invalid. Please assign a valid name to the binding.",
                    binding.name
                ),
                "'name' must begin with a letter and hold up to 128 letters and digits, or be $return.",
            );
        }
        if binding.kind.is_empty() {
            return invalid(
                format!(
                    "Binding '{}' is invalid. Bindings must specify a Type.",
                    binding.name
                ),
                format!("binding '{}': 'type' is missing.", binding.name),
            );
        }
        if binding.name == "$return" && binding.direction != Direction::Out {
            return invalid(
                "$return bindings must specify a direction of 'out'.",
                "write \"direction\": \"out\" in the binding.",
            );
        }
    }
    for (index, binding) in bindings.iter().enumerate() {
        let same = |other: &&Binding| other.name.eq_ignore_ascii_case(&binding.name);
        if let Some(other) = bindings.iter().skip(index + 1).find(same) {
            return invalid(
                format!(
                    "Multiple bindings with name '{}' discovered. Binding names must be unique.",
                    other.name
                ),
                "names that differ only in case count as equal.",
            );
        }
    }
    let triggers = bindings
        .iter()
        .filter(|binding| binding.is_trigger())
        .count();
    if triggers > 1 {
        return invalid(
            "Multiple trigger bindings defined. A function can only have a single trigger binding.",
            "a trigger is a binding whose type ends with Trigger; keep one.",
        );
    }
    if triggers == 0 {
        let unknown = unknown_types(bindings);
        let help = if unknown.is_empty() {
            format!("add a binding with one of the types {TRIGGERS}.")
        } else {
            format!(
                "no host knows the type '{}'. Triggers that local-host runs are {TRIGGERS}.",
                unknown.join("', '")
            )
        };
        return invalid(
            "No trigger binding specified. A function must have a trigger input binding.",
            help,
        );
    }
    check_types(bindings, has_bundle)
}

fn unknown_types(bindings: &[Binding]) -> Vec<&str> {
    bindings
        .iter()
        .map(|binding| binding.kind.as_str())
        .filter(|kind| !known_types::is_known(kind))
        .collect()
}

fn check_types(bindings: &[Binding], has_bundle: bool) -> Result<(), Invalid> {
    let unknown = unknown_types(bindings);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let error = if has_bundle {
            format!(
                "The binding type(s) '{unknown}' were not found in the configured extension bundle. \
                 Please ensure the type is correct and the correct version of extension bundle is configured"
            )
        } else {
            format!(
                "The binding type(s) '{unknown}' are not registered. \
                 Please ensure the type is correct and the binding extension is installed."
            )
        };
        return invalid(
            error,
            format!("check the spelling. Triggers that local-host runs are {TRIGGERS}."),
        );
    }
    for binding in bindings {
        if binding.is_type("http") && binding.direction != Direction::Out {
            return invalid(
                "Http binding can only be used for output.",
                format!(
                    "binding '{}': write \"direction\": \"out\". Without a direction it is in.",
                    binding.name
                ),
            );
        }
        if binding.is_type("httpTrigger")
            && let Some(level) = binding.text("authLevel")
            && !AUTH_LEVELS.contains(&level.to_lowercase().as_str())
        {
            return invalid(
                "Error parsing function.json: Invalid value specified for binding property 'authLevel' \
                 of enum type AuthorizationLevel.",
                format!(
                    "authLevel is '{level}', expected one of {}.",
                    AUTH_LEVELS.join(", ")
                ),
            );
        }
    }
    Ok(())
}

fn is_binding_name(name: &str) -> bool {
    name == "$return"
        || (name.len() <= 128
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric()))
}
