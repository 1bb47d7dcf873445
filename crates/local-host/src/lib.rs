//! A development host for custom handlers.

pub mod hub;
pub mod invoke;
pub mod log;
