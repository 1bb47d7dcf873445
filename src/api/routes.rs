//! The routes of the HTTP functions. Each is also in the function.json of its folder, which a start checks.

use job_api::{ErrorsOf, Route};

/// The function of each folder with an HTTP trigger, and its route below the route prefix of host.json.
const ROUTES: &[(&str, &str)] = &[
    ("submit", SUBMIT),
    ("get-status", GET_STATUS),
    ("get-operation", GET_OPERATION),
    ("get-events", GET_EVENTS),
    ("get-session", GET_SESSION),
    ("get-latest-job", GET_LATEST_JOB),
    ("register-session", REGISTER_SESSION),
    ("get-openapi", GET_OPENAPI),
    ("get-health", GET_HEALTH),
];

/// Starts a job.
pub(crate) const SUBMIT: &str = "submit/{kind?}";
/// The status of a job, and its cancellation.
pub(crate) const GET_STATUS: &str = "status/{id}";
/// A job as a long-running operation, and, with `:cancel` after the id, its cancellation.
pub(crate) const GET_OPERATION: &str = "operations/{id}";
/// The changes of a job as events.
pub(crate) const GET_EVENTS: &str = "status/{id}/events";
/// The jobs of a session.
pub(crate) const GET_SESSION: &str = "sessions/{sessionId}";
/// The status of the newest job of a session.
pub(crate) const GET_LATEST_JOB: &str = "sessions/{sessionId}/latest";
/// Makes a session known. The route is that of [`GET_SESSION`], with another method.
pub(crate) const REGISTER_SESSION: &str = GET_SESSION;
/// The OpenAPI document.
pub(crate) const GET_OPENAPI: &str = "openapi.json";
/// The health of the service.
pub(crate) const GET_HEALTH: &str = "health";

/// The route of a function, which may be spelled in any case. `None` for a function without one.
pub(crate) fn of_function(function: &str) -> Option<&'static str> {
    let named = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(function);
    ROUTES.iter().find(named).map(|(_, route)| *route)
}

/// Whether a route answers everybody alike, so that it does not matter who calls. A route is not open unless it says so
/// here.
pub(crate) fn is_open(route: &str) -> bool {
    [GET_OPENAPI, GET_HEALTH].contains(&route)
}

/// A route with the form of its errors.
pub(crate) fn route(template: &'static str) -> Route {
    Route::new(template).with_errors(match template {
        GET_STATUS | GET_LATEST_JOB => ErrorsOf::Status,
        GET_OPERATION => ErrorsOf::Operation,
        _ => ErrorsOf::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_route_in_every_spelling() {
        assert_eq!(of_function("submit"), Some(SUBMIT));
        assert_eq!(of_function("GET-STATUS"), Some(GET_STATUS));
        assert_eq!(of_function("process-submission"), None);
    }
}
