//! Reading requests without copying them.
//!
//! A turn's request is mostly history that a replay only walks over, so it is read in one borrowed
//! pass: events and texts become slices of the request, and only what an orchestrator awaits is ever
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
