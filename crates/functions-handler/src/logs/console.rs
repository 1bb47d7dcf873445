//! The console of the process: errors on stderr, everything else on stdout. No write waits for the reader.

use std::io::{self, Write};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::output::Output;

/// How long the last lines are waited for when the process ends.
const LAST_LINES: Duration = Duration::from_millis(500);

pub(super) struct Console;

impl MakeWriter<'_> for Console {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(Output::stdout())
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> Line {
        if *metadata.level() == Level::ERROR {
            Line(Output::stderr())
        } else {
            Line(Output::stdout())
        }
    }
}

pub(super) struct Line(&'static Output);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for what has been logged so far.
pub(crate) fn flush() {
    Output::stdout().flush(LAST_LINES);
    Output::stderr().flush(LAST_LINES);
}

/// For a `main` that just returns: the destructors of its thread are the last code that can flush.
pub(super) fn flush_at_the_end_of_this_thread() {
    struct Flush;
    impl Drop for Flush {
        fn drop(&mut self) {
            flush();
        }
    }
    thread_local! {
        static AT_THE_END: Flush = const { Flush };
    }
    AT_THE_END.with(|_| ());
}
