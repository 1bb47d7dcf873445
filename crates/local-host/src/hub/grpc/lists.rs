//! `QueryInstances`, `ListInstanceIds`, `QueryEntities`, `CleanEntityStorage`: pages in the order of the ids.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, EntityMetadata, InstanceQuery,
    ListInstanceIdsRequest, ListInstanceIdsResponse, OrchestrationState, OrchestrationStatus,
    QueryEntitiesRequest, QueryEntitiesResponse, QueryInstancesRequest, QueryInstancesResponse,
};
use prost::Message;
use task_hub::changes::EntityRecord;
use task_hub::instance::InstanceRecord;
use task_hub::query::{EntityFilter, InstanceFilter, Page, PageRequest};
use task_hub::{Store as _, StoreError};
use tonic::Status;

use super::super::{Extension, Inner, status};
use super::call::{Call, unavailable};
use super::token;

/// The rows of a page when the client does not say how many. A real host answers a query for no rows with an
/// empty page and a token, for ever.
const PAGE: usize = 100;

/// The most rows of a page, whatever the client says. Python's asks for all rows that can be counted.
const MOST_ROWS: usize = 1_000;

/// The statuses of instances that have ended.
pub(super) const ENDED: [OrchestrationStatus; 4] = [
    OrchestrationStatus::Completed,
    OrchestrationStatus::Failed,
    OrchestrationStatus::Canceled,
    OrchestrationStatus::Terminated,
];

/// A page is cut behind the row with which it gets longer than this. Clients of gRPC read messages of at most 4 MiB by
/// default.
const LONGEST_PAGE: usize = 2 * 1024 * 1024;

/// Without `fetch_inputs_and_outputs`, clients of workers get no payloads. For all others only the input is left out, as
/// on a real host.
pub(super) async fn query_instances(
    hub: Arc<Inner>,
    call: Call<QueryInstancesRequest>,
) -> Result<QueryInstancesResponse, Status> {
    let query = call.message.query;
    let Some(query) = query.or_else(|| hub.serves_workers().then(InstanceQuery::default)) else {
        return Err(Status::unknown("Exception was thrown by handler."));
    };
    if call.other_hub.is_some() {
        return Ok(QueryInstancesResponse::default());
    }
    let filter = InstanceFilter {
        statuses: statuses(&query.runtime_status),
        created_from: query.created_time_from.map(Into::into),
        created_to: query.created_time_to.map(Into::into),
        prefix: query.instance_id_prefix.unwrap_or_default(),
    };
    let Some(page) = page(query.continuation_token, query.max_instance_count) else {
        return Ok(QueryInstancesResponse::default());
    };
    let payloads = query.fetch_inputs_and_outputs;
    let extension = hub.options.extension;
    let is_sidecar = hub.serves_workers();
    let read = hub.driver.read(move |hub| {
        let page = hub.store().instances(&filter, &page)?;
        let (states, next) = fitting(page, |record| {
            if is_sidecar {
                return status::of_sidecar(hub, record.clone(), payloads);
            }
            let state = record.state(hub.store().payloads(&record.id)?);
            Ok(OrchestrationState {
                input: state.input.clone().filter(|_| payloads),
                parent_instance_id: state
                    .parent_instance_id
                    .clone()
                    .filter(|_| extension >= Extension::V3_19),
                ..state
            })
        })?;
        Ok(QueryInstancesResponse {
            orchestration_state: states,
            continuation_token: next.as_deref().map(token::write),
        })
    });
    read.await.map_err(unavailable)
}

/// The ids of instances that have ended, by the time of their end. A real host does not have the method.
pub(super) async fn list_instance_ids(
    hub: Arc<Inner>,
    call: Call<ListInstanceIdsRequest>,
) -> Result<ListInstanceIdsResponse, Status> {
    let request = call.message;
    let mut statuses = statuses(&request.runtime_status);
    if request.runtime_status.is_empty() {
        statuses.extend(ENDED);
    }
    let filter = InstanceFilter {
        statuses,
        ..InstanceFilter::default()
    };
    let from = request.completed_time_from.map(Timestamp::from);
    let to = request.completed_time_to.map(Timestamp::from);
    let page = PageRequest {
        after: request.last_instance_key.filter(|key| !key.is_empty()),
        limit: rows(request.page_size),
    };
    let read = hub.driver.read(move |hub| {
        let page = hub.store().instances(&filter, &page)?;
        let ended = page.rows.into_iter().filter(|record| {
            from.is_none_or(|from| record.updated >= from)
                && to.is_none_or(|to| record.updated < to)
        });
        // With times in the request a page can be empty, and have another one behind it.
        Ok(ListInstanceIdsResponse {
            instance_ids: ended.map(|record| record.id).collect(),
            last_instance_key: page.next,
        })
    });
    read.await.map_err(unavailable)
}

/// The rows of a page that fit into a message, and where the next page begins.
fn fitting<R: Row, T: Message>(
    page: Page<R>,
    show: impl Fn(&R) -> Result<T, StoreError>,
) -> Result<(Vec<T>, Option<String>), StoreError> {
    let mut shown = Vec::new();
    let mut length = 0;
    let mut rows = page.rows.iter().peekable();
    while let Some(row) = rows.next() {
        let state = show(row)?;
        length += state.encoded_len();
        shown.push(state);
        if length > LONGEST_PAGE && rows.peek().is_some() {
            return Ok((shown, Some(row.id().to_owned())));
        }
    }
    Ok((shown, page.next))
}

/// A row of a page.
trait Row {
    fn id(&self) -> &str;
}

impl Row for InstanceRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Row for EntityRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn query_entities(
    hub: Arc<Inner>,
    call: Call<QueryEntitiesRequest>,
) -> Result<QueryEntitiesResponse, Status> {
    let Some(query) = call.message.query else {
        return Err(Status::unknown("Exception was thrown by handler."));
    };
    if call.other_hub.is_some() {
        return Ok(QueryEntitiesResponse::default());
    }
    let filter = EntityFilter {
        modified_from: query.last_modified_from.map(Into::into),
        modified_to: query.last_modified_to.map(Into::into),
        prefix: query.instance_id_starts_with.unwrap_or_default(),
        transient: query.include_transient,
    };
    let rows = query.page_size.unwrap_or_default();
    let Some(page) = page(query.continuation_token, rows) else {
        return Ok(QueryEntitiesResponse::default());
    };
    let with_state = query.include_state;
    let read = hub.driver.read(move |hub| {
        let page = hub.store().entities(&filter, &page)?;
        let (entities, next) = fitting(page, |record| {
            let backlog = hub.store().inbox(&record.id)?.len();
            Ok(EntityMetadata {
                instance_id: record.id.clone(),
                last_modified_time: record.modified.map(Into::into),
                backlog_queue_size: i32::try_from(backlog).unwrap_or(i32::MAX),
                locked_by: record.locked_by.clone(),
                serialized_state: record.state.clone().filter(|_| with_state),
            })
        })?;
        Ok(QueryEntitiesResponse {
            entities,
            continuation_token: next.as_deref().map(token::write),
        })
    });
    read.await.map_err(unavailable)
}

/// Removes empty entities, and locks of orchestrations that have ended.
pub(super) async fn clean_entities(
    hub: Arc<Inner>,
    call: Call<CleanEntityStorageRequest>,
) -> Result<CleanEntityStorageResponse, Status> {
    if call.other_hub.is_some() {
        return Ok(CleanEntityStorageResponse::default());
    }
    let mut request = call.message;
    let Some(page) = page(request.continuation_token.take(), 0) else {
        return Ok(CleanEntityStorageResponse::default());
    };
    request.continuation_token = page.after;
    let cleaned = hub
        .driver
        .step(move |hub, at| hub.clean_entities(at, &request, page.limit));
    let mut cleaned = cleaned.await.map_err(unavailable)?;
    cleaned.continuation_token = cleaned.continuation_token.as_deref().map(token::write);
    Ok(cleaned)
}

/// Numbers that are no status match nothing.
pub(super) fn statuses(numbers: &[i32]) -> Vec<OrchestrationStatus> {
    let known = numbers.iter().copied().map(OrchestrationStatus::try_from);
    known.filter_map(Result::ok).collect()
}

/// `None` when the token is not one of ours.
fn page(token: Option<String>, rows_wanted: i32) -> Option<PageRequest> {
    let after = match token.filter(|token| !token.is_empty()) {
        Some(token) => Some(token::read(&token)?),
        None => None,
    };
    Some(PageRequest {
        after,
        limit: rows(rows_wanted),
    })
}

fn rows(wanted: i32) -> usize {
    match usize::try_from(wanted) {
        Ok(0) | Err(_) => PAGE,
        Ok(rows) => rows.min(MOST_ROWS),
    }
}
