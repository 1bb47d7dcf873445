//! The names of what is spilled.
//!
//! They are parts of keys and come back from histories and from the table. So only what this module made is taken.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What one execution of a job has spilled. As JSON: a UUID.
///
/// An orchestrator makes it. A later execution with the id of the same job has another, so it never finds old values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Uuid);

impl Scope {
    /// The scope with this name.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// Values that were written together. As JSON: a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Run(Uuid);

impl Run {
    /// A run that nobody else has.
    pub(super) fn unique() -> Self {
        Self(Uuid::new_v4())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}
