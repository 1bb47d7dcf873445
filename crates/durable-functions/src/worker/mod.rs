//! For those who run turns, activities and batches themselves: workers, drivers and tests of them.
//!
//! An app needs at most [`KeptLimits`] from here: [`AppExt`](crate::AppExt) registers its functions with a custom
//! handler.
//!
//! | | |
//! |---|---|
//! | `Worker` (feature `worker`) | serves a Durable Task sidecar over gRPC |
//! | [`run_turn`] | one turn, as the trigger of a Functions host has it: base64 in and out |
//! | [`execute`], [`failed`] | one turn: the bytes of an `OrchestratorRequest` in, of an `OrchestratorResponse` out |
//! | [`KeptInstances`], [`KeptLimits`] | turns that continue an instance instead of replaying it |
//! | [`OrchestratorFunction`], [`ActivityFunction`] | functions behind their handles, ready to be run |
//! | [`run_batch`] | one batch of operations on an entity |
//!
//! The messages are those of the Durable Task protocol, which its owners change. **They are not covered by
//! semantic versioning**: [`EntityBatchRequest`], [`EntityBatchResult`], and the layout of all bytes that go in
//! and out can change with any release of this crate.

#[cfg(feature = "worker")]
mod sidecar;

#[doc(no_inline)]
pub use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult};

pub use crate::activity::ActivityFunction;
pub use crate::engine::{
    KeptInstances, KeptLimits, OrchestratorFunction, RequestError, execute, failed,
};
pub use crate::entity::run_batch;
pub use crate::trigger::run_turn;
#[cfg(feature = "worker")]
pub use sidecar::{VersionMatch, VersionMismatch, Worker, WorkerError};
