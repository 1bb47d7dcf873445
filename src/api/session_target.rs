//! The session that a request names in its path, and the store that knows it.

use std::convert::Infallible;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, request::Parts},
};
use functions_handler::Params;
use serde::Deserialize;

use job_api::ApiError;

use crate::sessions::{InvalidSessionId, SessionId, Sessions, StoreError};

/// An extractor for routes with `{sessionId}`. It never fails: what is wrong becomes an error of the answer, in the form
/// that the client asks for.
#[derive(Debug)]
pub struct SessionTarget(Result<(Result<SessionId, InvalidSessionId>, Sessions), ApiError>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    session_id: String,
}

impl SessionTarget {
    /// The session, which need not be known, and the store.
    ///
    /// # Errors
    /// 404 for what no session can be called; 501 without a store.
    pub(crate) fn read(self) -> Result<(SessionId, Sessions), ApiError> {
        let (id, sessions) = self.0?;
        let id = id.map_err(|_| session_not_found())?;
        Ok((id, sessions))
    }

    /// The same for a session that is to become known.
    ///
    /// # Errors
    /// 400 for what no session can be called; 501 without a store.
    pub(crate) fn read_new(self) -> Result<(SessionId, Sessions), ApiError> {
        let (id, sessions) = self.0?;
        let id = id.map_err(|invalid| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "InvalidSessionId",
                invalid.to_string(),
            )
        })?;
        Ok((id, sessions))
    }
}

impl<S> FromRequestParts<S> for SessionTarget
where
    S: Send + Sync,
    Option<Sessions>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Some(sessions) = Option::<Sessions>::from_ref(state) else {
            return Ok(Self(Err(not_configured())));
        };
        let route = Params::<Route>::from_request_parts(parts, state).await;
        Ok(Self(match route {
            Ok(Params(Route { session_id })) => Ok((SessionId::parse(&session_id), sessions)),
            Err(rejection) => Err(rejection.into()),
        }))
    }
}

/// Nobody has made the session known, or it is somebody else's.
pub(crate) fn session_not_found() -> ApiError {
    let text = "Session not found";
    ApiError::new(StatusCode::NOT_FOUND, "SessionNotFound", text)
}

/// The session had jobs, and all of them are expired.
pub(crate) fn session_expired() -> ApiError {
    ApiError::new(StatusCode::GONE, "SessionExpired", "Session expired")
}

fn not_configured() -> ApiError {
    ApiError::new(
        StatusCode::NOT_IMPLEMENTED,
        "SessionsNotConfigured",
        "Sessions are not configured. The setting SessionStore says where they are kept.",
    )
}

/// The store did not do what it was asked for. `retry_after` in seconds.
pub(crate) fn store_failed(reason: &StoreError, retry_after: u64) -> ApiError {
    tracing::error!("{reason}");
    ApiError::unavailable(
        "The session cannot be read at the moment. Try again later.",
        retry_after,
    )
}
