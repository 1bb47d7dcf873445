//! Parts of the public API that no test of a whole orchestration covers: the client against a task hub
//! that listens, the names that a context gives, and the texts of values in logs.

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
