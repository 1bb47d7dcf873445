//! The scratch table: values that are too many for the history of a job, from when its slices are read until they are
//! merged.
//!
//! Invariants: whatever is in the table belongs to a scope that [`Scratch::scopes`] lists, so nothing is left that nobody
//! finds, also when a slice writes while others remove. The list is made of the values themselves, each of which names its
//! job; an index would lack what is written just after its row was removed. Values are counted by the runs that they were
//! written in, and a run counts only when the slice that wrote it has said so: what an attempt has left that died is never
//! counted.

mod buckets;
mod rows;
mod scope;
mod store;

pub use buckets::Buckets;
pub use scope::{Run, Scope};
pub use store::{Counted, Leftover, Scratch, ScratchSettings};
