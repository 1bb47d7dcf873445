//! The HTTP side of the host: from a client's request to the handler's envelope and back.

mod admin;
mod admission;
pub mod app;
pub mod cors;
pub mod envelope;
pub(crate) mod headers;
pub mod hosts;
pub mod metadata;
pub mod query;
pub mod request;
pub mod response;
pub mod router;
pub mod serve;
pub mod upload;
pub(crate) mod uri;
mod webhooks;
