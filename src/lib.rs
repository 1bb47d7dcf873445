//! The function app.
