//! The tests of the crate in one binary, because each further binary is linked again for every change.
//!
//! Only tests that need a process of their own are separate: `allocations` counts what the whole
//! process allocates, and `deadline` blocks the threads that orchestrators run on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod app_state;
mod captures;
#[cfg(feature = "client")]
mod client;
mod code_of_users;
mod deterministic_values;
mod durable_http;
mod entities;
mod events;
mod failure_after_continue_as_new;
#[cfg(feature = "handler")]
mod handler;
mod instance_ids;
mod join_all;
mod kept_instances;
mod non_durable;
mod nonchars;
mod oracle;
mod panics;
mod properties;
mod public_api;
mod refusals;
mod replay;
mod retry_predicates;
mod rewind;
mod scenarios;
#[cfg(feature = "handler")]
mod start;
mod sub_orchestrations;
mod support;
mod task_hub;
mod test_hub;
#[cfg(feature = "tracing-subscriber")]
mod tracing;
mod unit_payloads;
mod worker;
