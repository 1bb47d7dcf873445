//! The declarations of the protocol against the recorded traffic of a real host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod captures;
mod entity_messages;
mod messages;
