//! What function apps with asynchronous HTTP jobs share: a job as its clients see it, the views of it, and the
//! addresses that leave the app.
//!
//! A job is an instance of an orchestrator. The crate knows neither which one nor what it does: an app says what its
//! failures are called in the answers, as an [`ErrorOf`].
//!
//! Invariants: what is not in [`Job`] is in no view of it; a client's request puts a host into an address only as
//! [`links`] allows it.

mod forwarded;
mod job;
pub mod links;
pub mod settings;
pub mod views;

pub use job::{ErrorOf, Job, JobError};
