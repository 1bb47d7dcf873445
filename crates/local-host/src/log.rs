//! What local-host prints: lines in the format of `func start`.
//!
//! Every line of a message gets the UTC timestamp; neither level nor category is shown, only a
//! colour. User messages (the handler's output, the executions) are always printed, system messages
//! below warning only with `--verbose`.
//!
//! Credentials are hidden in every message but the handler's own lines, which `func start` prints as they
//! are. It is done here and not where a message is made: the text of a failure reaches the log in
//! many ways, and one that was forgotten would show a key.

use crate::output;
use anstyle::{AnsiColor, Style};
use functions_handler::redaction::redacted;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use time::OffsetDateTime;
use time::macros::format_description;

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something happened.
    Info,
    /// Something is wrong, but work continues.
    Warning,
    /// Something failed.
    Error,
}

impl LogLevel {
    fn style(self) -> Style {
        let colour = match self {
            Self::Info => AnsiColor::Cyan,
            Self::Warning => AnsiColor::Yellow,
            Self::Error => AnsiColor::BrightRed,
        };
        colour.on_default()
    }
}

/// A sink for log messages; cheap to clone.
#[derive(Clone)]
pub struct Logger {
    sink: Sink,
    verbose: bool,
}

#[derive(Clone)]
enum Sink {
    Stdout,
    Memory(Arc<Mutex<Vec<(LogLevel, String)>>>),
}

impl Logger {
    /// Prints to stdout, with colours when it is a terminal.
    #[must_use]
    pub fn stdout(verbose: bool) -> Self {
        Self {
            sink: Sink::Stdout,
            verbose,
        }
    }

    /// Keeps the messages, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            sink: Sink::Memory(Arc::default()),
            verbose: true,
        }
    }

    /// The messages that a [`memory`](Self::memory) logger has kept so far.
    #[must_use]
    pub fn messages(&self) -> Vec<(LogLevel, String)> {
        match &self.sink {
            Sink::Stdout => Vec::new(),
            Sink::Memory(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Whether system messages are printed.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A message that is always printed.
    pub fn user(&self, level: LogLevel, message: impl AsRef<str>) {
        self.write(level, &redacted(message.as_ref()));
    }

    /// A line of the handler: always printed, and nothing in it is hidden.
    pub fn handler(&self, level: LogLevel, line: impl AsRef<str>) {
        self.write(level, line.as_ref());
    }

    fn write(&self, level: LogLevel, message: &str) {
        match &self.sink {
            Sink::Stdout => print(level, message),
            Sink::Memory(kept) => kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((level, message.to_owned())),
        }
    }

    /// A message about what the host itself does: below warning only with `--verbose`.
    pub fn system(&self, level: LogLevel, message: impl AsRef<str>) {
        if self.verbose || level >= LogLevel::Warning {
            self.user(level, message);
        }
    }

    /// Shorthand for a warning.
    pub fn warning(&self, message: impl AsRef<str>) {
        self.user(LogLevel::Warning, message);
    }

    /// Shorthand for an error.
    pub fn error(&self, message: impl AsRef<str>) {
        self.user(LogLevel::Error, message);
    }
}

fn print(level: LogLevel, message: &str) {
    let grey = AnsiColor::BrightBlack.on_default();
    let style = level.style();
    let stamp = timestamp(OffsetDateTime::now_utc());
    let mut lines = String::new();
    for line in message.split('\n') {
        let line = line.trim_end_matches('\r');
        // Writing to a `String` does not fail.
        let _ = writeln!(lines, "{grey}[{stamp}]{grey:#} {style}{line}{style:#}");
    }
    output::print(&lines);
}

fn timestamp(now: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    now.format(format).unwrap_or_default()
}

/// An error with its causes in one line.
#[must_use]
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_utc_with_milliseconds() {
        let moment = time::macros::datetime!(2026-08-20 10:00:00.1239 UTC);
        assert_eq!(timestamp(moment), "2026-08-20T10:00:00.123Z");
    }

    #[test]
    fn credentials_are_hidden_in_all_messages_but_the_handlers_lines() {
        let log = Logger::memory();
        let text = "AccountKey=secret";
        log.user(LogLevel::Info, text);
        log.system(LogLevel::Info, text);
        log.warning(text);
        log.error(text);
        log.handler(LogLevel::Info, text);
        let texts: Vec<_> = log.messages().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts[..4], ["[Hidden Credential]"; 4]);
        assert_eq!(texts[4], text);
    }

    #[test]
    fn system_messages_below_warning_need_verbose() {
        let quiet = Logger {
            verbose: false,
            ..Logger::memory()
        };
        quiet.system(LogLevel::Info, "hidden");
        quiet.system(LogLevel::Warning, "seen");
        quiet.user(LogLevel::Info, "also seen");
        let texts: Vec<_> = quiet.messages().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["seen", "also seen"]);
    }
}
