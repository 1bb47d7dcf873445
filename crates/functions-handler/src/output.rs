//! Output that never waits for whoever reads it.
//!
//! A pipe that nobody reads is full after 64 KiB. A write then waits for ever, and with it its thread, soon
//! every thread that logs, and in the end the stop on a signal. So text goes through a queue to a thread
//! of its own. What finds the queue full is dropped and counted, and the count is written as soon as there
//! is room. The price is that the last lines have to be [flushed](Output::flush) before the process ends.
//!
//! Invariants: [`Output::write`] never waits for the stream, and the queue never holds more than its limit.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How many bytes may wait: some ten thousand lines.
const LIMIT: usize = 4 << 20;

/// How much is written at once.
const BATCH: usize = 64 << 10;

/// A stream behind a queue. Clones share both.
#[derive(Clone)]
pub struct Output(Arc<Handle>);

/// The thread ends with the last of these.
struct Handle(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// What waits and what is being written.
    bytes: usize,
    /// Lines that were dropped and have not been reported.
    dropped: usize,
    closed: bool,
}

impl Output {
    /// A queue of 4 MiB in front of `stream`, with a thread called `name`. Should the thread not start,
    /// everything is dropped.
    #[must_use]
    pub fn new(name: &str, stream: impl Write + Send + 'static) -> Self {
        Self::with_limit(name, stream, LIMIT)
    }

    /// The same with another limit, in bytes.
    #[must_use]
    pub fn with_limit(name: &str, stream: impl Write + Send + 'static, limit: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            limit,
        });
        let writer = Arc::clone(&shared);
        // Without the thread the queue fills up, and stays full.
        let _ = Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.run(stream));
        Self(Arc::new(Handle(shared)))
    }

    /// The standard output of this process.
    pub fn stdout() -> &'static Self {
        static STDOUT: LazyLock<Output> = LazyLock::new(|| Output::new("stdout", io::stdout()));
        &STDOUT
    }

    /// The standard error of this process.
    pub fn stderr() -> &'static Self {
        static STDERR: LazyLock<Output> = LazyLock::new(|| Output::new("stderr", io::stderr()));
        &STDERR
    }

    /// Queues whole lines. They are dropped when they find no room.
    pub fn write(&self, lines: &[u8]) {
        let Handle(shared) = &*self.0;
        let mut state = shared.lock();
        if state.bytes.saturating_add(lines.len()) > shared.limit {
            let ends = lines.iter().filter(|byte| **byte == b'\n').count();
            state.dropped += ends.max(1);
        } else {
            state.bytes += lines.len();
            state.waiting.push_back(lines.to_vec());
        }
        shared.changed.notify_all();
    }

    /// Waits until everything has been written, at most for `limit`. Returns whether it has.
    pub fn flush(&self, limit: Duration) -> bool {
        let Handle(shared) = &*self.0;
        let end = Instant::now().checked_add(limit);
        let mut state = shared.lock();
        while state.bytes > 0 || state.dropped > 0 {
            let left = end.map_or(Duration::MAX, |end| {
                end.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return false;
            }
            let waited = shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Shows nothing of what waits.
impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut stream: impl Write) {
        while let Some((text, dropped)) = self.next() {
            // A closed stream must not end the process.
            let _ = stream.write_all(&text);
            if dropped > 0 {
                let _ = writeln!(
                    stream,
                    "{dropped} lines of output were dropped here: whoever reads it is too slow."
                );
            }
            let _ = stream.flush();
            self.lock().bytes -= text.len();
            self.changed.notify_all();
        }
    }

    /// The next text, and how many lines after it were dropped; `None` at the end.
    fn next(&self) -> Option<(Vec<u8>, usize)> {
        let mut state = self.lock();
        loop {
            let mut text = Vec::new();
            while text.len() < BATCH
                && let Some(lines) = state.waiting.pop_front()
            {
                text.extend(lines);
            }
            // What was dropped came after everything that waited.
            let dropped = if state.waiting.is_empty() {
                std::mem::take(&mut state.dropped)
            } else {
                0
            };
            if !text.is_empty() || dropped > 0 {
                return Some((text, dropped));
            }
            if state.closed {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stream that is read when the test says so.
    struct Pipe {
        read: Receiver<()>,
        text: Sender<String>,
    }

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.read.recv();
            let _ = self.text.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const FOR_EVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_stream_that_nobody_reads_blocks_no_writer_and_dropped_lines_are_counted() {
        let (reader, read) = channel();
        let (text, received) = channel();
        let output = Output::with_limit("pipe", Pipe { read, text }, 100);
        for number in 0..1_000 {
            output.write(format!("line {number:03}\n").as_bytes());
        }
        assert!(!output.flush(Duration::ZERO), "nobody has read");

        drop(reader);
        assert!(output.flush(FOR_EVER));
        drop(output);
        let text: String = received.iter().collect();
        let kept: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("line"))
            .collect();
        assert_eq!(kept.len(), 11, "of 9 bytes each: {text}");
        assert_eq!(kept.first(), Some(&"line 000"));
        assert_eq!(kept.last(), Some(&"line 010"));
        let dropped: usize = text
            .lines()
            .filter_map(|line| {
                line.strip_suffix(
                    " lines of output were dropped here: whoever reads it is too slow.",
                )
            })
            .map(|count| count.parse::<usize>().unwrap())
            .sum();
        assert_eq!(dropped, 989);
    }

    #[test]
    fn dropped_lines_are_reported_after_all_lines_that_waited_before_them() {
        let (reader, read) = channel();
        let (text, received) = channel();
        // Several writes' worth.
        let output = Output::with_limit("pipe", Pipe { read, text }, 4 * BATCH);
        let line = format!("line{}\n", "x".repeat(BATCH / 8));
        for _ in 0..100 {
            output.write(line.as_bytes());
        }
        drop(reader);
        assert!(output.flush(FOR_EVER));
        let text: String = received.try_iter().collect();
        let (before, after) = text.split_once(" lines of output were dropped").unwrap();
        assert!(before.matches("line").count() > 16, "more than one write");
        assert!(!after.contains("linex"), "{}", after.len());
    }

    #[test]
    fn everything_is_written_in_order_before_a_flush_ends() {
        let (reader, read) = channel();
        let (text, received) = channel();
        drop(reader);
        let output = Output::new("pipe", Pipe { read, text });
        let lines: Vec<_> = (0..20_000).map(|number| format!("{number}\n")).collect();
        for line in &lines {
            output.write(line.as_bytes());
        }
        assert!(output.flush(FOR_EVER));
        let text: String = received.try_iter().collect();
        assert_eq!(text, lines.concat());
    }
}
