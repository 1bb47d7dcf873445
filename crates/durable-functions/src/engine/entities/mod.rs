//! Entities as an execution deals with them: calls, signals and locks, from the request to the
//! answer.
//!
//! Requests go out as events in the form that every version of the extension delivers: with labels
//! that order the messages of one orchestration. The action made for the purpose
//! (`SendEntityMessage`) loses them on the way, and an entity drops a call without labels as a
//! duplicate.

mod compare;
mod label;
mod ledger;
mod message;
mod reply;

pub(super) use compare::is_another_request;
pub(super) use ledger::Ledger;
pub(super) use message::is_release;
