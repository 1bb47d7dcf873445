//! Handlers as processes of their own. Each test runs this binary again as a child process, because
//! the environment, the logging and the signals of a process are set once and shared by all of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod app_folder;
mod console;
#[cfg(unix)]
mod lifecycle;
