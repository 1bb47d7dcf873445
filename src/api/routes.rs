//! The routes of the HTTP functions. Each is also in the function.json of its folder, which a start checks.

/// The function of each folder with an HTTP trigger, and its route below the route prefix of host.json.
const ROUTES: [(&str, &str); 4] = [
    ("submit", SUBMIT),
    ("get-status", GET_STATUS),
    ("get-openapi", GET_OPENAPI),
    ("get-health", GET_HEALTH),
];

/// Starts a job.
pub(crate) const SUBMIT: &str = "submit/{kind?}";
/// The status of a job, and its cancellation.
pub(crate) const GET_STATUS: &str = "status/{id}";
/// The OpenAPI document.
pub(crate) const GET_OPENAPI: &str = "openapi.json";
/// The health of the service.
pub(crate) const GET_HEALTH: &str = "health";

/// How many segments of a request's path belong to the route of its function; the segments before them are the route
/// prefix. `has_parameter` tells whether the request has this route parameter. `None` for a function without a route.
pub(crate) fn own_segments(function: &str, has_parameter: impl Fn(&str) -> bool) -> Option<usize> {
    let (_, route) = ROUTES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(function))?;
    let is_there = |segment: &&str| {
        let optional = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix("?}"));
        optional.is_none_or(&has_parameter)
    };
    Some(route.split('/').filter(is_there).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segments_of_a_route_are_counted_without_an_absent_optional_one() {
        assert_eq!(own_segments("submit", |_| false), Some(1));
        assert_eq!(own_segments("SUBMIT", |name| name == "kind"), Some(2));
        assert_eq!(own_segments("get-status", |_| true), Some(2));
        assert_eq!(own_segments("process-submission", |_| true), None);
    }
}
