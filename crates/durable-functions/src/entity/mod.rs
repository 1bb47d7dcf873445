//! Entities: named pieces of state with operations, one at a time each.
//!
//! Here are the handles, entity functions and the batches that they
//! run, the messages between orchestrators and entities, and what an execution keeps about them.
//! What an orchestrator calls is in `context/entity`.
//!
//! Requests go out as events in the form that every version of the extension delivers: with labels
//! that order the messages of one orchestration. The action made for the purpose
//! (`SendEntityMessage`) loses them on the way, and an entity drops a call without labels as a
//! duplicate.

mod batch;
mod context;
mod function;
mod handle;
mod label;
mod ledger;
mod message;
mod reply;

pub use context::EntityContext;
pub use function::EntityFunction;
pub use handle::{Entity, Operation};
pub(crate) use ledger::Ledger;
pub(crate) use message::{RELEASE, is_release};
