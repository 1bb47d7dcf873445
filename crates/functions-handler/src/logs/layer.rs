//! Copies the events of an invocation to its `Logs`. The log is attached to the span of the invocation,
//! so events find it without a lock that invocations would share.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::one_line::escape;

/// The most entries of one invocation.
pub(super) const MAX_ENTRIES: usize = 200;
/// The longest entry, in bytes.
pub(super) const MAX_ENTRY: usize = 8 << 10;

const TARGET: &str = "functions_handler::invocation";
const SPAN: &str = "invocation";

thread_local! {
    /// Hands a log over to the span that is being made, because `tracing` cannot carry such a value.
    static NEW_SPAN_LOG: Cell<Option<InvocationLog>> = const { Cell::new(None) };
}

pub(super) fn is_invocation_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET && metadata.name() == SPAN
}

/// The `Logs` of one invocation.
#[derive(Clone, Default)]
pub(crate) struct InvocationLog(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    lines: Vec<String>,
    dropped: usize,
    sent: bool,
}

impl InvocationLog {
    /// The span of the invocation. At level ERROR, so that every filter but `off` lets it through.
    pub(crate) fn span(&self, function: &str, id: &str) -> Span {
        NEW_SPAN_LOG.set(Some(self.clone()));
        let span =
            tracing::error_span!(target: TARGET, "invocation", %function, %id, trace_id = Empty);
        NEW_SPAN_LOG.set(None);
        span
    }

    /// The entries so far. What comes later (from a task that outlives the invocation) is on stdout
    /// only.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut entries = self.lock();
        entries.sent = true;
        let mut lines = mem::take(&mut entries.lines);
        if entries.dropped > 0 {
            lines.push(format!(
                "WARN {} more log entries were left out, see the handler's console log",
                entries.dropped
            ));
        }
        lines
    }

    /// `of_spans`: the fields of the spans that the event is in.
    fn push(&self, event: &Event<'_>, of_spans: &str) {
        // The line is written without holding the lock: a `Debug` of a field may log, too.
        if !self.has_room() {
            return;
        }
        let line = line(event, of_spans);
        let mut entries = self.lock();
        if entries.sent {
        } else if entries.lines.len() < MAX_ENTRIES {
            entries.lines.push(line);
        } else {
            entries.dropped += 1;
        }
    }

    /// Whether another entry fits; counts it as left out if not.
    fn has_room(&self) -> bool {
        let mut entries = self.lock();
        let room = entries.lines.len() < MAX_ENTRIES;
        if !room {
            entries.dropped += 1;
        }
        room && !entries.sent
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer that fills [`InvocationLog`]s.
pub(super) struct InvocationLogs;

/// The fields of a span as they stand on a line; of the span of the invocation only those that it got later. The
/// others are what a host says of `Logs` itself.
struct SpanFields(String);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for InvocationLogs {
    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else {
            return;
        };
        if is_invocation_span(attrs.metadata()) {
            if let Some(log) = NEW_SPAN_LOG.take() {
                span.extensions_mut().insert(log);
            }
            return;
        }
        let mut fields = Fields::default();
        attrs.record(&mut fields);
        if !fields.rest.is_empty() {
            span.extensions_mut().insert(SpanFields(fields.rest));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else {
            return;
        };
        let mut fields = Fields::default();
        values.record(&mut fields);
        let mut extensions = span.extensions_mut();
        match extensions.get_mut::<SpanFields>() {
            Some(known) => known.0.push_str(&fields.rest),
            None => extensions.insert(SpanFields(fields.rest)),
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut of_spans = String::new();
        for span in ctx.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<SpanFields>() {
                of_spans.push_str(&fields.0);
            }
            if let Some(log) = extensions.get::<InvocationLog>().cloned() {
                // The line calls `Debug` of foreign types, which may use spans.
                drop(extensions);
                log.push(event, &of_spans);
                return;
            }
        }
    }
}

/// `LEVEL target: message name=value`, the fields of the event before those of its spans, on one line and of bounded length.
fn line(event: &Event<'_>, of_spans: &str) -> String {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let text = format!(
        "{} {}: {}{}{of_spans}",
        metadata.level(),
        metadata.target(),
        fields.message,
        fields.rest
    );
    let mut line = escape(&text).into_owned();
    if line.len() > MAX_ENTRY {
        line.truncate(line.floor_char_boundary(MAX_ENTRY - '…'.len_utf8()));
        line.push('…');
    }
    line
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a `String` does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }
}
