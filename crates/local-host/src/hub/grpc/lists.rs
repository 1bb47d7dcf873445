//! `QueryInstances`, `QueryEntities`, `CleanEntityStorage`: pages in the order of the ids.

use std::sync::Arc;

use durable_protocol::messages::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, EntityMetadata, OrchestrationState,
    OrchestrationStatus, QueryEntitiesRequest, QueryEntitiesResponse, QueryInstancesRequest,
    QueryInstancesResponse,
};
use task_hub::query::{EntityFilter, InstanceFilter, PageRequest};
use task_hub::{Store as _, StoreError};
use tonic::Status;

use super::super::Inner;
use super::super::driver::TaskHub;
use super::call::{Call, unavailable};

/// The rows of a page when the client does not say how many. A real host answers a query for no rows with an
/// empty page and a token, for ever.
const PAGE: usize = 100;

/// Without `fetch_inputs_and_outputs` only the input is left out, as on a real host.
pub(super) async fn query_instances(
    hub: Arc<Inner>,
    call: Call<QueryInstancesRequest>,
) -> Result<QueryInstancesResponse, Status> {
    let Some(query) = call.message.query else {
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
    let page = page(query.continuation_token, query.max_instance_count);
    let with_input = query.fetch_inputs_and_outputs;
    let read = hub
        .driver
        .read(move |hub| instances(hub, &filter, &page, with_input))
        .await;
    read.map_err(unavailable)
}

fn instances(
    hub: &TaskHub,
    filter: &InstanceFilter,
    page: &PageRequest,
    with_input: bool,
) -> Result<QueryInstancesResponse, StoreError> {
    let page = hub.store().instances(filter, page)?;
    let states = page.rows.into_iter().map(|record| {
        let state = record.state(hub.store().payloads(&record.id)?);
        Ok(OrchestrationState {
            input: state.input.clone().filter(|_| with_input),
            ..state
        })
    });
    Ok(QueryInstancesResponse {
        orchestration_state: states.collect::<Result<_, StoreError>>()?,
        continuation_token: page.next,
    })
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
    let page = page(
        query.continuation_token,
        query.page_size.unwrap_or_default(),
    );
    let with_state = query.include_state;
    let read = hub
        .driver
        .read(move |hub| entities(hub, &filter, &page, with_state))
        .await;
    read.map_err(unavailable)
}

fn entities(
    hub: &TaskHub,
    filter: &EntityFilter,
    page: &PageRequest,
    with_state: bool,
) -> Result<QueryEntitiesResponse, StoreError> {
    let page = hub.store().entities(filter, page)?;
    let found = page.rows.into_iter().map(|record| {
        let backlog = hub.store().inbox(&record.id)?.len();
        Ok(EntityMetadata {
            instance_id: record.id,
            last_modified_time: record.modified.map(Into::into),
            backlog_queue_size: i32::try_from(backlog).unwrap_or(i32::MAX),
            locked_by: record.locked_by,
            serialized_state: record.state.filter(|_| with_state),
        })
    });
    Ok(QueryEntitiesResponse {
        entities: found.collect::<Result<_, StoreError>>()?,
        continuation_token: page.next,
    })
}

/// Removes empty entities, and locks of orchestrations that have ended.
pub(super) async fn clean_entities(
    hub: Arc<Inner>,
    call: Call<CleanEntityStorageRequest>,
) -> Result<CleanEntityStorageResponse, Status> {
    if call.other_hub.is_some() {
        return Ok(CleanEntityStorageResponse::default());
    }
    let request = call.message;
    let cleaned = hub
        .driver
        .step(move |hub, at| hub.clean_entities(at, &request, PAGE));
    cleaned.await.map_err(unavailable)
}

/// Numbers that are no status match nothing.
pub(super) fn statuses(numbers: &[i32]) -> Vec<OrchestrationStatus> {
    let known = numbers.iter().copied().map(OrchestrationStatus::try_from);
    known.filter_map(Result::ok).collect()
}

fn page(after: Option<String>, rows: i32) -> PageRequest {
    PageRequest {
        after: after.filter(|token| !token.is_empty()),
        limit: match usize::try_from(rows) {
            Ok(0) | Err(_) => PAGE,
            Ok(rows) => rows,
        },
    }
}
