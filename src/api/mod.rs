//! What only the HTTP functions of this app share: who sends a request, their routes, the addresses and views of sessions,
//! the OpenAPI document. What they share with other apps, from errors to waiting, is in `job-api`.
//!
//! Invariant: every answer of an HTTP function goes through `ApiRequest::answer`, and every address in it
//! comes from `links`.

mod app_api;
pub(crate) mod links;
pub mod openapi;
pub(crate) mod paging;
pub(crate) mod request;
pub(crate) mod routes;
pub(crate) mod session_target;
pub(crate) mod views;

pub use request::ApiRequest;
pub use session_target::SessionTarget;
