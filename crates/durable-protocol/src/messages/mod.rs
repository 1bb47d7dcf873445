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
mod worker;

pub use action::*;
pub use client::*;
pub use entity::*;
pub use entity_client::*;
pub use failure::*;
pub use history::*;
pub use instance::*;
pub use turn::*;
pub use worker::*;

/// Where an instance stands. The numbers are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OrchestrationStatus {
    /// Between its first turn and its end.
    Running = 0,
    /// Ended with an output.
    Completed = 1,
    /// Between two generations; seen at most briefly.
    ContinuedAsNew = 2,
    /// Ended with a failure.
    Failed = 3,
    /// Ended as canceled; no current host sets it by itself.
    Canceled = 4,
    /// Ended by a client.
    Terminated = 5,
    /// Accepted, not begun.
    Pending = 6,
    /// Held back by a client.
    Suspended = 7,
}

impl OrchestrationStatus {
    /// The name, as the host's messages and its management API spell it: `Running`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OrchestrationStatus::Running => "Running",
            OrchestrationStatus::Completed => "Completed",
            OrchestrationStatus::ContinuedAsNew => "ContinuedAsNew",
            OrchestrationStatus::Failed => "Failed",
            OrchestrationStatus::Canceled => "Canceled",
            OrchestrationStatus::Terminated => "Terminated",
            OrchestrationStatus::Pending => "Pending",
            OrchestrationStatus::Suspended => "Suspended",
        }
    }

    /// Whether an instance in this status never runs again, unless it is rewound or started anew.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            OrchestrationStatus::Completed
            | OrchestrationStatus::Failed
            | OrchestrationStatus::Canceled
            | OrchestrationStatus::Terminated => true,
            OrchestrationStatus::Running
            | OrchestrationStatus::ContinuedAsNew
            | OrchestrationStatus::Pending
            | OrchestrationStatus::Suspended => false,
        }
    }
}
