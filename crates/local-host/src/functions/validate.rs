//! The checks of a `function.json`, with the host's texts.

use super::binding::{Binding, Direction};
use super::known_types;
use crate::json::{Json, JsonObject};
use functions_handler::is_function_name;
use std::path::Path;

const AUTH_LEVELS: &[&str] = &["anonymous", "user", "function", "system", "admin"];

/// Checks a function and returns its bindings.
pub(super) fn function(
    name: &str,
    json: &Json,
    folder: &Path,
    has_bundle: bool,
) -> Result<Vec<Binding>, String> {
    if !is_function_name(name) {
        return Err(format!("'{name}' is not a valid function name."));
    }
    let Some(json) = json.as_object() else {
        return Err("function.json: expected a JSON object.".to_owned());
    };
    let entries = json
        .get_ignoring_case("bindings")
        .and_then(Json::as_array)
        .unwrap_or_default();
    if entries.is_empty() {
        return Err("At least one binding must be declared.".to_owned());
    }
    if let Some(file) = json.get_ignoring_case("scriptFile").and_then(Json::as_text)
        && !file.is_empty()
        && !folder.join(file).exists()
    {
        return Err(
            "Invalid script file name configuration. The 'scriptFile' property is set to a file that does not exist."
                .to_owned(),
        );
    }
    let bindings = entries
        .iter()
        .map(|entry| {
            let entry = entry.as_object();
            binding(entry.ok_or_else(|| "bindings: expected objects.".to_owned())?)
        })
        .collect::<Result<Vec<_>, _>>()?;
    check_together(&bindings, has_bundle)?;
    Ok(bindings)
}

fn binding(entry: &JsonObject) -> Result<Binding, String> {
    let text = |name| entry.get_ignoring_case(name).and_then(Json::as_text);
    let name = text("name").unwrap_or_default();
    let direction = match text("direction") {
        None => Direction::In,
        Some(word) if word.eq_ignore_ascii_case("in") => Direction::In,
        Some(word) if word.eq_ignore_ascii_case("out") => Direction::Out,
        Some(word) if word.eq_ignore_ascii_case("inout") => Direction::InOut,
        Some(word) => return Err(format!("'{word}' is not a valid binding direction.")),
    };
    let kind = text("type").unwrap_or_default();
    Ok(Binding::new(name, kind, direction, entry.clone()))
}

fn check_together(bindings: &[Binding], has_bundle: bool) -> Result<(), String> {
    for binding in bindings {
        if !is_binding_name(&binding.name) {
            return Err(format!(
                "The binding name {} is invalid. Please assign a valid name to the binding.",
                binding.name
            ));
        }
        if binding.kind.is_empty() {
            return Err(format!(
                "Binding '{}' is invalid. Bindings must specify a Type.",
                binding.name
            ));
        }
        if binding.name == "$return" && binding.direction != Direction::Out {
            return Err("$return bindings must specify a direction of 'out'.".to_owned());
        }
    }
    for (index, binding) in bindings.iter().enumerate() {
        let same = |other: &Binding| other.name.eq_ignore_ascii_case(&binding.name);
        if bindings.iter().skip(index + 1).any(same) {
            return Err(format!(
                "Multiple bindings with name '{}' discovered. Binding names must be unique.",
                bindings
                    .iter()
                    .skip(index + 1)
                    .find(|b| same(b))
                    .map_or("", |b| &b.name)
            ));
        }
    }
    let triggers = bindings
        .iter()
        .filter(|binding| binding.is_trigger())
        .count();
    if triggers > 1 {
        return Err(
            "Multiple trigger bindings defined. A function can only have a single trigger binding."
                .to_owned(),
        );
    }
    if triggers == 0 {
        return Err(
            "No trigger binding specified. A function must have a trigger input binding."
                .to_owned(),
        );
    }
    check_types(bindings, has_bundle)
}

fn check_types(bindings: &[Binding], has_bundle: bool) -> Result<(), String> {
    let unknown: Vec<&str> = bindings
        .iter()
        .map(|binding| binding.kind.as_str())
        .filter(|kind| !known_types::is_known(kind))
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(if has_bundle {
            format!(
                "The binding type(s) '{unknown}' were not found in the configured extension bundle. \
                 Please ensure the type is correct and the correct version of extension bundle is configured"
            )
        } else {
            format!(
                "The binding type(s) '{unknown}' are not registered. \
                 Please ensure the type is correct and the binding extension is installed."
            )
        });
    }
    for binding in bindings {
        if binding.is_type("http") && binding.direction != Direction::Out {
            return Err("Http binding can only be used for output.".to_owned());
        }
        let bad_level = |level: &str| !AUTH_LEVELS.contains(&level.to_lowercase().as_str());
        if binding.is_type("httpTrigger") && binding.text("authLevel").is_some_and(bad_level) {
            return Err(
                "Error parsing function.json: Invalid value specified for binding property 'authLevel' \
                 of enum type AuthorizationLevel."
                    .to_owned(),
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
