//! Lists of instances and their removal, by the client's filters (feature `client`).

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationStatus;
use task_hub::Store as _;
use task_hub::query::{InstanceFilter, PageRequest};

use super::{TestError, TestHub};
use crate::{PurgeFilter, Query, Status};

impl TestHub {
    /// The instances that match, on all pages, with their inputs and outputs.
    ///
    /// # Errors
    /// None in a hub of this crate's users.
    pub fn query(&self, query: &Query) -> Result<Vec<Status>, TestError> {
        let query = query.to_wire(None);
        let filter = InstanceFilter {
            statuses: statuses(&query.runtime_status),
            created_from: query.created_time_from.map(Timestamp::from),
            created_to: query.created_time_to.map(Timestamp::from),
            prefix: query.instance_id_prefix.unwrap_or_default(),
        };
        let all = PageRequest {
            after: None,
            limit: usize::MAX,
        };
        let page = self.hub.store().instances(&filter, &all);
        let page = page.map_err(|error| self.error(error))?;
        let ids = page.rows.into_iter().map(|record| record.id);
        let found = ids.map(|id| self.status(&id));
        // A row that was listed is there.
        found.filter_map(Result::transpose).collect()
    }

    /// Removes the instances that match, with their histories, and gives how many there were.
    ///
    /// # Errors
    /// None in a hub of this crate's users.
    pub fn purge_all(&mut self, filter: PurgeFilter) -> Result<u64, TestError> {
        let filter = filter.into_wire();
        let filter = InstanceFilter {
            statuses: statuses(&filter.runtime_status),
            created_from: filter.created_time_from.map(Timestamp::from),
            created_to: filter.created_time_to.map(Timestamp::from),
            prefix: String::new(),
        };
        let count = self.call(|hub, at| Ok(hub.purge_all(at, &filter, usize::MAX)?))?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

fn statuses(numbers: &[i32]) -> Vec<OrchestrationStatus> {
    let numbers = numbers.iter();
    numbers
        .filter_map(|number| OrchestrationStatus::try_from(*number).ok())
        .collect()
}
