//! Which function serves a request.

use crate::functions::{Function, Params};

/// Finds the first function, by name, whose route and methods fit: no ranking by specificity, as
/// in a real host.
#[must_use]
pub(super) fn find<'a>(
    functions: &'a [Function],
    method: &str,
    path: &str,
) -> Option<(&'a Function, Params)> {
    functions.iter().find_map(|function| {
        let route = function.route.as_ref()?;
        if !route.allows(method) {
            return None;
        }
        Some((function, route.template.matches(path)?))
    })
}
