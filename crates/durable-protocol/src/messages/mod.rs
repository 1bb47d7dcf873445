//! The messages of the Durable Task protocol, as the extension and its workers exchange them.
//!
//! Declared by hand as prost structs: names and numbers are facts of the protocol
//! (`orchestrator_service.proto` of microsoft/durabletask-protobuf), this file is ours. The price of
//! a declaration by hand, a wrong number, is paid by tests that decode recorded traffic; what it
//! saves is a code generator and its build dependencies. Payloads (`input`, `result`, `data`,
//! `custom_status`) are JSON texts. Times are UTC.
//!
//! Large variants of the event and action kinds are boxed: unboxed, every `HistoryEvent` would
//! weigh as much as an `ExecutionStartedEvent`.

// The fields carry the names of the protocol; a sentence for each would only repeat the name.
#![allow(missing_docs)]

mod action;
mod client;
mod entity;
mod entity_client;
mod failure;
mod history;
mod instance;
mod turn;

pub use action::*;
pub use client::*;
pub use entity::*;
pub use entity_client::*;
pub use failure::*;
pub use history::*;
pub use instance::*;
pub use turn::*;

/// Where an instance stands. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OrchestrationStatus {
    Running = 0,
    Completed = 1,
    ContinuedAsNew = 2,
    Failed = 3,
    Canceled = 4,
    Terminated = 5,
    Pending = 6,
    Suspended = 7,
}
