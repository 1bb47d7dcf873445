//! A development host for custom handlers, with the feel of `func start`.
//!
//! It reads an app's files ([`app_file`], [`settings`], [`host_json`], [`functions`]), builds and starts its handler
//! ([`app_build`], [`sources`], [`handler`]), turns HTTP requests into the host's JSON envelope and answers into
//! responses ([`http`], [`binding_data`]), runs a task hub ([`hub`]) and, for machines without Azurite, a small table
//! endpoint ([`table`]). [`run`] ties them together.
//!
//! It behaves as a real host does, oddities included; where a real host hangs or silently loses
//! something, it fails at once or warns, and says what a real host would do.

mod accept;
pub mod app_build;
pub mod app_file;
pub mod binding_data;
pub mod cli;
pub mod console;
pub mod dotnet_time;
pub mod functions;
pub mod handler;
pub mod host_json;
pub mod http;
pub mod hub;
pub mod invoke;
pub mod json;
pub mod log;
pub mod output;
pub mod project;
pub mod run;
pub mod settings;
pub mod sources;
pub mod table;
