//! The HTTP side of the host: from a client's request to the handler's envelope and back.

mod admin;
pub mod app;
mod constraint;
pub mod envelope;
pub(crate) mod headers;
pub mod metadata;
pub mod query;
pub mod request;
pub mod response;
pub mod router;
pub mod serve;
pub mod template;
pub(crate) mod uri;
