//! Entities: named pieces of state with operations, one at a time each.
//!
//! Here are the handles, entity functions and the batches that they run. What an orchestrator calls
//! is in `context/entity`; the messages between the two are in `engine/entities`.

#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
mod any;
mod batch;
mod context;
mod function;
mod handle;
#[cfg(any(feature = "handler", feature = "worker"))]
mod thread;

#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
pub(crate) use any::AnyEntity;
pub use batch::run_batch;
pub use context::EntityContext;
pub use function::EntityFunction;
pub use handle::{Entity, Operation};
#[cfg(any(feature = "handler", feature = "worker"))]
pub(crate) use thread::on_thread;
