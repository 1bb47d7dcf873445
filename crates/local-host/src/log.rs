//! How loud a message of the development host is.

/// The level of a message that the development host prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// The normal course of things.
    Info,
    /// Something works, but not as its author probably expects.
    Warning,
    /// Something failed or was refused.
    Error,
}
