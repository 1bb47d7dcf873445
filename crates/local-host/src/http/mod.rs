//! The HTTP side of the host: from a client's request to the handler's envelope and back.

mod constraint;
pub mod template;
