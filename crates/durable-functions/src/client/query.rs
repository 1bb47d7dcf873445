//! Queries of instances, and the removal of many.

use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    InstanceQuery, PurgeInstanceFilter, PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget,
    QueryInstancesRequest, QueryInstancesResponse,
};

use super::ClientError;
use super::pages::{ContinuationToken, Page, Pages};
use super::rpc::{self, Connection};
use crate::{RuntimeStatus, Status};

/// The items of a page when the user does not say how many.
pub(super) const PAGE_SIZE: u32 = 100;

/// Which instances [`DurableClient::query`](crate::DurableClient::query) lists: all that match each filter. Entities
/// are never among them.
#[derive(Clone, Debug, Default)]
pub struct Query {
    statuses: Vec<RuntimeStatus>,
    created_after: Option<SystemTime>,
    created_before: Option<SystemTime>,
    id_prefix: Option<String>,
    page_size: Option<u32>,
    inputs_and_outputs: bool,
    continuation: Option<ContinuationToken>,
}

impl Query {
    /// All instances.
    #[must_use]
    pub fn new() -> Self {
        Query::default()
    }

    /// Those with this status. Called again, those with one of the statuses.
    #[must_use]
    pub fn with_status(mut self, status: RuntimeStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Those that were started at this time or later (UTC).
    #[must_use]
    pub fn created_after(mut self, time: SystemTime) -> Self {
        self.created_after = Some(time);
        self
    }

    /// Those that were started at this time or earlier (UTC).
    #[must_use]
    pub fn created_before(mut self, time: SystemTime) -> Self {
        self.created_before = Some(time);
        self
    }

    /// Those whose id begins with this text.
    #[must_use]
    pub fn with_id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.id_prefix = Some(prefix.into());
        self
    }

    /// The most instances of a page: 100 without this. Zero is taken as 1, because a host answers a query for no
    /// instances with empty pages without end. A host may give fewer.
    #[must_use]
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    /// With the inputs, outputs and custom statuses. Without this the extension leaves out the inputs only, and other
    /// backends leave out all three.
    #[must_use]
    pub fn with_inputs_and_outputs(mut self) -> Self {
        self.inputs_and_outputs = true;
        self
    }

    /// Begins where an earlier query with the same filters was left. A token of another query gives an empty page or
    /// an error, as the host likes.
    #[must_use]
    pub fn with_continuation(mut self, token: ContinuationToken) -> Self {
        self.continuation = Some(token);
        self
    }

    pub(crate) fn to_wire(&self, token: Option<ContinuationToken>) -> InstanceQuery {
        InstanceQuery {
            runtime_status: numbers(&self.statuses),
            created_time_from: self.created_after.map(wire_time),
            created_time_to: self.created_before.map(wire_time),
            max_instance_count: wire_size(self.page_size),
            continuation_token: token.map(ContinuationToken::into_text),
            instance_id_prefix: self.id_prefix.clone(),
            fetch_inputs_and_outputs: self.inputs_and_outputs,
            ..InstanceQuery::default()
        }
    }
}

pub(super) fn query(connection: Connection, query: Query) -> Pages<Status> {
    const METHOD: &str = "QueryInstances";
    Pages::new(query.continuation.clone(), move |token| {
        let connection = connection.clone();
        let request = QueryInstancesRequest {
            query: Some(query.to_wire(token)),
        };
        async move {
            let answer: QueryInstancesResponse = connection
                .call(METHOD, request)
                .await
                .map_err(|status| rpc::failed(METHOD, &status))?;
            let states = answer.orchestration_state.into_iter();
            Ok(Page {
                items: states.map(Status::from_state).collect(),
                continuation: ContinuationToken::of_answer(answer.continuation_token),
            })
        }
    })
}

/// Which instances [`DurableClient::purge`](crate::DurableClient::purge) removes, with their histories: those that have
/// ended, and match each filter.
#[derive(Clone, Debug, Default)]
pub struct PurgeFilter {
    statuses: Vec<RuntimeStatus>,
    any_status: bool,
    created_after: Option<SystemTime>,
    created_before: Option<SystemTime>,
    timeout: Option<Duration>,
}

impl PurgeFilter {
    /// All instances that have ended.
    #[must_use]
    pub fn new() -> Self {
        PurgeFilter::default()
    }

    /// Those with this status. Called again, those with one of the statuses. **With the status of an instance that has
    /// not ended, it removes such instances as well.**
    #[must_use]
    pub fn with_status(mut self, status: RuntimeStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Those with any status: **instances that run and entities are removed as well.** That is what the extension does
    /// with a filter that names no status.
    #[must_use]
    pub fn with_any_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    /// Those that were started at this time or later (UTC).
    #[must_use]
    pub fn created_after(mut self, time: SystemTime) -> Self {
        self.created_after = Some(time);
        self
    }

    /// Those that were started at this time or earlier (UTC).
    #[must_use]
    pub fn created_before(mut self, time: SystemTime) -> Self {
        self.created_before = Some(time);
        self
    }

    /// The host stops after this time, also when some are left; see [`Purged::is_complete`]. Extension 2.13 ignores it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn into_wire(self) -> PurgeInstanceFilter {
        // Without statuses the host removes running instances and entities.
        let statuses = match (self.any_status, self.statuses.is_empty()) {
            (true, _) => Vec::new(),
            (false, false) => numbers(&self.statuses),
            (false, true) => numbers(&RuntimeStatus::ENDED),
        };
        let earliest = prost_types::Timestamp {
            // 0001-01-01T00:00:00Z, .NET's smallest time. Extension 2.13 fails without a time.
            seconds: -62_135_596_800,
            nanos: 0,
        };
        PurgeInstanceFilter {
            created_time_from: Some(self.created_after.map_or(earliest, wire_time)),
            created_time_to: self.created_before.map(wire_time),
            runtime_status: statuses,
            timeout: self.timeout.and_then(|it| it.try_into().ok()),
        }
    }
}

/// What a [`PurgeFilter`] has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// How many instances.
    pub count: u64,
    /// Whether none is left that matches; `None` when the backend does not tell, as extension 2.13 never does.
    pub is_complete: Option<bool>,
}

pub(super) async fn purge(
    connection: &Connection,
    filter: PurgeFilter,
) -> Result<Purged, ClientError> {
    const METHOD: &str = "PurgeInstances";
    let request = PurgeInstancesRequest {
        request: Some(PurgeTarget::PurgeInstanceFilter(filter.into_wire())),
        ..PurgeInstancesRequest::default()
    };
    let answer: PurgeInstancesResponse = connection
        .call(METHOD, request)
        .await
        .map_err(|status| rpc::failed(METHOD, &status))?;
    Ok(Purged {
        count: u64::try_from(answer.deleted_instance_count).unwrap_or(0),
        is_complete: answer.is_complete,
    })
}

fn numbers(statuses: &[RuntimeStatus]) -> Vec<i32> {
    let known = statuses.iter().filter_map(|status| status.to_wire());
    known.map(|status| status as i32).collect()
}

pub(super) fn wire_time(time: SystemTime) -> prost_types::Timestamp {
    Timestamp::from(time).into()
}

/// The size of a page as the host takes it.
pub(super) fn wire_size(size: Option<u32>) -> i32 {
    i32::try_from(size.unwrap_or(PAGE_SIZE).max(1)).unwrap_or(i32::MAX)
}
