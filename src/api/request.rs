//! The request of a client, as every HTTP function reads it, and the way of every answer out.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    response::Response,
};
use functions_handler::{CancellationToken, Invocation, OriginalUrl, Params};

use super::{
    error::ApiError,
    links::{Addressed, Links},
    routes,
};
use crate::{owners::Caller, settings::Settings};

/// The headers that a page of another site may read. Which sites may read an answer at all is the host's to say.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Operation-Location, Retry-After, ETag, Preference-Applied, x-ms-error-code, x-ms-request-id",
);

/// What an HTTP function knows of its request, apart from the body.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    settings: Arc<Settings>,
    /// The route of the function, one of [`routes`]; empty for a request that did not come through an `App`.
    route: &'static str,
    invocation_id: String,
    method: Method,
    headers: HeaderMap,
    target: String,
    links: Links,
    caller: Caller,
    cancellation: CancellationToken,
}

impl ApiRequest {
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the request came by this route, one of [`routes`].
    pub(crate) fn is_of(&self, route: &str) -> bool {
        self.route == route
    }

    /// The id of the invocation, a UUID, which the log has too. `None` for what is none.
    pub(crate) fn invocation_id(&self) -> Option<&str> {
        let id = self.invocation_id.as_str();
        let is_uuid = id.len() == 36 && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        is_uuid.then_some(id)
    }

    /// Who sends the request, as far as that is believed.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Fires when the function has to come to an end: see [`Invocation::cancellation`].
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// The addresses of this app, as the client of this request can reach them.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// The query string, without its question mark; empty without one.
    pub(crate) fn query(&self) -> &str {
        self.target
            .split_once('?')
            .map_or("", |(_, query)| query.split('#').next().unwrap_or_default())
    }

    /// The decoded value of a parameter of the query string, the first one if it is repeated. Names are compared
    /// without regard to case, as the Functions host does.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query().as_bytes())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// The response of a function: an error in the form that the client asks for, and the headers that every answer
    /// has.
    pub(crate) fn answer(&self, outcome: Result<Response, ApiError>) -> Response {
        let mut response = outcome.unwrap_or_else(|error| error.response(self));
        let headers = response.headers_mut();
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        // An answer holds texts of clients. No browser is to guess that they are HTML.
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        if self.settings.http.expose_headers && self.headers.contains_key(header::ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        response
    }
}

impl<S> FromRequestParts<S> for ApiRequest
where
    S: Send + Sync,
    Arc<Settings>: FromRef<S>,
{
    /// The answer to a request whose identity cannot be read. So no function can forget to refuse it.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let settings = Arc::<Settings>::from_ref(state);
        // Only a request that did not come through an `App` has no invocation, URL and route parameters.
        let invocation = parts.extensions.get::<Invocation>();
        let cancellation = invocation.map(|it| it.cancellation().clone());
        let function = invocation.map_or("", Invocation::function_name);
        let invocation_id = invocation.map_or("", Invocation::id).to_owned();
        let route = routes::of_function(function).unwrap_or_default();
        let params = Params::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        let params = params.map_or_else(|_| BTreeMap::new(), |Params(params)| params);
        let url = parts.extensions.get::<OriginalUrl>();
        let (origin, target) = url.map_or(("", ""), |url| (url.origin(), url.path_and_query()));
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let own = routes::own_segments(route, |name| params.contains_key(name));
        let addressed = Addressed {
            origin,
            path,
            headers: &parts.headers,
            own_segments: own,
        };
        let links = Links::new(&settings.http, addressed);
        let caller = Caller::of(&settings.owners, &parts.headers);
        let mut request = Self {
            route,
            invocation_id,
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            target: target.to_owned(),
            links,
            caller: Caller::anonymous(),
            cancellation: cancellation.unwrap_or_default(),
            settings,
        };
        match caller {
            Ok(caller) => request.caller = caller,
            Err(_) if routes::is_open(route) => {}
            Err(reason) => {
                tracing::warn!("a request was refused: its OwnerHeader is malformed: {reason}");
                return Err(request.answer(Err(ApiError::invalid_identity())));
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
impl ApiRequest {
    /// The request of a function with `own_segments`, under these settings and the required ones.
    pub(crate) fn for_test(
        method: Method,
        url: &str,
        own_segments: usize,
        headers: &[(&'static str, &'static str)],
        settings: &[(&str, &str)],
    ) -> Self {
        let settings = Settings::for_test(settings);
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, target) = rest.split_once('/').unwrap();
        let path = target.split('?').next().unwrap();
        let origin = format!("{scheme}://{host}");
        let headers = headers.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let headers: HeaderMap = headers.collect();
        let addressed = Addressed {
            origin: &origin,
            path,
            headers: &headers,
            own_segments,
        };
        Self {
            route: "",
            invocation_id: String::new(),
            method,
            target: format!("/{target}"),
            links: Links::new(&settings.http, addressed),
            headers,
            caller: Caller::anonymous(),
            cancellation: CancellationToken::new(),
            settings: Arc::new(settings),
        }
    }

    /// The same request, of this function.
    pub(crate) fn of_function(mut self, function: &str) -> Self {
        self.route = routes::of_function(function).unwrap_or_default();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn a_parameter_is_decoded_and_its_name_has_no_case() {
        let url = "http://localhost/api/status/1?View=a%20b&view=c";
        let request = ApiRequest::for_test(Method::GET, url, 2, &[], &[]);
        assert_eq!(request.parameter("view").as_deref(), Some("a b"));
        assert_eq!(request.parameter("wait"), None);
    }

    #[tokio::test]
    async fn row_61_no_function_runs_for_an_identity_that_cannot_be_read() {
        let settings = Settings::for_test(&[("OwnerHeader", "X-Owner")]);
        let settings = Arc::new(settings);
        let read = async |identity: &str| {
            let request = axum::http::Request::builder().header("x-owner", identity);
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            ApiRequest::from_request_parts(&mut parts, &settings).await
        };
        let request = read("anna").await.unwrap();
        assert!(request.caller().owner().is_some());
        let answer = read("anna, ben").await.unwrap_err();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["x-ms-error-code"], "InvalidIdentity");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await;
        assert_eq!(
            body.unwrap(),
            r#"{"error":"The identity of the caller cannot be read."}"#
        );
    }

    #[test]
    fn no_answer_may_be_stored_unless_it_says_so() {
        let request = ApiRequest::for_test(Method::GET, "http://localhost/api/x", 1, &[], &[]);
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
            let request = ApiRequest::for_test(Method::GET, url, 1, headers, settings);
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
