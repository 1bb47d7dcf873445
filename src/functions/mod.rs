//! The functions of the app: one file for each function folder, with the folder's name.

pub mod get_status;
pub mod process_submission;
pub mod query_activity;
pub mod submit;

use axum::{Json, http::StatusCode, response::IntoResponse, response::Response};
use serde::Serialize;

/// The body of every error answer: `{"error":"…"}`.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(ErrorBody { error: text })).into_response()
}
