//! The app that is to run: its files, read and checked.

use super::checks;
use crate::functions::{self, FunctionError, Functions};
use crate::host_json::HostJson;
use crate::log::Logger;
use crate::settings::Environment;
use anyhow::bail;
use std::path::PathBuf;

/// An app that has been read and checked.
pub(super) struct Loaded {
    pub(super) root: PathBuf,
    pub(super) environment: Environment,
    pub(super) host: HostJson,
    pub(super) functions: Functions,
}

/// Reads an app, and refuses one that cannot run.
///
/// # Errors
/// What is wrong with it.
pub(super) fn load(
    root: PathBuf,
    environment: Environment,
    only: &[String],
    log: &Logger,
) -> anyhow::Result<Loaded> {
    let mut host = HostJson::read(&root, &environment)?;
    if !only.is_empty() {
        host.functions = only.to_vec();
    }
    let functions = functions::load(&root, &host, &environment)?;
    for FunctionError {
        function,
        error,
        help,
    } in &functions.errors
    {
        log.error(format!(
            "The '{function}' function is in error: {error}\n{help} The app starts without this function, as on a \
             real host."
        ));
    }
    for name in only {
        let known = |function: &str| function.eq_ignore_ascii_case(name);
        let usable = functions
            .usable
            .iter()
            .any(|function| known(&function.name));
        if !usable && !functions.errors.iter().any(|error| known(&error.function)) {
            bail!("--functions {name}: there is no folder of this name with a function.json.");
        }
    }
    if functions.usable.is_empty() {
        bail!(
            "No job functions found in {}. Expected at least one folder with a valid function.json.",
            root.display()
        );
    }
    checks::before_start(&host, &functions, &environment, log)?;
    Ok(Loaded {
        root,
        environment,
        host,
        functions,
    })
}
