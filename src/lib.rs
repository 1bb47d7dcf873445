//! The function app: counts distinct values in an Azure table over a range of days, as an asynchronous HTTP job.
//!
//! ```text
//! client ── POST /api/submit ──▶ submit ──▶ process-submission ──▶ query-activity ──▶ the audit table
//!    └───── GET /api/status/{id} ──▶ get-status
//! ```
//!
//! Each function is a file in [`functions`] with the name of its folder. They share [`api`] and the jobs. [`audit`]
//! reads the audit table, slice by slice, [`scratch`] keeps what is too much for a history; only [`tables`] knows the table
//! service.
//! [`docs::architecture`] shows the whole, down to the crates below.

pub mod api;
mod app;
pub mod audit;
pub mod command;
pub mod counters;
pub mod dates;
pub mod docs;
pub mod functions;
pub mod jobs;
pub mod logging;
pub mod owners;
pub mod scratch;
pub mod sessions;
pub mod settings;
pub mod tables;

pub use app::{AppState, app, app_with_sessions, app_without_job};
