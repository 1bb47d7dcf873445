//! The function app as its users meet it: over HTTP, through local-host, with the real handler and a real task hub.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod addresses;
mod api_document;
mod bursts;
mod call_for_speakers;
mod cancel;
mod correlation;
mod crashes;
mod examples;
mod expired_jobs;
mod function_folders;
mod getting_started;
mod healing;
mod health;
mod idempotency;
mod jobs;
mod killed_starts;
mod leaks;
mod lost_starts;
mod messages;
mod misbehaving;
mod openapi;
mod owners;
mod page;
mod profiles;
mod progress;
mod query_faults;
mod queues;
mod restarts;
mod search;
mod session_entries;
mod session_logs;
mod session_redis;
mod session_retention;
mod sessions;
mod state_faults;
mod status_answers;
mod status_body;
mod submit_answers;
#[path = "../support/mod.rs"]
mod support;
mod tutorial;
mod views;
mod waiting;
mod year;
