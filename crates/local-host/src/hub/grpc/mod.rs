//! The gRPC service of the task hub: `TaskHubSidecarService` over cleartext HTTP/2.
//!
//! There is one file for each group of methods; each method reads a `call`, and `server` has the paths.
//! Status codes and texts are those of the extension that the options name. Some of 3.14.1 do not show the reason
//! (UNKNOWN for suspend and resume), so the log does.

mod call;
mod entity;
mod history;
mod lists;
mod manage;
mod purge;
mod query;
mod server;
mod start;
mod token;
mod tree;
mod wait;
mod work;

pub(super) use server::serve;
