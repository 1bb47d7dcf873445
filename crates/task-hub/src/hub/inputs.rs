//! The operations of clients, and the timers.
//!
//! Invariant: an operation that is refused changes nothing.

use durable_protocol::messages::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, CreateInstanceRequest,
};

use super::Hub;
use crate::client::{Error, Signal};
use crate::entity;
use crate::ids::Moment;
use crate::query::{EntityFilter, InstanceFilter, PageRequest};
use crate::store::{Store, StoreError};

/// How many timers one step fires at most, so that a step stays small.
const TIMERS_PER_STEP: usize = 256;

impl<S: Store> Hub<S> {
    /// Starts an instance and returns its id.
    ///
    /// # Errors
    /// Why it was refused; so for all operations of clients.
    pub fn start(
        &mut self,
        at: &mut Moment<'_>,
        request: CreateInstanceRequest,
    ) -> Result<String, Error> {
        self.step(at, |step| step.start_instance(request))
    }

    /// Starts an instance again with its name, input and tags: under its id, or under a new one. Returns the id.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn restart(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        new_id: bool,
    ) -> Result<String, Error> {
        self.step(at, |step| step.restart_instance(id, new_id))
    }

    /// Sends an external event; `input` is JSON text. Suspended instances take it too.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn raise(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        name: String,
        input: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.raise(id, name, input))
    }

    /// Marks an instance as suspended. It still has turns: the worker holds events back.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn suspend(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.suspend(id, reason))
    }

    /// Ends a suspension.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn resume(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.resume(id, reason))
    }

    /// Sends the reason to the orchestrator, which then ends. Sub-orchestrations keep running.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn terminate(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.terminate(id, reason))
    }

    /// Lets a failed instance run again from before its failure.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn rewind(
        &mut self,
        at: &mut Moment<'_>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        self.step(at, |step| step.rewind(id, reason))
    }

    /// Removes an instance that has ended, or an entity.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn purge(&mut self, at: &mut Moment<'_>, id: &str) -> Result<(), Error> {
        self.step(at, |step| step.purge(id))
    }

    /// Removes at most `limit` instances of a list, also running ones. Without statuses in the filter, entities
    /// as well, whose time is that of their last change. So does a real host. Returns how many; fewer than
    /// `limit` when none is left.
    ///
    /// # Errors
    /// The store failed.
    pub fn purge_all(
        &mut self,
        at: &mut Moment<'_>,
        filter: &InstanceFilter,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let page = PageRequest { after: None, limit };
        let rows = self.store.instances(filter, &page)?.rows;
        let mut purged: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        if filter.statuses.is_empty() && purged.len() < limit {
            let filter = EntityFilter {
                modified_from: filter.created_from,
                modified_to: filter.created_to,
                prefix: filter.prefix.clone(),
                transient: true,
            };
            let page = PageRequest {
                after: None,
                limit: limit - purged.len(),
            };
            let rows = self.store.entities(&filter, &page)?.rows;
            purged.extend(rows.into_iter().map(|row| row.id));
        }
        let count = purged.len();
        self.step(at, |step| {
            step.changes.purged = purged;
            Ok(count)
        })
    }

    /// Sends an operation to an entity, which need not exist.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn signal(&mut self, at: &mut Moment<'_>, signal: Signal) -> Result<(), Error> {
        self.step(at, |step| step.signal(signal))
    }

    /// Removes empty entities and releases the locks of orchestrations that have ended, in a page of at most `limit`
    /// entities. The answer has a continuation token when there are more.
    ///
    /// # Errors
    /// The store failed.
    pub fn clean_entities(
        &mut self,
        at: &mut Moment<'_>,
        request: &CleanEntityStorageRequest,
        limit: usize,
    ) -> Result<CleanEntityStorageResponse, StoreError> {
        let filter = EntityFilter {
            transient: true,
            ..EntityFilter::default()
        };
        let page = PageRequest {
            after: request
                .continuation_token
                .clone()
                .filter(|it| !it.is_empty()),
            limit,
        };
        let page = self.store.entities(&filter, &page)?;
        let scheduled = entity::scheduled(&self.store)?;
        let mut cleaned = self.step(at, |step| {
            step.clean_entities(page.rows, &scheduled, request)
        })?;
        cleaned.continuation_token = page.next;
        Ok(cleaned)
    }

    /// Fires the timers that are due, and makes delayed work ready. Returns how many timers; when it is not 0
    /// there may be more.
    ///
    /// # Errors
    /// The store failed.
    pub fn fire_timers(&mut self, at: &mut Moment<'_>) -> Result<usize, StoreError> {
        self.work.wake(at.now);
        let due = self.store.due(at.now, TIMERS_PER_STEP)?;
        self.step(at, |step| {
            let count = due.len();
            for timer in due {
                step.fire(timer)?;
            }
            Ok(count)
        })
    }
}
