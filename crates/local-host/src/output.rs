//! The output of local-host, in colours on a terminal. It never blocks when it is not read: see
//! [`functions_handler::output`].

use std::sync::LazyLock;
use std::time::Duration;

use functions_handler::output::Output;

/// How long [`flush`] waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

static STDOUT: LazyLock<Output> = LazyLock::new(|| Output::new("stdout", anstream::stdout()));
static STDERR: LazyLock<Output> = LazyLock::new(|| Output::new("stderr", anstream::stderr()));

/// Prints whole lines to stdout.
pub(crate) fn print(lines: &str) {
    STDOUT.write(lines.as_bytes());
}

/// Prints whole lines to stderr.
pub(crate) fn print_error(lines: &str) {
    STDERR.write(lines.as_bytes());
}

/// Waits, a second at most, until all lines have been written. For the end of the program.
pub(crate) fn flush() {
    STDOUT.flush(LAST_LINES);
    STDERR.flush(LAST_LINES);
}
