//! The handler through its public interface: over the router, and over a real connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod blocking;
mod correlation;
mod deadline;
mod host_requests;
mod host_responses;
mod invocations;
mod logs;
mod mending;
mod messages;
mod support;
mod transport;
