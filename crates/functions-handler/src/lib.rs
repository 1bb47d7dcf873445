//! functions-handler.
