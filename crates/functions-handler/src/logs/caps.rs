//! Which events are logged: `RUST_LOG`, under caps that it cannot lift, and nothing while a function
//! given to [`Builder::silence_when`](super::Builder::silence_when) says so.

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::layer;

/// The filter of the layers of this module, and of no other layer. A cap is looked at first, so that no directive of
/// the filter, static or by span, gets around it.
pub(super) struct CappedFilter {
    env: EnvFilter,
    caps: Vec<(String, LevelFilter)>,
    silences: Vec<fn() -> bool>,
}

impl CappedFilter {
    pub(super) fn new(
        env: EnvFilter,
        caps: Vec<(String, LevelFilter)>,
        silences: Vec<fn() -> bool>,
    ) -> Self {
        Self {
            env,
            caps,
            silences,
        }
    }

    fn is_capped(&self, metadata: &Metadata<'_>) -> bool {
        self.caps.iter().any(|(prefix, cap)| {
            metadata.target().starts_with(prefix.as_str()) && metadata.level() > cap
        })
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Filter<S> for CappedFilter {
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // EnvFilter learns of the invocation's span, too, for directives such as `[invocation]=debug`.
        let interest = <EnvFilter as Filter<S>>::callsite_enabled(&self.env, metadata);
        if layer::is_invocation_span(metadata) {
            Interest::always()
        } else if self.is_capped(metadata) {
            Interest::never()
        } else if interest.is_always() && !self.silences.is_empty() {
            // Otherwise the answer would be remembered, and `enabled` not asked.
            Interest::sometimes()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: &Context<'_, S>) -> bool {
        // `RUST_LOG=my_app=debug` names no other target, but it must not drop the span that ties events
        // to their invocation.
        layer::is_invocation_span(metadata)
            || (!self.is_capped(metadata)
                && <EnvFilter as Filter<S>>::enabled(&self.env, metadata, ctx)
                // Last, so that the functions cost nothing for the levels that are off.
                && !(metadata.is_event() && self.silences.iter().any(|silent| silent())))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        <EnvFilter as Filter<S>>::max_level_hint(&self.env)
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_new_span(&self.env, attrs, id, ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_record(&self.env, id, values, ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_enter(&self.env, id, ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_exit(&self.env, id, ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        <EnvFilter as Filter<S>>::on_close(&self.env, id, ctx);
    }
}
