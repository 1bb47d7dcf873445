//! What users of the crate call and see, where no test of a whole orchestration looks: the client
//! against a task hub that listens, the names that a context tells, and the texts of values in logs.

#[cfg(feature = "handler")]
mod activity_context;
#[cfg(feature = "client")]
mod client;
mod debug_texts;
mod errors;
mod execution_id;
#[cfg(feature = "handler")]
mod extractor;
#[cfg(feature = "client")]
mod lost_answers;
#[cfg(feature = "client")]
mod start;
#[cfg(feature = "client")]
mod task_hub;
