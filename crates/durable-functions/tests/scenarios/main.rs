//! The executor scenarios of durabletask's own test suite, as tests of this engine.
//!
//! docs/scenarios.md lists all 63: the test that covers each, here or in another file of this
//! folder, or why it does not apply. The number in a test's name is the number there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod activities;
mod events;
mod fan_in;
mod lifecycle;
#[cfg(feature = "tracing-subscriber")]
mod logging;
mod non_determinism;
mod retries;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod timers;
