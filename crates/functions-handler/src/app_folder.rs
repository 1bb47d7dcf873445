//! What the app's folder says about the functions, compared at the start with what is registered.
//!
//! Invariant: it finds mistakes and stops nothing. The host that runs this handler has started with
//! the folder, and the functions that are in order work.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jsonc_parser::ast::{Object, Value};

use crate::host_json::{Environment, HostJson, parse_json};

/// The type of the durable client, as [`std::any::type_name`] writes it among the types that an HTTP
/// function takes. This crate does not know the type itself. Rust does not promise such names. If one
/// changes, the mistake is not found here, and the invocation reports it.
const DURABLE_CLIENT: &str = "durable_functions::client::DurableClient";

/// What is registered under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http {
        takes_durable_client: bool,
    },
    /// As of [`Function::trigger_type`](crate::Function::trigger_type).
    Other {
        trigger_type: Option<&'static str>,
    },
}

impl Kind {
    /// An HTTP function with these types of arguments.
    pub(crate) fn http<T>() -> Self {
        Self::Http {
            takes_durable_client: std::any::type_name::<T>().contains(DURABLE_CLIENT),
        }
    }
}

/// The types of a function's bindings in lower case; `None` when its function.json cannot be read, which
/// the host reports itself.
type Bindings = Option<Vec<String>>;

/// A message for each mistake, in the order of the names.
pub(crate) fn mistakes(
    environment: &Environment,
    registered: &BTreeMap<String, Kind>,
) -> Vec<String> {
    let root = environment.app_folder();
    let folders = folders(root);
    // No app's folder at all: a handler that is started by hand, or by a test.
    if folders.is_empty() && !root.join("host.json").exists() {
        return Vec::new();
    }
    // A host.json that cannot be read is reported when `functionTimeout` is read from it.
    let host = environment.host_json().ok();
    let mut found = host.as_ref().map(custom_handler).unwrap_or_default();
    let loaded = host.and_then(|host| host.list("functions").ok());
    let is_loaded = |name: &str| {
        let loaded = loaded.as_deref().unwrap_or_default();
        loaded.is_empty() || loaded.iter().any(|other| other.eq_ignore_ascii_case(name))
    };
    for name in folders.keys().filter(|name| is_loaded(name)) {
        if !registered.contains_key(name) {
            found.push(not_registered(name, registered));
        }
    }
    for (name, kind) in registered {
        match folders.get(name) {
            None => found.push(format!(
                "the function `{name}` is registered, but there is no {}: the host does not know \
                 the function and never calls it",
                root.join(name).join("function.json").display()
            )),
            Some(Some(bindings)) => found.extend(missing_binding(name, *kind, bindings)),
            Some(None) => {}
        }
    }
    found
}

fn not_registered(folder: &str, registered: &BTreeMap<String, Kind>) -> String {
    let alike = registered
        .keys()
        .find(|name| name.eq_ignore_ascii_case(folder));
    let hint = match alike {
        Some(name) => format!("`{name}` is, but the names must be equal letter by letter"),
        None => "register it under the folder's name, or remove the folder".to_owned(),
    };
    format!(
        "the folder `{folder}` has a function.json, but no function `{folder}` is registered, so that \
         every call of it fails with 404: {hint}"
    )
}

fn missing_binding(name: &str, kind: Kind, bindings: &[String]) -> Option<String> {
    let has = |kind: &str| bindings.iter().any(|binding| binding == kind);
    let takes_durable_client = match kind {
        Kind::Http {
            takes_durable_client,
        } => takes_durable_client,
        Kind::Other { trigger_type } => {
            let wanted = trigger_type.filter(|wanted| !has(&wanted.to_lowercase()))?;
            return Some(format!(
                "the function `{name}` needs the trigger `{wanted}`, but its function.json has none: the host \
                 finds no function `{name}` of this kind. Write {{\"type\": \"{wanted}\", \"direction\": \
                 \"in\", \"name\": \"input\"}}"
            ));
        }
    };
    if !has("httptrigger") {
        Some(format!(
            "the function `{name}` is registered as an HTTP function, but its function.json has no \
             httpTrigger: its invocations fail"
        ))
    } else if takes_durable_client && !has("durableclient") && !has("orchestrationclient") {
        Some(format!(
            "the function `{name}` takes a DurableClient, but its function.json has no durableClient \
             binding: its invocations fail. Add {{\"type\": \"durableClient\", \"direction\": \"in\", \
             \"name\": \"starter\"}}"
        ))
    } else {
        None
    }
}

/// Keys of `customHandler` that no host knows. A host ignores them silently.
fn custom_handler(host: &HostJson) -> Vec<String> {
    const KEYS: [&str; 8] = [
        "description",
        "enableForwardingHttpRequest",
        "enableProxyingHttpRequest",
        "initializationTimeout",
        "type",
        // Overwritten by the host after reading, or known to newer hosts only.
        "arguments",
        "http",
        "port",
    ];
    const DESCRIPTION: [&str; 7] = [
        "arguments",
        "defaultExecutablePath",
        "defaultWorkerPath",
        "useStdErrorStreamForErrorsOnly",
        "workerArguments",
        "workerDirectory",
        "workingDirectory",
    ];
    let mut found = Vec::new();
    for (section, known) in [
        ("customHandler", &KEYS[..]),
        ("customHandler:description", &DESCRIPTION[..]),
    ] {
        for key in host.keys(section) {
            if !known.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                found.push(format!(
                    "host.json: {} has the unknown key `{key}`, which the host ignores; known are {}",
                    section.replace(':', "."),
                    known.join(", ")
                ));
            }
        }
    }
    found
}

/// The folders that the host takes for functions.
fn folders(root: &Path) -> BTreeMap<String, Bindings> {
    let entries = fs::read_dir(root).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let file = entry.path().join("function.json");
            let name = entry.file_name().into_string().ok()?;
            file.is_file().then(|| (name, bindings(&file)))
        })
        .collect()
}

fn bindings(file: &Path) -> Bindings {
    let text = fs::read_to_string(file).ok()?;
    let Some(Value::Object(function)) = parse_json(&text).ok()? else {
        return None;
    };
    let Some(Value::Array(bindings)) = member(&function, "bindings") else {
        return None;
    };
    let types = bindings.elements.iter().filter_map(|binding| {
        let text = member(binding.as_object()?, "type")?.as_string_lit()?;
        Some(text.value.to_lowercase())
    });
    Some(types.collect())
}

fn member<'a, 't>(object: &'a Object<'t>, name: &str) -> Option<&'a Value<'t>> {
    let mut members = object.properties.iter();
    let found = members.find(|member| member.name.as_str().eq_ignore_ascii_case(name))?;
    Some(&found.value)
}

#[cfg(test)]
mod tests;
