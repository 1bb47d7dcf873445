//! What the HTTP functions share: the request as they read it, the addresses that they give away, the forms of their
//! answers and errors.
//!
//! Invariant: every answer of an HTTP function goes through `ApiRequest::answer`, and every address in it
//! comes from `links`.

pub(crate) mod accept;
pub(crate) mod error;
pub(crate) mod etag;
mod job_target;
pub(crate) mod links;
pub mod openapi;
pub(crate) mod paging;
pub(crate) mod prefer;
pub(crate) mod request;
pub(crate) mod retry_after;
pub(crate) mod routes;
pub(crate) mod session_target;
pub(crate) mod views;
pub(crate) mod wait;

pub use job_target::JobTarget;
pub use request::ApiRequest;
pub use session_target::SessionTarget;
