//! A development host for custom handlers.

pub mod invoke;
