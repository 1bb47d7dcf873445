//! Lists of instances and entities, in pages.
//!
//! Invariant: lists are in the order of the ids (their bytes), so a page begins behind an id and stays
//! correct while instances come and go.

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationStatus;

/// Which instances to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only these statuses; all when empty.
    pub statuses: Vec<OrchestrationStatus>,
    /// Created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Created at this time or earlier.
    pub created_to: Option<Timestamp>,
    /// The beginning of the instance id.
    pub prefix: String,
}

/// Which entities to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityFilter {
    /// Modified at this time or later.
    pub modified_from: Option<Timestamp>,
    /// Modified at this time or earlier.
    pub modified_to: Option<Timestamp>,
    /// The beginning of the entity id.
    pub prefix: String,
    /// Also entities without a state, which exist only as messages or a lock.
    pub transient: bool,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The id behind which the page begins: [`Page::next`] of the page before.
    pub after: Option<String>,
    /// The most rows.
    pub limit: usize,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

impl InstanceFilter {
    /// Whether an instance is in the list, its prefix aside.
    #[must_use]
    pub fn accepts(&self, status: OrchestrationStatus, created: Timestamp) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&status))
            && self.created_from.is_none_or(|from| created >= from)
            && self.created_to.is_none_or(|to| created <= to)
    }
}

impl EntityFilter {
    /// Whether an entity is in the list, its prefix aside.
    #[must_use]
    pub fn accepts(&self, has_state: bool, modified: Option<Timestamp>) -> bool {
        (self.transient || has_state)
            && self
                .modified_from
                .is_none_or(|from| modified.is_some_and(|it| it >= from))
            && self
                .modified_to
                .is_none_or(|to| modified.is_some_and(|it| it <= to))
    }
}
