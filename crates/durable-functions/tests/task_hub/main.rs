//! The engine as an app in local-host's task hub: what the one sends, the other understands.
//!
//! local-host knows the protocol but not this crate, so these tests stand here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod activity_failures;
mod entity_locks;
mod rewind;
mod support;
