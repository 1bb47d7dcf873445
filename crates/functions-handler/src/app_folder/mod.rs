//! What the app's folder says about the functions, compared at the start with what is registered.
//!
//! Invariant: it finds mistakes and stops nothing. The host that runs this handler has started with
//! the folder, and the functions that are in order work.

mod command;
mod function_json;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(crate) use command::Command;

use crate::host_json::{Environment, HostJson};
use crate::routing::HttpTrigger;

/// The type of the durable client, as [`std::any::type_name`] writes it among the types that an HTTP
/// function takes. This crate does not know the type itself. Rust does not promise such names. If one
/// changes, the mistake is not found here, and the invocation reports it.
const DURABLE_CLIENT: &str = "durable_functions::client::DurableClient";

/// What is registered under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http {
        trigger: HttpTrigger,
        takes_durable_client: bool,
    },
    /// As of [`Function::trigger_type`](crate::Function::trigger_type).
    Other { trigger_type: Option<&'static str> },
}

impl Kind {
    /// An HTTP function with these types of arguments.
    pub(crate) fn http<T>(trigger: HttpTrigger) -> Self {
        Self::Http {
            trigger,
            takes_durable_client: std::any::type_name::<T>().contains(DURABLE_CLIENT),
        }
    }
}

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
    for name in folders.iter().filter(|name| is_loaded(name)) {
        if !registered.contains_key(name) {
            found.push(not_registered(name, registered));
        }
    }
    for (name, kind) in registered {
        let file = root.join(name).join("function.json");
        if !folders.contains(name) {
            found.push(missing(name, kind, &file));
            continue;
        }
        // The host reports a file that cannot be read.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if let Ok(mended) = function_json::mend(&text, kind) {
            let differences = mended.differences.into_iter();
            found.extend(differences.map(|difference| {
                format!(
                    "{name}/function.json does not fit the function `{name}`: {difference}, or run this program \
                     with `functions --write`"
                )
            }));
        }
    }
    found
}

fn missing(name: &str, kind: &Kind, file: &Path) -> String {
    let what_to_do = match function_json::new(kind) {
        Some(text) => {
            let text: Vec<_> = text.split_whitespace().collect();
            format!(
                "write {}, or run this program with `functions --write`",
                text.join(" ")
            )
        }
        None => "write one with its trigger".to_owned(),
    };
    format!(
        "the function `{name}` is registered, but there is no {}: the host does not know the function and never \
         calls it; {what_to_do}",
        file.display()
    )
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
fn folders(root: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(root).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let is_function = entry.path().join("function.json").is_file();
            entry.file_name().into_string().ok().filter(|_| is_function)
        })
        .collect()
}

#[cfg(test)]
mod tests;
