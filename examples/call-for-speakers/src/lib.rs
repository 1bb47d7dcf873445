//! Call for Speakers: a speaker submits a talk, and learns whether it was accepted. In between it passes three stages:
//! moderation, shortlisting and selection. The first one that rejects it ends the process.
//!
//! ```text
//! speaker ── POST /api/submit ──▶ submit ──▶ process-submission ──▶ moderate, shortlist, select
//!    └────── GET /api/status/{id} ──▶ get-status        ▲
//! people ─── POST /api/submissions/{id}/decision ──▶ submit-decision ──▶ record-decision
//!                           close-stage, at the deadline ────────▶ ┘
//! ```
//!
//! Each function is a file in [`functions`] with the name of its folder. How they read requests and answer them is the crate
//! `job-api`, which knows nothing of talks. The stages are decided by [`rules`], or by people
//! if the [settings] say so.
//!
//! Invariant: the e-mail address of a speaker is in the input of the orchestration and of its activities, and nowhere
//! else: not in a log, not in the custom status, not in an answer.

mod api;
mod app;
mod body;
pub mod functions;
pub mod rules;
pub mod settings;
mod stage;
pub mod submission;

pub use app::{app, orchestrations};
pub use stage::{Decision, Stage};
