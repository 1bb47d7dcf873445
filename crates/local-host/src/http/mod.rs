//! The HTTP side of the host: from a client's request to the handler's envelope and back.

mod admin;
mod admission;
mod app;
mod cors;
mod envelope;
mod front_end;
mod headers;
mod hosts;
mod metadata;
mod query;
mod request;
mod response;
mod router;
mod serve;
mod upload;
mod uri;
mod webhooks;

pub use app::{App, ClientBinding, Management};
pub use cors::Cors;
pub use hosts::Hosts;
pub use serve::serve;
pub use upload::UploadLimits;

pub(crate) use hosts::HostError;
pub(crate) use query::Query;
pub(crate) use uri::decode_component;
