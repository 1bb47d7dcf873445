//! What function apps with asynchronous HTTP jobs share: how their requests are read and answered, a job as its clients
//! see it, the views of it, and the addresses that leave the app.
//!
//! A job is an instance of an orchestrator. The crate knows neither which one nor what it does. An app says that with two
//! traits: [`JobApi`] for what its clients are told, [`Jobs`](jobs::Jobs) for how its jobs are found.
//! [`status::answer`] is then its function for the status of a job: all views, `ETag`, waiting, cancelling.
//!
//! Invariants: what is not in [`Job`] is in no view of it; a client's request puts a host into an address only as
//! [`links`] allows it; every text of an answer is the crate's or the app's, never that of a host or a task hub.

pub mod accept;
mod api;
pub mod counters;
pub mod error;
pub mod etag;
mod forwarded;
mod job;
mod job_target;
pub mod jobs;
pub mod links;
pub mod prefer;
mod request;
pub mod retry_after;
pub mod settings;
pub mod status;
#[cfg(test)]
mod test_api;
pub mod views;
pub mod wait;

pub use api::{DefaultView, Details, ErrorsOf, JobApi, Progress, Route};
pub use error::ApiError;
pub use job::{ErrorOf, Job, JobError};
pub use job_target::JobTarget;
pub use request::ApiRequest;
