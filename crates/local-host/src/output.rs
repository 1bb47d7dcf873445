//! What local-host prints, in colours when it goes to a terminal. Nobody has to read it: see
//! [`functions_handler::output`].

use std::sync::LazyLock;
use std::time::Duration;

use functions_handler::output::Output;

/// How long the last lines are waited for.
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

/// Waits for what has been printed so far, a second at most: for the end of the program.
pub(crate) fn flush() {
    STDOUT.flush(LAST_LINES);
    STDERR.flush(LAST_LINES);
}
