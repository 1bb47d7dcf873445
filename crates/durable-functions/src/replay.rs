//! Whether code runs for the first time, for logs that must be written once.
//!
//! A flag of the thread, because a logging library asks without any context. Invariant: it is set
//! only while the engine runs code of an orchestrator, and never outlives that.

use std::cell::Cell;

thread_local! {
    static REPLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread now runs orchestrator code that has already run in an earlier turn.
///
/// For logging libraries: a filter that asks it writes each line of an orchestrator once, not once
/// for every turn. `false` outside of orchestrators. With `tracing-subscriber`, use
/// [`ReplayFilter`].
pub fn is_replaying() -> bool {
    // On a thread that ends the flag may be gone; no orchestrator runs there.
    REPLAYING.try_with(Cell::get).unwrap_or(false)
}

/// Sets the flag of this thread until the guard is dropped.
pub(crate) fn enter(replaying: bool) -> Replaying {
    Replaying {
        outer: REPLAYING.replace(replaying),
    }
}

/// See [`enter`].
pub(crate) struct Replaying {
    outer: bool,
}

impl Drop for Replaying {
    fn drop(&mut self) {
        REPLAYING.set(self.outer);
    }
}

#[cfg(feature = "tracing-subscriber")]
pub use filter::ReplayFilter;

#[cfg(feature = "tracing-subscriber")]
mod filter {
    use tracing::{Metadata, Subscriber};
    use tracing_subscriber::layer::{Context, Filter};

    /// A filter for a `tracing_subscriber` layer that silences what orchestrators emit while they
    /// are replayed, so that each event is written once, by the turn in which it happened.
    ///
    /// Everything else passes: activities, entities, clients, the app itself. Combine it with other
    /// filters by `tracing_subscriber::filter::FilterExt`.
    ///
    /// ```
    /// use durable_functions::ReplayFilter;
    /// use tracing_subscriber::layer::{Layer, SubscriberExt};
    ///
    /// # use tracing_subscriber::layer::Identity as MyLayer;
    /// let subscriber = tracing_subscriber::registry()
    ///     .with(MyLayer::new().with_filter(ReplayFilter::new()));
    /// # drop(subscriber);
    /// ```
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ReplayFilter {
        spans: bool,
    }

    impl ReplayFilter {
        /// Silences events and spans. The layer then does not know a span that was opened while
        /// replaying, not even around events of a later turn.
        pub const fn new() -> Self {
            ReplayFilter { spans: false }
        }

        /// Silences events only: for layers that print spans as the context of events, and nothing
        /// for a span itself. A layer that exports spans would export them again on every turn.
        #[must_use]
        pub const fn keeping_spans(mut self) -> Self {
            self.spans = true;
            self
        }
    }

    impl<S: Subscriber> Filter<S> for ReplayFilter {
        fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
            (self.spans && metadata.is_span()) || !super::is_replaying()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_of_one_thread_and_ends_with_its_guard() {
        assert!(!is_replaying());
        let outer = enter(true);
        assert!(is_replaying());
        assert!(!std::thread::spawn(is_replaying).join().unwrap());
        {
            let _inner = enter(false);
            assert!(!is_replaying());
        }
        assert!(is_replaying());
        drop(outer);
        assert!(!is_replaying());
    }
}
