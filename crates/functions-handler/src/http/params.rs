//! Route parameters: the host matches the route, the handler only sees the result.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::params_de::{self, ParamsError};
use crate::invocation::{Invocation, NotAnInvocation};

/// The route values of a request, in its extensions.
#[derive(Clone)]
pub(super) struct RouteParams(pub(super) Arc<HashMap<String, Option<String>>>);

/// Extracts the route parameters of an HTTP function (`route` in function.json), read into `T` with
/// serde. What axum's `Path` is for axum's own routes.
///
/// `T` is a struct or map with the parameters' names, or, for a route with one parameter, a single
/// value. Numbers, booleans and enums are parsed. A parameter that the client left out (`{name?}`)
/// is absent: use `Option` or `#[serde(default)]`.
///
/// Values are percent-decoded, but `%2F` stays: the host leaves it so.
///
/// # Rejection
/// 400 with JSON `{"error": "…"}` naming the parameter. A `T` that can hold no parameters, such as a tuple (the
/// parameters have names and no order), is a mistake of the function: the client gets 500, and the log says what
/// to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<T>(pub T);

/// The rejection of [`Params`].
#[derive(Debug)]
pub struct ParamsRejection(Kind);

#[derive(Debug)]
enum Kind {
    NotAnInvocation(NotAnInvocation),
    Invalid(ParamsError),
    /// No request could be read into the type.
    WrongType {
        invocation: String,
        expected: &'static str,
        error: ParamsError,
    },
}

impl ParamsRejection {
    /// The HTTP status code of the response that the rejection is: 400 for what the client sent, 500 for a mistake of
    /// the function. `Display` is a text for the client in the first case only.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Kind::Invalid(_) => StatusCode::BAD_REQUEST,
            Kind::NotAnInvocation(_) | Kind::WrongType { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl std::fmt::Display for ParamsRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::NotAnInvocation(error) => error.fmt(f),
            Kind::Invalid(error) => error.fmt(f),
            Kind::WrongType {
                expected, error, ..
            } => write!(f, "Params<{expected}> cannot be used: {error}"),
        }
    }
}

impl std::error::Error for ParamsRejection {}

impl IntoResponse for ParamsRejection {
    fn into_response(self) -> Response {
        let (status, body) = match &self.0 {
            Kind::NotAnInvocation(_) => return NotAnInvocation.into_response(),
            Kind::Invalid(error) => (
                StatusCode::BAD_REQUEST,
                json!({ "error": error.to_string() }),
            ),
            Kind::WrongType { invocation: id, .. } => {
                tracing::error!(id, "answered the client with 500: {self}");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    json!({ "error": "Internal server error.", "id": id }),
                )
            }
        };
        (status, axum::Json(body)).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ParamsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let RouteParams(params) = parts
            .extensions
            .get()
            .ok_or(ParamsRejection(Kind::NotAnInvocation(NotAnInvocation)))?;
        params_de::read(params).map(Self).map_err(|error| {
            if !error.is_of_the_type() {
                return ParamsRejection(Kind::Invalid(error));
            }
            let invocation = parts.extensions.get::<Invocation>();
            ParamsRejection(Kind::WrongType {
                invocation: invocation.map_or_else(String::new, |found| found.id().to_owned()),
                expected: std::any::type_name::<T>(),
                error,
            })
        })
    }
}
