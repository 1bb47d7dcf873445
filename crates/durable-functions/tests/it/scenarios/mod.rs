//! The executor scenarios of durabletask's own test suite, as tests of this engine.
//!
//! docs/scenarios.md lists all 63: the test that covers each, here or in another file of this
//! folder, or why it does not apply. The number in a test's name is the number there.

mod activities;
mod events;
mod fan_in;
mod lifecycle;
#[cfg(feature = "tracing-subscriber")]
mod logging;
mod non_determinism;
mod retries;
mod table;
mod timers;
