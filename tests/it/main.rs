//! The parts of the function app: its functions, its folders, its settings at the start, the table query, the stores of sessions.
//!
//! Three other test binaries need a process of their own:
//! - `end_to_end` keeps all processors busy, which would break the time limits that are tested here;
//! - `function_timeout` has a short time limit, which the load of `end_to_end` would break;
//! - `log_secrets` sets a log for the thread of each test. `tracing` caches for the whole process which events are
//!   wanted, so a test without a log could switch off events that `log_secrets` has to see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod audit;
mod documents;
mod function_folders;
mod functions;
mod openapi;
mod readme;
mod scratch;
mod sessions;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod table_azurite;
