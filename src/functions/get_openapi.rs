//! `get-openapi`: the OpenAPI document of the HTTP functions, `GET /api/openapi.json`.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::api::{ApiRequest, openapi};

/// Answers one request.
pub async fn get_openapi(request: ApiRequest) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        // It changes with a deployment only, but its address of the server is the client's own.
        (header::CACHE_CONTROL, "private, max-age=300"),
    ];
    let document = openapi::document(request.links().base());
    request.answer(Ok((headers, document).into_response()))
}
