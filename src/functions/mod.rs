//! The functions of the app: one file for each function folder, with the folder's name.

pub mod clear_activity;
pub mod expired_job;
pub mod get_events;
pub mod get_health;
pub mod get_latest_job;
pub mod get_openapi;
pub mod get_operation;
pub mod get_session;
pub mod get_status;
pub mod merge_activity;
pub mod poison_message;
pub mod process_submission;
pub mod purge_jobs;
pub mod query_activity;
pub mod register_session;
pub mod submit;
pub mod submit_event;
pub mod sweep_jobs;
