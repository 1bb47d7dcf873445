//! How many requests are under way to a table at once.
//!
//! A service that is too busy answers 503 or 429. Fewer requests at once then bring as many entities, and leave room for
//! others. Invariant: the limit stays between 1 and the most; each refusal lowers it, but only once for all requests that
//! were under way together; each page raises it a little.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// With how many requests a process begins.
const FIRST: f64 = 32.0;
const MOST: f64 = 64.0;
/// What is left of the limit after a refusal.
const CUT: f64 = 0.7;
/// Requests that were under way together are refused together. They are taken for one refusal.
const TOGETHER: Duration = Duration::from_millis(200);

/// Limits the requests of all clones together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limiter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: u32,
    cut_at: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            limit: FIRST,
            under_way: 0,
            cut_at: None,
        }
    }
}

/// The leave to make one request. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Shared>);

impl Limiter {
    /// Waits until one more request may be made.
    pub(crate) async fn permit(&self) -> Permit {
        loop {
            // It waits from here on, so that no permit that is freed between the look and the wait is missed.
            let mut freed = pin!(self.0.freed.notified());
            freed.as_mut().enable();
            {
                let mut state = self.0.state();
                if f64::from(state.under_way) < state.limit.floor() {
                    state.under_way += 1;
                    return Permit(Arc::clone(&self.0));
                }
            }
            freed.await;
        }
    }

    /// Notes that the service gave what was asked for.
    pub(crate) fn succeeded(&self) {
        let mut state = self.0.state();
        let before = state.limit.floor();
        state.limit = (state.limit + 1.0 / state.limit).min(MOST);
        if state.limit.floor() > before {
            drop(state);
            self.0.freed.notify_one();
        }
    }

    /// Notes that the service was too busy.
    pub(crate) fn refused(&self) {
        let mut state = self.0.state();
        let now = Instant::now();
        if state.cut_at.is_some_and(|cut_at| now < cut_at + TOGETHER) {
            return;
        }
        state.cut_at = Some(now);
        state.limit = (state.limit * CUT).max(1.0);
        tracing::debug!(
            limit = state.limit,
            "the table service is busy: fewer requests at once"
        );
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    /// As many permits as there are.
    fn all(limiter: &Limiter) -> Vec<Permit> {
        std::iter::from_fn(|| limiter.permit().now_or_never()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_lower_the_limit_to_one_and_pages_raise_it_again() {
        let limiter = Limiter::default();
        assert_eq!(all(&limiter).len(), 32);
        limiter.refused();
        // Of the same moment.
        limiter.refused();
        assert_eq!(all(&limiter).len(), 22);
        for _ in 0..20 {
            tokio::time::advance(TOGETHER).await;
            limiter.refused();
        }
        assert_eq!(all(&limiter).len(), 1);
        limiter.succeeded();
        assert_eq!(all(&limiter).len(), 2);
        for _ in 0..10_000 {
            limiter.succeeded();
        }
        assert_eq!(all(&limiter).len(), 64);
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_a_permit_is_dropped_or_the_limit_raised() {
        let limiter = Limiter::default();
        let mut permits = all(&limiter);
        let mut waits: Vec<_> = (0..3).map(|_| Box::pin(limiter.permit())).collect();
        for wait in &mut waits {
            assert!(wait.now_or_never().is_none());
        }
        permits.truncate(31);
        for _ in 0..64 {
            limiter.succeeded();
        }
        let passed = waits.iter_mut().filter_map(|wait| wait.now_or_never());
        let passed: Vec<_> = passed.collect();
        // One by the permit, and one by the limit, which is 33 now.
        assert_eq!(passed.len(), 2);
    }
}
