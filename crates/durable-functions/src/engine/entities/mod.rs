//! Entities as an execution deals with them: calls, signals and locks, from the request to the
//! answer.
//!
//! Requests are events in the form that every version of the extension delivers, with labels that
//! order the messages of one orchestration. The extension drops the labels of the action that is meant
//! for entities (`SendEntityMessage`), and an entity takes a call without labels for a duplicate.

mod compare;
mod label;
mod ledger;
mod message;
mod reply;
mod requests;

pub(super) use compare::is_another_request;
pub(super) use ledger::Ledger;
pub(super) use message::is_release;
#[cfg(feature = "worker")]
pub(crate) use message::scheduled_request;
