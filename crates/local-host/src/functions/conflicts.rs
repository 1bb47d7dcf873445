//! Functions that conflict: names that differ only in case, and equal routes.

use super::function::{Function, FunctionError, Functions, Route};
use anyhow::bail;

/// Fails for two folders that differ only in case: they stop a host on Linux.
pub(super) fn refuse_names_that_differ_in_case(sorted: &[String]) -> anyhow::Result<()> {
    for pair in sorted.windows(2) {
        if let [first, second] = pair
            && first.to_lowercase() == second.to_lowercase()
        {
            bail!(
                "Error indexing method 'Functions.{first}': the folders '{first}' and '{second}' differ only in case. \
                 A real host answers 503 to every request of the app."
            );
        }
    }
    Ok(())
}

/// Drops a function whose route and one of whose methods an earlier function (by name) has.
pub(super) fn drop_equal_routes(functions: &mut Functions) {
    let mut kept: Vec<Function> = Vec::new();
    for function in std::mem::take(&mut functions.usable) {
        let earlier = function.route.as_ref().and_then(|route| {
            kept.iter().find(|other| {
                other
                    .route
                    .as_ref()
                    .is_some_and(|known| collide(known, route))
            })
        });
        match earlier {
            Some(other) => functions.errors.push(FunctionError {
                error: format!(
                    "The route specified conflicts with the route defined by function '{}'.",
                    other.name
                ),
                help: format!(
                    "{}/function.json: give the httpTrigger another route, or other methods.",
                    function.name
                ),
                function: function.name,
            }),
            None => kept.push(function),
        }
    }
    functions.usable = kept;
    functions
        .errors
        .sort_by_key(|error| error.function.to_lowercase());
}

fn collide(first: &Route, second: &Route) -> bool {
    let same_text = first
        .text
        .trim_matches('/')
        .eq_ignore_ascii_case(second.text.trim_matches('/'));
    let share = |methods: &[String]| methods.iter().any(|method| second.allows(method));
    same_text
        && match &first.methods {
            Some(methods) => share(methods),
            None => second
                .methods
                .as_ref()
                .is_none_or(|methods| !methods.is_empty()),
        }
}
