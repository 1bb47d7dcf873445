//! Where a slice puts the values that are too many for its result.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::{AuditError, values::ValueSet};
use crate::scratch::{Run, Scope, Scratch};

/// What a slice has spilled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spilled {
    /// How many values, those that were spilled twice counted twice.
    pub values: u64,
    /// Where they are.
    pub runs: Vec<Run>,
}

impl Spilled {
    /// Whether nothing was spilled.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds what another slice has spilled.
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.runs.extend(other.runs);
    }
}

/// Spills the values of one slice.
#[derive(Debug)]
pub struct Spiller<'a> {
    scratch: &'a Scratch,
    scope: &'a Scope,
    job: &'a str,
    has_begun: &'a AtomicBool,
    spilled: Spilled,
}

impl<'a> Spiller<'a> {
    /// For a slice of this job. `has_begun` becomes true before anything is written, for whoever stops the slice.
    pub fn new(
        scratch: &'a Scratch,
        scope: &'a Scope,
        job: &'a str,
        has_begun: &'a AtomicBool,
    ) -> Self {
        Self {
            scratch,
            scope,
            job,
            has_begun,
            spilled: Spilled::default(),
        }
    }

    /// Writes the values to the scratch table.
    pub(super) async fn spill(&mut self, values: ValueSet) -> Result<(), AuditError> {
        let count = values.len() as u64;
        self.has_begun.store(true, Relaxed);
        let run = self.scratch.add(self.scope, self.job, values).await?;
        self.spilled.add(Spilled {
            values: count,
            runs: vec![run],
        });
        Ok(())
    }

    /// Whether nothing was spilled.
    pub(super) fn is_unused(&self) -> bool {
        self.spilled.is_empty()
    }

    /// All that was spilled.
    pub(super) fn spilled(self) -> Spilled {
        self.spilled
    }
}
