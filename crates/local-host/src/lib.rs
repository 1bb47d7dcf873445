//! A development host for custom handlers.

pub mod functions;
pub mod handler;
pub mod host_json;
pub mod http;
pub mod hub;
pub mod invoke;
pub mod json;
pub mod log;
pub mod settings;
pub mod table;
