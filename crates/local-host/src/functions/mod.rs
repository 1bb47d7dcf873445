//! The functions of an app: one per folder with a `function.json`, sorted by name without case.
//!
//! A function with an error is skipped, with the host's own message. An error that would stop a real host
//! stops local-host too: [`load`] fails and names the function.

mod binding;
mod conflicts;
mod constraint;
mod function;
mod known_types;
mod template;
mod validate;

pub use binding::{Binding, Direction};
pub use function::{Function, FunctionError, Functions, Route};
pub(crate) use template::Params;

use crate::host_json::HostJson;
use crate::json::{Json, parse_document};
use crate::settings::Environment;
use anyhow::Context;
use std::path::Path;
use template::Template;
use validate::Invalid;

/// Loads the functions below `root`.
///
/// # Errors Errors that stop a real host: two folders that differ only in case, a route that cannot be
/// created. Also a root that cannot be read.
pub fn load(root: &Path, host: &HostJson, environment: &Environment) -> anyhow::Result<Functions> {
    let mut folders: Vec<String> = Vec::new();
    let entries =
        std::fs::read_dir(root).with_context(|| format!("Cannot read {}", root.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.path().join("function.json").is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            folders.push(name);
        }
    }
    folders.sort_by_key(|name| (name.to_lowercase(), name.clone()));
    conflicts::refuse_names_that_differ_in_case(&folders)?;
    let wanted = |name: &String| {
        host.functions.is_empty() || host.functions.iter().any(|f| f.eq_ignore_ascii_case(name))
    };

    let mut functions = Functions::default();
    for name in folders.into_iter().filter(wanted) {
        let result =
            read(root, &name).and_then(|json| build(&name, &json, root, host, environment));
        match result {
            Ok(function) => functions.usable.push(function),
            Err(Problem::Function(Invalid { error, place, help })) => {
                let help = format!("{name}/function.json{place}: {help}");
                functions.errors.push(FunctionError {
                    function: name,
                    error,
                    help,
                });
            }
            Err(Problem::Host(error)) => anyhow::bail!("Function '{name}': {error}"),
        }
    }
    conflicts::drop_equal_routes(&mut functions);
    Ok(functions)
}

/// What is wrong with one function, and whether the whole host stops for it.
enum Problem {
    Function(Invalid),
    Host(String),
}

fn read(root: &Path, name: &str) -> Result<Json, Problem> {
    let path = root.join(name).join("function.json");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Problem::Function(Invalid::new(error.to_string(), "the file cannot be read."))
    })?;
    parse_document(&text).map_err(|error| {
        let (line, column) = error.place();
        Problem::Function(Invalid {
            place: format!(":{line}:{column}"),
            ..Invalid::new(error.to_string(), "this is not valid JSON.")
        })
    })
}

fn build(
    name: &str,
    json: &Json,
    root: &Path,
    host: &HostJson,
    environment: &Environment,
) -> Result<Function, Problem> {
    let bindings = validate::function(name, json, &root.join(name), host.has_bundle)
        .map_err(Problem::Function)?;
    let has_retry = json
        .as_object()
        .is_some_and(|object| object.get_ignoring_case("retry").is_some());
    let mut function = Function {
        name: name.to_owned(),
        bindings,
        route: None,
        disabled: is_disabled(name, environment),
        has_retry,
    };
    let trigger = function.trigger().cloned();
    if let Some(trigger) = trigger.filter(|trigger| trigger.is_type("httpTrigger")) {
        function.route = Some(route(&function, &trigger, &host.route_prefix)?);
    }
    Ok(function)
}

fn route(function: &Function, trigger: &Binding, prefix: &str) -> Result<Route, Problem> {
    let route = match trigger.text("route") {
        Some(route) if !route.trim().is_empty() => route,
        _ => &function.name,
    };
    let lower = route.trim_matches('/').to_lowercase();
    if lower.starts_with("admin") || lower.starts_with("runtime") {
        return Err(Problem::Function(Invalid::new(
            "The specified route conflicts with one or more built in routes.",
            format!("route '{route}': a route cannot begin with admin or runtime."),
        )));
    }
    let text = if prefix.is_empty() {
        route.to_owned()
    } else {
        format!("{prefix}/{route}")
    };
    let template = Template::parse(&text).map_err(|error| {
        Problem::Host(format!(
            "An error occurred while creating the route with name '{}' and template '{text}': {error} \
             A real host answers 503 to every request of the app.",
            function.name
        ))
    })?;
    let methods = trigger
        .property("methods")
        .and_then(Json::as_array)
        .map(|methods| {
            methods
                .iter()
                .filter_map(Json::as_text)
                .map(str::to_owned)
                .collect()
        });
    let anonymous = trigger
        .text("authLevel")
        .is_some_and(|level| level.eq_ignore_ascii_case("anonymous"));
    Ok(Route {
        text,
        template,
        methods,
        anonymous,
    })
}

fn is_disabled(name: &str, environment: &Environment) -> bool {
    [
        format!("AzureWebJobs.{name}.Disabled"),
        format!("AzureWebJobs_{name}_Disabled"),
    ]
    .iter()
    .filter_map(|setting| environment.get(setting))
    .any(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}
