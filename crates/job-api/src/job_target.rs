//! The job that a request names in its path, and the client to reach it.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use durable_functions::DurableClient;
use functions_handler::Params;
use serde::Deserialize;

use crate::error::ApiError;

/// An extractor for routes with `{id}`. It never fails: what is wrong becomes an error of the answer, in the form that
/// the client asks for.
#[derive(Debug)]
pub struct JobTarget(Result<(String, DurableClient), ApiError>);

#[derive(Deserialize)]
struct Route {
    id: String,
}

impl JobTarget {
    /// The id, which need not be that of a job, and the client.
    ///
    /// # Errors
    /// The id does not decode, or the function has no durable client.
    pub fn read(self) -> Result<(String, DurableClient), ApiError> {
        self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobTarget {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let route = Params::<Route>::from_request_parts(parts, state).await;
        let client = DurableClient::from_request_parts(parts, state).await;
        Ok(Self(match (route, client) {
            (Ok(Params(Route { id })), Ok(client)) => Ok((id, client)),
            (Err(rejection), _) => Err(rejection.into()),
            (_, Err(rejection)) => Err(rejection.into()),
        }))
    }
}
