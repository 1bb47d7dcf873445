//! What the handler prints: each line becomes a log line of the host.

use super::echoes::{Echoes, without_span};
use crate::log::{LogLevel, Logger};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How many lines of stderr are kept: enough for a handler that lists all its wrong settings.
const KEPT_LINES: usize = 100;
/// How many lines of stderr are repeated when the process crashes, as in a real host.
const REPEATED_LINES: usize = 3;
/// How old a line may be that is repeated when the process crashes. A real host repeats lines of any age, which
/// look like the reason and often are not.
const REPEATED_FOR: Duration = Duration::from_secs(5);

/// The last error lines of stderr, and when each was read.
#[derive(Clone, Default)]
pub(super) struct LastErrors(Arc<Mutex<VecDeque<(Instant, String)>>>);

impl LastErrors {
    fn push(&self, line: &str, now: Instant) {
        let mut lines = self.lock();
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back((now, line.to_owned()));
    }

    /// All lines that are kept, oldest first.
    pub(super) fn all(&self) -> Vec<String> {
        self.lock().iter().map(|(_, line)| line.clone()).collect()
    }

    /// The last lines of a process that ended at `end`; none that is too old to be the reason.
    pub(super) fn before(&self, end: Instant) -> Vec<String> {
        let lines = self.lock();
        let is_recent = |read: Instant| end.saturating_duration_since(read) <= REPEATED_FOR;
        let skipped = lines.len().saturating_sub(REPEATED_LINES);
        lines
            .iter()
            .skip(skipped)
            .filter(|(read, _)| is_recent(*read))
            .map(|(_, line)| line.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the lines of stdout, all at the level of information.
pub(super) async fn pump_stdout(stream: impl AsyncRead + Unpin, echoes: Echoes, log: Logger) {
    each_line(stream, &echoes, |line| {
        write(line, LogLevel::Info, &echoes, &log)
    })
    .await;
}

/// Logs the lines of stderr at the level that a real host gives them.
pub(super) async fn pump_stderr(
    stream: impl AsyncRead + Unpin,
    all_errors: bool,
    last: LastErrors,
    echoes: Echoes,
    log: Logger,
) {
    each_line(stream, &echoes, |line| {
        let level = stderr_level(line, all_errors);
        if level == LogLevel::Error {
            last.push(line, Instant::now());
        }
        write(line, level, &echoes, &log);
    })
    .await;
}

/// Reads to the end of the stream. Bytes that are not UTF-8 are replaced, so that no line is lost.
async fn each_line(stream: impl AsyncRead + Unpin, echoes: &Echoes, mut take: impl FnMut(&str)) {
    let mut asked = echoes.console();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let mut take = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line);
        take(without_timestamp(text.trim_end_matches(['\r', '\n'])).as_ref());
        line.clear();
    };
    loop {
        tokio::select! {
            // Reading comes first: a waiting caller wants all available lines to be read.
            biased;
            read = reader.fill_buf() => {
                let Ok(chunk) = read else { break };
                if chunk.is_empty() {
                    break;
                }
                let end = chunk.iter().position(|byte| *byte == b'\n');
                let length = end.map_or(chunk.len(), |at| at + 1);
                line.extend_from_slice(chunk.get(..length).unwrap_or_default());
                reader.consume(length);
                if end.is_some() {
                    take(&mut line);
                }
            }
            Some(done) = asked.recv() => drop(done.send(())),
        }
    }
    if !line.is_empty() {
        take(&mut line);
    }
}

fn write(line: &str, level: LogLevel, echoes: &Echoes, log: &Logger) {
    if let Some(rest) = line.strip_prefix("LanguageWorkerConsoleLog") {
        return log.system(level, rest);
    }
    if echoes.was_printed(line) {
        return;
    }
    echoes.receive(line);
    match without_span(line).filter(|_| !log.is_verbose()) {
        Some(short) => log.handler(level, short),
        None => log.handler(level, line),
    }
}

/// The line without a time at its start, or after a bracket at its start. The log adds its own.
fn without_timestamp(line: &str) -> Cow<'_, str> {
    let (bracket, rest) = match line.strip_prefix('[') {
        Some(rest) => ("[", rest),
        None => ("", line),
    };
    let Some(rest) = after_timestamp(rest) else {
        return Cow::Borrowed(line);
    };
    if bracket.is_empty() {
        return Cow::Borrowed(rest.trim_start());
    }
    // `[time] text` and `[time LEVEL target] text`
    match rest.strip_prefix(']') {
        Some(text) => Cow::Borrowed(text.trim_start()),
        None => Cow::Owned(format!("[{}", rest.trim_start())),
    }
}

/// What follows a time in the form of RFC 3339, if the line begins with one.
fn after_timestamp(line: &str) -> Option<&str> {
    // The shortest: 2026-11-28T05:15:16Z
    let date = line.get(..10)?;
    let end = line
        .char_indices()
        .skip(11)
        .find(|(_, sign)| matches!(sign, ' ' | '\t' | ']'))?
        .0;
    let time = line.get(11..end)?;
    if !matches!(line.get(10..11)?, "T" | " ") {
        return None;
    }
    OffsetDateTime::parse(&format!("{date}T{time}"), &Rfc3339).ok()?;
    line.get(end..)
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
        let echoes = Echoes::default();
        pump_stdout(
            &b"Warning: x\n\r\nlast \xff"[..],
            echoes.clone(),
            log.clone(),
        )
        .await;
        pump_stderr(
            &b"a WARNing\none\ntwo\nthree\nfour\n"[..],
            true,
            last.clone(),
            echoes.clone(),
            log.clone(),
        )
        .await;
        pump_stderr(
            &b"plain\nit failed\n"[..],
            false,
            LastErrors::default(),
            echoes,
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
        assert_eq!(last.all(), ["one", "two", "three", "four"]);
    }

    #[test]
    fn a_crash_repeats_the_last_lines_unless_they_are_old() {
        let last = LastErrors::default();
        let began = Instant::now();
        let later = |seconds| began + Duration::from_secs(seconds);
        for (line, read) in [("a", 0), ("b", 0), ("c", 20), ("d", 21)] {
            last.push(line, later(read));
        }
        assert_eq!(last.before(later(5)), ["b", "c", "d"]);
        assert_eq!(last.before(later(25)), ["c", "d"]);
        assert_eq!(last.before(later(60)), [""; 0]);
        assert_eq!(last.all().len(), 4);
    }

    #[tokio::test]
    async fn a_line_that_was_printed_with_the_answer_is_not_printed_again() {
        const ID: &str = "7a3a4123-6bb4-439e-8271-c3f271618cad";
        let log = Logger::memory();
        let echoes = Echoes::default();
        let logs = vec!["INFO app: a".to_owned()];
        let listening = echoes.listen(ID);
        assert_eq!(listening.missing_on_console(logs.clone()).await, logs);
        let late = format!(" INFO invocation: app: a function=f id={ID}\nother\n");
        pump_stdout(late.as_bytes(), echoes, log.clone()).await;
        assert_eq!(log.messages(), [(LogLevel::Info, "other".to_owned())]);
    }

    #[test]
    fn the_handlers_own_time_is_left_out() {
        for (line, shown) in [
            ("2026-11-28T05:15:16.623303Z  INFO app: x", "INFO app: x"),
            ("2026-11-28T05:15:16+01:00 x", "x"),
            ("2026-11-28 05:15:16Z\tx", "x"),
            ("[2026-11-28T05:15:16Z INFO  app] x", "[INFO  app] x"),
            ("[2026-11-28T05:15:16.123Z] x", "x"),
        ] {
            assert_eq!(without_timestamp(line), shown);
        }
        for line in [
            "",
            "2026-11-28",
            "2026-11-28T05:15:16Z",
            "2026-11-28 is a date",
            "2026-13-28T05:15:16Z x",
            "[x] 2026-11-28T05:15:16Z",
            "1 2026-11-28T05:15:16Z x",
            "ééééééééé 05:15:16Z x",
        ] {
            assert_eq!(without_timestamp(line), line);
        }
    }
}
