//! The rewinds that this process has tried.
//!
//! The history counts the rewinds that a host has carried out. It is not enough alone. A host loses a rewind, without a
//! word, when the id had an earlier execution with a longer history: the job stays failed and nothing counts. And two
//! requests can come between a rewind and its trace. Here such rewinds count as well.
//!
//! Invariant: a bounded number of jobs. What is forgotten is counted by the history, or tried once more than needed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use super::decision::{Decision, Tried};

/// Of how many jobs the last rewind is remembered.
const MOST: usize = 1_000;

/// The jobs by id, with the time of the failure that was rewound.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<String, (SystemTime, Tried)>>);

impl Attempts {
    /// Decides with what was tried since the failure at `failed`, and notes a rewind that is decided on, in one step: of
    /// two askers one rewinds, and the other one waits.
    pub(super) fn decide(
        &self,
        id: &str,
        failed: SystemTime,
        now: SystemTime,
        decide: impl FnOnce(Option<Tried>) -> Decision,
    ) -> Decision {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = jobs.get(id).filter(|(at, _)| *at == failed);
        let decision = decide(tried.map(|(_, tried)| *tried));
        if let Decision::Rewind(number) = decision {
            if jobs.len() >= MOST && !jobs.contains_key(id) {
                let oldest = jobs.iter().min_by_key(|(_, (_, tried))| tried.at);
                let oldest = oldest.map(|(id, _)| id.clone());
                oldest.and_then(|id| jobs.remove(&id));
            }
            jobs.insert(id.to_owned(), (failed, Tried { number, at: now }));
        }
        decision
    }

    /// A rewind that did not reach the host.
    pub(super) fn forget(&self, id: &str) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.remove(id);
    }
}
