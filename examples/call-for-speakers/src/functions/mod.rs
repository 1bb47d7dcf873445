//! The functions of the app: one file for each folder, with its name.

pub mod close_stage;
pub mod get_status;
pub mod moderate;
pub mod process_submission;
pub mod record_decision;
pub mod select;
pub mod shortlist;
pub mod submit;
pub mod submit_decision;
