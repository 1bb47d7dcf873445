//! What the handler prints: each line becomes a log line of the host.

use crate::log::{LogLevel, Logger};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How many lines of stderr are repeated when the process crashes.
const KEPT_LINES: usize = 3;

/// The last error lines of stderr.
#[derive(Clone, Default)]
pub(super) struct LastErrors(Arc<Mutex<VecDeque<String>>>);

impl LastErrors {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    pub(super) fn joined(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join(",")
    }
}

/// Logs the lines of stdout, all as information whatever they say.
pub(super) async fn pump_stdout(stream: impl AsyncRead + Unpin, log: Logger) {
    each_line(stream, |line| write(line, LogLevel::Info, &log)).await;
}

/// Logs the lines of stderr at the level that a real host gives them.
pub(super) async fn pump_stderr(
    stream: impl AsyncRead + Unpin,
    all_errors: bool,
    last: LastErrors,
    log: Logger,
) {
    each_line(stream, |line| {
        let level = stderr_level(line, all_errors);
        if level == LogLevel::Error {
            last.push(line);
        }
        write(line, level, &log);
    })
    .await;
}

/// Reads to the end of the stream; bytes that are not UTF-8 are replaced, none is lost to a failed
/// line.
async fn each_line(stream: impl AsyncRead + Unpin, mut take: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        take(text.trim_end_matches(['\r', '\n']));
        line.clear();
    }
}

fn write(line: &str, level: LogLevel, log: &Logger) {
    match line.strip_prefix("LanguageWorkerConsoleLog") {
        Some(rest) => log.system(level, rest),
        None => log.user(level, line),
    }
}

fn stderr_level(line: &str, all_errors: bool) -> LogLevel {
    let lower = line.to_lowercase();
    let signs = ["error", "fail", "severe", "unhandled exception"];
    if lower.contains("warn") {
        LogLevel::Warning
    } else if all_errors || signs.iter().any(|sign| lower.contains(sign)) {
        LogLevel::Error
    } else {
        LogLevel::Info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_line_is_logged_with_the_hosts_level() {
        let log = Logger::memory();
        let last = LastErrors::default();
        pump_stdout(&b"Warning: x\n\r\nlast \xff"[..], log.clone()).await;
        pump_stderr(
            &b"a WARNing\none\ntwo\nthree\nfour\n"[..],
            true,
            last.clone(),
            log.clone(),
        )
        .await;
        pump_stderr(
            &b"plain\nit failed\n"[..],
            false,
            LastErrors::default(),
            log.clone(),
        )
        .await;
        use LogLevel::{Error, Info, Warning};
        let expected = [
            (Info, "Warning: x"),
            (Info, ""),
            (Info, "last \u{fffd}"),
            (Warning, "a WARNing"),
            (Error, "one"),
            (Error, "two"),
            (Error, "three"),
            (Error, "four"),
            (Info, "plain"),
            (Error, "it failed"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(l, t)| (*l, (*t).to_owned()))
            .collect();
        assert_eq!(log.messages(), expected);
        assert_eq!(last.joined(), "two,three,four");
    }
}
