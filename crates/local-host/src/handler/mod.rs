//! The handler: its process, and calls to it.
//!
//! One [`Supervisor`] owns the process for the run of the host; [`Handler`] sends invocations and
//! holds them while the process is not ready.

mod answer;
mod client;
mod command;
mod dotnet;
mod echoes;
mod group;
mod guard;
mod invocation;
mod mistakes;
mod output;
mod process;
mod ready;
mod runner;
mod supervise;

pub use answer::read as read_answer;
pub use client::RawAnswer;
pub use command::Command;
pub use invocation::{Handler, HandlerOptions};
pub use runner::SupervisorOptions;
pub use supervise::Supervisor;

pub(crate) use command::executable;
pub(crate) use mistakes::missing as missing_program;

/// The version that the host claims towards the handler.
pub(crate) const HOST_VERSION: &str = "4.1037.0.0";
