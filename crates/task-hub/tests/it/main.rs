//! Tests of the task hub.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod captures;
mod chaos;
mod interleavings;
mod memory;
mod program;
mod rules;
mod sqlite;
mod world;
