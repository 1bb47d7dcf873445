// Of two definitions of a link the first counts; the other is for those who read the file in the repository.
#![doc = "[behaviour]: behaviour"]
#![doc = include_str!("../README.md")]
//!
//! # The library
//!
//! It reads an app's files ([`settings`], [`host_json`], [`functions`]), builds and starts its handler
//! ([`handler`]), turns HTTP requests into the host's JSON envelope and answers into responses ([`http`]),
//! fires timers ([`timers`]), takes messages of the storage emulator ([`queues`]), runs a task hub ([`hub`]) and, for machines without Azurite, a small table endpoint
//! ([`table`]). [`run`] connects them.

mod accept;
mod app_build;
mod app_file;
mod base64_rule;
#[doc = include_str!("../BEHAVIOUR.md")]
pub mod behaviour {}
mod binding_data;
mod cli;
mod console;
pub mod functions;
pub mod handler;
mod header_names;
pub mod host_json;
pub mod http;
pub mod hub;
pub mod invoke;
pub mod json;
pub mod log;
mod messages;
mod output;
mod project;
pub mod queues;
mod run;
pub mod settings;
mod sources;
pub mod table;
pub mod timers;

pub use cli::Cli;
pub use run::run;
