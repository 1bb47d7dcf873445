//! A development host for custom handlers, with the feel of `func start`.
//!
//! It reads an app's files ([`settings`], [`host_json`], [`functions`]), builds and starts its handler
//! ([`handler`]), turns HTTP requests into the host's JSON envelope and answers into responses ([`http`]),
//! runs a task hub ([`hub`]) and, for machines without Azurite, a small table endpoint ([`table`]). [`run`]
//! connects them.
//!
//! It behaves as a real host does, surprising rules included. Where a real host hangs or silently loses
//! something, local-host fails at once or warns, and says what a real host would do.

mod accept;
mod app_build;
mod app_file;
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
mod output;
mod project;
mod run;
pub mod settings;
mod sources;
pub mod table;

pub use cli::Cli;
pub use run::run;
