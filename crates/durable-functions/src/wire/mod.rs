//! Reading requests without copying them.
//!
//! Most of a turn's request is history that a replay only passes over. So the request is read once
//! and borrowed: events and texts become slices of it, and only what an orchestrator awaits is
//! decoded. The prost structs in [`durable_protocol::messages`] would allocate every name, result
//! and timestamp first, which costs more than the replay itself.
//!
//! Invariant: no input can make this module panic or read outside of the request.

mod event;
mod reader;
mod request;

pub(crate) use event::{Event, EventKind, Identity};
pub(crate) use reader::WireError;
pub(crate) use request::{Properties, Request};
