//! The request of a client, as every HTTP function reads it, and the way of every answer out.
//!
//! Invariant: an answer that goes through [`ApiRequest::answer`] is stored by nobody and guessed at by no browser, unless
//! it says so itself.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    response::Response,
};
use functions_handler::{CancellationToken, Invocation, OriginalUrl, Params};

use crate::{
    JobApi, Route,
    error::ApiError,
    links::{Addressed, Links},
};

/// The headers that a page of another site may read. Which sites may read an answer at all is the host's to say.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Operation-Location, Retry-After, ETag, Preference-Applied, x-ms-error-code, x-ms-request-id",
);

/// What an HTTP function knows of its request, apart from the body.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    api: Arc<dyn JobApi>,
    /// Empty for a request that did not come through an `App`.
    route: Route,
    invocation_id: String,
    method: Method,
    headers: HeaderMap,
    target: String,
    links: Links,
    cancellation: CancellationToken,
}

impl ApiRequest {
    /// The request of an invocation of this app, from the head of the HTTP request.
    pub async fn read(api: Arc<dyn JobApi>, parts: &mut Parts) -> Self {
        // Only a request that did not come through an `App` has no invocation, URL and route parameters.
        let invocation = parts.extensions.get::<Invocation>();
        let cancellation = invocation.map(|it| it.cancellation().clone());
        let function = invocation.map_or("", Invocation::function_name);
        let invocation_id = invocation.map_or("", Invocation::id).to_owned();
        let route = api.route(function).unwrap_or_default();
        let params = Params::<BTreeMap<String, String>>::from_request_parts(parts, &()).await;
        let params = params.map_or_else(|_| BTreeMap::new(), |Params(params)| params);
        let url = parts.extensions.get::<OriginalUrl>();
        let (origin, target) = url.map_or(("", ""), |url| (url.origin(), url.path_and_query()));
        let own = route.own_segments(|name| params.contains_key(name));
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let mut request = Self::new(api, method, headers, (origin, target), own).of_route(route);
        request.invocation_id = invocation_id;
        request.cancellation = cancellation.unwrap_or_default();
        request
    }

    /// A request that did not come through an `App`, such as that of a test. `url` is the origin, and the path with the
    /// query string. `own_segments` of the path belong to the route.
    #[must_use]
    pub fn new(
        api: Arc<dyn JobApi>,
        method: Method,
        headers: HeaderMap,
        url: (&str, &str),
        own_segments: usize,
    ) -> Self {
        let (origin, target) = url;
        let addressed = Addressed {
            origin,
            path: target.split(['?', '#']).next().unwrap_or_default(),
            headers: &headers,
            own_segments,
        };
        Self {
            route: Route::default(),
            invocation_id: String::new(),
            method,
            target: target.to_owned(),
            links: Links::new(api.http(), addressed),
            headers,
            cancellation: CancellationToken::new(),
            api,
        }
    }

    /// The same request, by this route.
    #[must_use]
    pub fn of_route(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// What the app says of itself.
    #[must_use]
    pub fn api(&self) -> &dyn JobApi {
        &*self.api
    }

    /// The route by which the request came.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// The id of the invocation, a UUID, which the log has too. `None` for what is none.
    #[must_use]
    pub fn invocation_id(&self) -> Option<&str> {
        let id = self.invocation_id.as_str();
        let is_uuid = id.len() == 36 && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        is_uuid.then_some(id)
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Fires when the function has to come to an end: see [`Invocation::cancellation`].
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// The addresses of this app, as the client of this request can reach them.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The query string, without its question mark; empty without one.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target
            .split_once('?')
            .map_or("", |(_, query)| query.split('#').next().unwrap_or_default())
    }

    /// The decoded value of a parameter of the query string, the first one if it is repeated. Names are compared
    /// without regard to case, as the Functions host does.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query().as_bytes())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// The response of a function: an error in the form that the client asks for, and the headers that every answer
    /// has.
    pub fn answer(&self, outcome: Result<Response, ApiError>) -> Response {
        let mut response = outcome.unwrap_or_else(|error| error.response(self));
        let headers = response.headers_mut();
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        // An answer holds texts of clients. No browser is to guess that they are HTML.
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        if self.api.http().expose_headers && self.headers.contains_key(header::ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        response
    }
}

/// For an app whose state is what it says of itself.
impl<A: JobApi> FromRequestParts<Arc<A>> for ApiRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<A>) -> Result<Self, Infallible> {
        Ok(Self::read(state.clone(), parts).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    use crate::test_api::request;

    #[test]
    fn a_parameter_is_decoded_and_its_name_has_no_case() {
        let url = "http://localhost/api/status/1?View=a%20b&view=c";
        let request = request(Method::GET, url, 2, &[], &[]);
        assert_eq!(request.parameter("view").as_deref(), Some("a b"));
        assert_eq!(request.parameter("wait"), None);
    }

    #[test]
    fn no_answer_may_be_stored_unless_it_says_so() {
        let request = request(Method::GET, "http://localhost/api/x", 1, &[], &[]);
        let answer = request.answer(Err(ApiError::job_not_found()));
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let stored = [(header::CACHE_CONTROL, "max-age=60")].into_response();
        let answer = request.answer(Ok(stored));
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "max-age=60");
    }

    #[test]
    fn headers_are_exposed_to_pages_only_and_only_by_setting() {
        let exposed = |headers: &[_], settings: &[_]| {
            let url = "http://localhost/api/x";
            let request = request(Method::GET, url, 1, headers, settings);
            let answer = request.answer(Err(ApiError::job_not_found()));
            assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let headers = answer.headers();
            headers.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS)
        };
        let (page, by_setting) = (
            ("origin", "https://portal.example"),
            ("ExposeHeaders", "true"),
        );
        assert!(exposed(&[page], &[by_setting]));
        assert!(!exposed(&[page], &[]));
        assert!(!exposed(&[], &[by_setting]));
    }
}
