//! The request of a client, as every HTTP function of this app reads it: that of `job-api`, with who sends it.
//!
//! Invariant: no function runs for a request whose identity cannot be read, unless its route is open to everybody.

use std::{ops::Deref, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, request::Parts},
    response::Response,
};
use job_api::ApiError;

use super::routes;
use crate::{owners::Caller, settings::Settings};

/// What an HTTP function knows of its request, apart from the body.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    request: job_api::ApiRequest,
    settings: Arc<Settings>,
    caller: Caller,
}

impl ApiRequest {
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who sends the request, as far as that is believed.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// What the request of every app has.
impl Deref for ApiRequest {
    type Target = job_api::ApiRequest;

    fn deref(&self) -> &Self::Target {
        &self.request
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
        let request = job_api::ApiRequest::read(settings.clone(), parts).await;
        let caller = match Caller::of(&settings.owners, &parts.headers) {
            Ok(caller) => caller,
            Err(_) if routes::is_open(request.route().template) => Caller::anonymous(),
            Err(reason) => {
                tracing::warn!("a request was refused: its OwnerHeader is malformed: {reason}");
                return Err(request.answer(Err(invalid_identity())));
            }
        };
        Ok(Self {
            request,
            settings,
            caller,
        })
    }
}

/// Nothing of the identity is in the text, nor the name of its header: a client that gets past API Management would learn
/// what to forge.
fn invalid_identity() -> ApiError {
    let text = "The identity of the caller cannot be read.";
    ApiError::new(StatusCode::UNAUTHORIZED, "InvalidIdentity", text)
}

#[cfg(test)]
impl ApiRequest {
    /// The request of a function with `own_segments`, under these settings and the required ones.
    pub(crate) fn for_test(
        method: axum::http::Method,
        url: &str,
        own_segments: usize,
        headers: &[(&'static str, &'static str)],
        settings: &[(&str, &str)],
    ) -> Self {
        use axum::http::{HeaderName, HeaderValue};

        let settings = Arc::new(Settings::for_test(settings));
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, target) = rest.split_once('/').unwrap();
        let origin = format!("{scheme}://{host}");
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let url = (origin.as_str(), &*format!("/{target}"));
        let (api, headers) = (settings.clone(), headers.collect());
        Self {
            request: job_api::ApiRequest::new(api, method, headers, url, own_segments),
            settings,
            caller: Caller::anonymous(),
        }
    }

    /// The same request, of this function.
    pub(crate) fn of_function(mut self, function: &str) -> Self {
        let route = routes::of_function(function).map(routes::route);
        self.request = self.request.of_route(route.unwrap_or_default());
        self
    }

    /// The answer to a request that does not say in which form it wants an error.
    pub(crate) fn refused(error: ApiError) -> Response {
        let url = "http://localhost/api/x";
        error.response(&Self::for_test(axum::http::Method::GET, url, 1, &[], &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

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
}
