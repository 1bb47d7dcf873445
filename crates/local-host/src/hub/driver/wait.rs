//! Callers that wait for a state of an instance or an entity.
//!
//! Invariant: a caller sees committed states only. It is asked again after each commit that changed its instance or
//! entity, and not in between.

use std::collections::HashMap;

use task_hub::StoreError;
use tokio::sync::oneshot;

use super::{TaskHub, Unavailable};

/// A caller that waits.
pub(in crate::hub) trait Wait: Send {
    /// The id of the instance or entity.
    fn id(&self) -> &str;

    /// Whether the caller has gone.
    fn is_given_up(&self) -> bool;

    /// Whether its state has come.
    fn is_over(&mut self, hub: &TaskHub) -> Result<bool, StoreError>;

    fn answer(self: Box<Self>, read: Result<(), Unavailable>);
}

pub(super) struct WaitFor<S, R, C> {
    id: String,
    /// Reads the state; `None` when there is none.
    read: R,
    condition: C,
    found: Option<S>,
    answer: oneshot::Sender<Result<S, Unavailable>>,
}

impl<S, R, C> WaitFor<S, R, C> {
    pub(super) fn new(
        id: &str,
        read: R,
        condition: C,
        answer: oneshot::Sender<Result<S, Unavailable>>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            read,
            condition,
            found: None,
            answer,
        }
    }
}

impl<S, R, C> Wait for WaitFor<S, R, C>
where
    S: Send,
    R: Fn(&TaskHub, &str) -> Result<Option<S>, StoreError> + Send,
    C: FnMut(&S) -> bool + Send,
{
    fn id(&self) -> &str {
        &self.id
    }

    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    fn is_over(&mut self, hub: &TaskHub) -> Result<bool, StoreError> {
        self.found = (self.read)(hub, &self.id)?.filter(|state| (self.condition)(state));
        Ok(self.found.is_some())
    }

    fn answer(self: Box<Self>, read: Result<(), Unavailable>) {
        let found = self.found.ok_or(Unavailable::Stopping);
        let _ = self.answer.send(read.and(found));
    }
}

/// Everybody who waits.
#[derive(Default)]
pub(super) struct Waiters {
    by_id: HashMap<String, Vec<Box<dyn Wait>>>,
    count: usize,
    /// At this count, those who have given up are removed.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 64;

impl Waiters {
    /// Answers `wait` if its state is there, or keeps it.
    pub(super) fn add(&mut self, hub: &TaskHub, wait: Box<dyn Wait>) {
        let Some(wait) = ask(hub, wait) else {
            return;
        };
        if self.count >= self.sweep_at {
            self.sweep();
        }
        self.count += 1;
        self.by_id
            .entry(wait.id().to_owned())
            .or_default()
            .push(wait);
    }

    /// Asks those who wait for `id`.
    pub(super) fn changed(&mut self, hub: &TaskHub, id: &str) {
        let Some(waiting) = self.by_id.remove(id) else {
            return;
        };
        self.count -= waiting.len();
        let kept: Vec<_> = waiting
            .into_iter()
            .filter_map(|wait| ask(hub, wait))
            .collect();
        if !kept.is_empty() {
            self.count += kept.len();
            self.by_id.insert(id.to_owned(), kept);
        }
    }

    fn sweep(&mut self) {
        self.by_id.retain(|_, waiting| {
            waiting.retain(|wait| !wait.is_given_up());
            !waiting.is_empty()
        });
        self.count = self.by_id.values().map(Vec::len).sum();
        self.sweep_at = FIRST_SWEEP.max(2 * self.count);
    }
}

/// Answers `wait` if it is over. Returns it if it is not.
fn ask(hub: &TaskHub, mut wait: Box<dyn Wait>) -> Option<Box<dyn Wait>> {
    if wait.is_given_up() {
        return None;
    }
    match wait.is_over(hub) {
        Ok(false) => return Some(wait),
        Ok(true) => wait.answer(Ok(())),
        Err(error) => wait.answer(Err(Unavailable::Store(error.kind()))),
    }
    None
}
