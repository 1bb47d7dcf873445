//! The integration tests of local-host: one binary, because each would link the whole crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod admission;
mod http;
mod hub;
mod messages;
#[cfg(unix)]
mod program;
mod queue_service;
mod queues;
mod replay;
mod supervision;
mod support;
mod table;
mod timers;
mod tiny;
mod workers;
