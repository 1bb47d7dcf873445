//! The gRPC service of the task hub: `TaskHubSidecarService` over cleartext HTTP/2.
//!
//! One file for each group of methods. They read a `call`; `server` knows their paths. Status codes and texts are those
//! of extension 3.14.1, including those that tell a client nothing (UNKNOWN for suspend and resume):
//! there the log says why.

mod call;
mod entity;
mod manage;
mod query;
mod server;
mod start;
mod wait;

pub(super) use server::serve;
