//! Logging for a handler: `tracing` events to stdout and stderr in the form that the host
//! understands, and to the `Logs` of the invocation they belong to.
//!
//! - **stdout**: one line per event, all levels but ERROR; the host makes each line an Information
//!   entry, which belongs to no invocation.
//! - **stderr**: ERROR only, because the host makes an Error entry of every line there.
//! - **`Logs`**: events inside an invocation (in its span, also after an await and in nested
//!   spans), one line each with the level in front; the host links them to the invocation. At most
//!   200 entries of 8 KiB.
//!
//! The host therefore shows an event of an invocation twice. Each copy does what the other cannot:
//! `Logs` are linked to the invocation, but arrive only with its answer, and are lost when the
//! invocation fails, runs into the time-out or ends the process. A line on stdout arrives at once, in
//! every case.
//!
//! ```no_run
//! use functions_handler::logs::{Builder, LevelFilter};
//!
//! # fn main() -> Result<(), functions_handler::logs::InitError> {
//! // These crates print the Authorization header at DEBUG.
//! Builder::new().cap("azure_core", LevelFilter::INFO).init()?;
//! # Ok(()) }
//! ```
//!
//! # Beside other layers
//!
//! [`Builder::layer`] is the same as a layer of `tracing-subscriber`, for an app that exports spans or writes
//! another format as well. Its filter and its caps are its own. With
//! [`Builder::without_console`] it fills `Logs` only, and another layer writes to the console:
//!
//! ```no_run
//! use functions_handler::logs;
//! use tracing_subscriber::layer::{Layer, SubscriberExt};
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! # use tracing_subscriber::layer::Identity as ExportLayer;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = ExportLayer::new(); // such as `tracing_opentelemetry::layer()`
//! tracing_subscriber::registry()
//!     .with(logs::Builder::new().layer()?)
//!     .with(exporter.with_filter(logs::LevelFilter::INFO))
//!     .try_init()?;
//! logs::hook_panics();
//! # Ok(()) }
//! ```
//!
//! In an app with orchestrators, `silence_when` keeps a replay out of this layer, and
//! `.with_filter(durable_functions::ReplayFilter::new())` out of any other.

mod caps;
mod console;
mod layer;
mod one_line;
mod panics;

use std::fmt;
use std::io::{self, Write as _};

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use tracing_subscriber::filter::LevelFilter;

use self::caps::CappedFilter;
use self::console::Console;
pub(crate) use self::console::flush;
pub(crate) use self::layer::InvocationLog;
use self::layer::InvocationLogs;
use self::one_line::OneLine;
use crate::redaction::redacted;

/// Sets up logging with the defaults of [`Builder`]. An app with orchestrators needs
/// [`Builder::silence_when`] instead: without it their lines are logged again on every turn.
///
/// # Errors
/// As [`Builder::init`].
pub fn init() -> Result<(), InitError> {
    Builder::new().init()
}

/// Sets up logging.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    filter: Option<String>,
    caps: Vec<(String, LevelFilter)>,
    silences: Vec<fn() -> bool>,
    no_console: bool,
}

/// Makes each panic a single line of the log, in which [credentials are hidden](crate::redaction), and waits for
/// the last lines at the end of the thread that calls this, where the system allows it.
///
/// [`Builder::init`] does it. An app that puts a [`Builder::layer`] into a subscriber of its own calls it after
/// that.
pub fn hook_panics() {
    console::flush_at_the_end_of_this_thread();
    // Without it a panic is several lines on stderr, each an Error entry of its own, and
    // nothing in the invocation's `Logs`.
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        let panic = redacted(&text);
        let backtrace = std::backtrace::Backtrace::capture();
        match panics::named_frames(&backtrace.to_string()) {
            Some(backtrace) => tracing::error!(%backtrace, "{panic}"),
            None => tracing::error!("{panic}"),
        }
        if cfg!(panic = "abort") {
            flush();
        }
    }));
}

/// Reports a mistake in how the app is set up, found at its start: as a warning in the log or, when the
/// process has no logging, as a line on stderr, which the host prints.
pub fn warn_at_the_start(mistake: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{mistake}");
    } else {
        // A host takes a line on stderr for an error unless it says otherwise.
        let _ = writeln!(io::stderr(), "warning: {mistake}");
    }
}

/// Logging cannot be set up.
///
/// A `main` that returns it prints it with `Debug`, which is therefore the same text as `Display`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("RUST_LOG is `{filter}`, expected directives such as `info,my_app=debug`: {error}")]
    #[non_exhaustive]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        error: tracing_subscriber::filter::ParseError,
    },
    /// The process has a global `tracing` subscriber already.
    #[error("logging is set up already")]
    AlreadySet,
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Builder {
    /// The defaults: the filter in `RUST_LOG`, else `info`; no caps.
    pub fn new() -> Self {
        Self::default()
    }

    /// The filter, in the syntax of `RUST_LOG`, which is then not read.
    pub fn filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Lets no event through that is more verbose than `level` and whose target begins with
    /// `target_prefix`, whatever the filter says.
    ///
    /// For crates that write secrets at a verbose level. The prefix counts letter by letter
    /// (`typespec` covers `typespec_client_core` too): a cap that is too wide costs a log line, one
    /// that is too narrow a key.
    pub fn cap(mut self, target_prefix: impl Into<String>, level: LevelFilter) -> Self {
        self.caps.push((target_prefix.into(), level));
        self
    }

    /// Drops the events for which `silent` returns true, from the console and from `Logs`, whatever
    /// their level. It is asked on the thread of the event, when the event happens.
    ///
    /// For an orchestrator's replay, in which every line would be written again: give it
    /// `durable_functions::is_replaying`. Of several such functions one is enough to drop an event.
    pub fn silence_when(mut self, silent: fn() -> bool) -> Self {
        self.silences.push(silent);
        self
    }

    /// Makes this the logging of the process, and panics a single line in it, in which
    /// [credentials are hidden](crate::redaction).
    ///
    /// Lines are written by a thread of their own, so that a host that does not read them holds up
    /// nothing: see [`output`](crate::output). The last ones are waited for, half a second at most, by
    /// [`ServeError::exit`](crate::ServeError::exit) and, where the system allows it, at the end of the
    /// thread that calls this. A `main` that ends in another way should flush
    /// [`Output::stdout`](crate::output::Output::stdout) and
    /// [`Output::stderr`](crate::output::Output::stderr).
    ///
    /// # Errors
    /// The filter cannot be read, or logging is set up already.
    pub fn init(self) -> Result<(), InitError> {
        self.build(Console)?
            .try_init()
            .map_err(|_| InitError::AlreadySet)?;
        hook_panics();
        Ok(())
    }

    /// Writes nothing to the console, only to the `Logs` of invocations: for an app in which another layer writes
    /// to the console. `Logs` arrive with the answer of an invocation, and are lost when it fails.
    pub fn without_console(mut self) -> Self {
        self.no_console = true;
        self
    }

    /// The same as a layer, for a subscriber with other layers. Caps, silences and the filter hold for this layer
    /// only. [`hook_panics`] does the rest of what [`init`](Self::init) does.
    ///
    /// # Errors
    /// The filter cannot be read.
    pub fn layer<S>(self) -> Result<impl Layer<S> + Send + Sync + use<S>, InitError>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        self.layer_to(Console)
    }

    /// The same as a subscriber that writes its lines to `writer`: for tests, with
    /// `tracing::subscriber::with_default`.
    ///
    /// # Errors
    /// The filter cannot be read.
    pub fn build<W>(self, writer: W) -> Result<impl Subscriber + Send + Sync, InitError>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        Ok(Registry::default().with(self.layer_to(writer)?))
    }

    fn layer_to<S, W>(self, writer: W) -> Result<impl Layer<S> + Send + Sync + use<S, W>, InitError>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let filter = self
            .filter
            .or_else(|| std::env::var("RUST_LOG").ok())
            .filter(|directives| !directives.trim().is_empty())
            .unwrap_or_else(|| "info".to_owned());
        let env = EnvFilter::builder()
            .parse(&filter)
            .map_err(|error| InitError::Filter { filter, error })?;
        let lines = tracing_subscriber::fmt::layer()
            .compact()
            .with_ansi(false)
            // A host that is gone leaves closed pipes behind; complaining about it would panic.
            .log_internal_errors(false)
            .with_writer(OneLine(writer));
        let lines = (!self.no_console).then_some(lines);
        Ok(InvocationLogs
            .and_then(lines)
            .with_filter(CappedFilter::new(env, self.caps, self.silences)))
    }
}
