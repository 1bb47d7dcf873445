//! Starts, restarts, states, lists and purges.

use std::sync::Arc;
use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, HistoryEvent, InstanceQuery, OrchestrationState, OrchestrationStatus,
    PurgeInstanceFilter, PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget,
    QueryInstancesRequest,
};
use prost::Message as _;
use task_hub::{Error, Store as _};
use tonic::{Code, Status};

use super::operations::storage_error;
use super::reply::Reply;
use super::request::Parts;
use super::{history, links, status as shape};
use crate::hub::driver::{OperationError, TaskHub};
use crate::hub::status::of_instance_or_entity;
use crate::hub::{Inner, grpc, nonchars};
use crate::json::{Json, JsonObject, parse_payload};

/// Starts an instance. As on a real host, neither the name nor the id is checked; without its orchestrator, the
/// instance fails.
pub(super) async fn start(hub: &Inner, parts: &Parts<'_>, name: &str, id: &str) -> Reply {
    if parts.is_foreign {
        return other_hub();
    }
    let body = parts.request.body.as_str();
    let input = (!body.is_empty()).then_some(body);
    if let Some(Err(error)) = input.map(parse_payload) {
        return Reply::invalid_json(&error);
    }
    let wait = match Wait::read(parts) {
        Ok(wait) => wait,
        Err(reply) => return reply,
    };
    if nonchars::refused(hub, "the id of an instance", Some(id))
        || nonchars::refused(hub, "the name of an orchestrator", Some(name))
        || nonchars::refused(hub, "the input of an instance", input)
    {
        return storage_error();
    }
    let request = CreateInstanceRequest {
        instance_id: id.to_owned(),
        name: name.to_owned(),
        input: input.map(str::to_owned),
        version: parts.text("version").map(str::to_owned),
        ..CreateInstanceRequest::default()
    };
    // The text of a refusal has the status.
    let started = hub.driver.operate(move |hub, at| {
        let status = hub.instance(&request.instance_id)?.map(|it| it.status);
        match hub.start(at, request) {
            Err(Error::AlreadyExists(_)) => Ok(Err(status.unwrap_or_default())),
            outcome => outcome.map(Ok),
        }
    });
    match started.await {
        Ok(Ok(id)) => begun(hub, parts, &id, wait).await,
        Ok(Err(status)) => Reply::message(409, exists(status)),
        Err(OperationError::Refused(error @ Error::EntityId(_))) => {
            Reply::message(400, error.to_string())
        }
        Err(error) => error.into(),
    }
}

fn exists(status: OrchestrationStatus) -> String {
    format!(
        "An Orchestration instance with the status {} already exists.",
        status.as_str()
    )
}

/// local-host has one task hub.
fn other_hub() -> Reply {
    Reply::message(400, "local-host has no such task hub.")
}

/// Starts an instance again: under a new id, unless the client wants the same.
pub(super) async fn restart(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    if parts.is_foreign {
        return other_hub();
    }
    let wait = match Wait::read(parts) {
        Ok(wait) => wait,
        Err(reply) => return reply,
    };
    let new_id = parts.flag("restartWithNewInstanceId", true);
    let old = id.to_owned();
    let restarted = hub.driver.operate(move |hub, at| {
        let status = hub.instance(&old)?.map(|it| it.status);
        match hub.restart(at, &old, new_id) {
            Err(Error::AlreadyExists(_)) => Ok(Err(status.unwrap_or_default())),
            outcome => outcome.map(Ok),
        }
    });
    match restarted.await {
        Ok(Ok(id)) => begun(hub, parts, &id, wait).await,
        Ok(Err(status)) => Reply::exception(
            409,
            "A non-terminal instance with this instance ID already exists.",
            "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
            exists(status),
        ),
        Err(OperationError::Refused(error @ (Error::NotFound(_) | Error::Missing(_)))) => {
            Reply::exception(
                400,
                "InstanceId does not match a valid orchestration instance.",
                "System.ArgumentException",
                error.to_string(),
            )
        }
        Err(error) => error.into(),
    }
}

/// How long a client waits for the end of what it starts.
struct Wait(Option<Duration>);

impl Wait {
    /// Without either parameter nobody waits. The interval counts only for this check: local-host knows at once when
    /// an instance ends.
    fn read(parts: &Parts<'_>) -> Result<Self, Reply> {
        let timeout: Option<f64> = parts.number("timeout");
        let interval: Option<f64> = parts.number("pollingInterval");
        let (Some(timeout), Some(interval)) = (timeout, interval) else {
            return Ok(Self(None));
        };
        if interval > timeout {
            return Err(Reply::message(
                400,
                format!("Total timeout {timeout} should be bigger than retry timeout {interval}"),
            ));
        }
        let limit = Duration::try_from_secs_f64(timeout);
        Ok(Self(limit.ok()))
    }
}

/// The addresses of an instance that was started, or what it came to in time.
async fn begun(hub: &Inner, parts: &Parts<'_>, id: &str, Wait(limit): Wait) -> Reply {
    let Some(limit) = limit else {
        return links::started(hub, parts, id);
    };
    let ended = hub
        .driver
        .wait_for(id, |state| state.orchestration_status().is_terminal());
    match tokio::time::timeout(limit, ended).await {
        Err(_) => links::started(hub, parts, id),
        Ok(Err(error)) => error.into(),
        Ok(Ok(state)) if state.orchestration_status() == OrchestrationStatus::Completed => {
            Reply::json(200, &shape::stored(state.output.as_deref()))
        }
        Ok(Ok(state)) => shown(hub, parts, &state, None),
    }
}

/// The state of an instance, with its history if the client wants it.
pub(super) async fn status(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    if parts.is_foreign {
        return Reply::empty(404);
    }
    let id = id.to_owned();
    let with_history = parts.flag("showHistory", false);
    let read = move |hub: &TaskHub| {
        let Some(state) = of_instance_or_entity(hub, &id)? else {
            return Ok(None);
        };
        let is_pending = state.orchestration_status() == OrchestrationStatus::Pending;
        let events = if with_history && !is_pending {
            Some(hub.store().history(&id)?)
        } else {
            None
        };
        Ok(Some((state, events)))
    };
    let (state, events) = match hub.driver.read(read).await {
        Ok(Some(found)) => found,
        Ok(None) => return Reply::empty(404),
        Err(error) => return error.into(),
    };
    let Some(events) = events else {
        return shown(hub, parts, &state, None);
    };
    let events: Vec<HistoryEvent> = events
        .into_iter()
        .filter_map(|event| HistoryEvent::decode(event).ok())
        .collect();
    let what = history::Shown {
        inputs: parts.flag("showInput", true),
        outputs: parts.flag("showHistoryOutput", false),
        extension: hub.options.extension,
    };
    match history::events(&events, what) {
        Some(events) => shown(hub, parts, &state, Some(events)),
        None => Reply::exception(
            400,
            "One or more of the arguments submitted is incorrect",
            "System.ArgumentException",
            "An item with the same key has already been added.".to_owned(),
        ),
    }
}

fn shown(
    hub: &Inner,
    parts: &Parts<'_>,
    state: &OrchestrationState,
    history: Option<Vec<Json>>,
) -> Reply {
    let show_input = parts.flag("showInput", true);
    let object = shape::object(state, show_input, history, hub.options.extension);
    let body = Json::Object(object);
    match state.orchestration_status() {
        OrchestrationStatus::Failed if parts.flag("returnInternalServerErrorOnFailure", false) => {
            Reply::json(500, &body)
        }
        status if status.is_terminal() => Reply::json(200, &body),
        _ => Reply::json(202, &body)
            .with("Location", parts.request.url.clone())
            .with("Retry-After", "5".to_owned()),
    }
}

/// A page of instances.
pub(super) async fn list(hub: &Arc<Inner>, parts: &Parts<'_>) -> Reply {
    let query = InstanceQuery {
        runtime_status: statuses(parts),
        created_time_from: parts.time("createdTimeFrom").map(Into::into),
        created_time_to: parts.time("createdTimeTo").map(Into::into),
        instance_id_prefix: parts.text("instanceIdPrefix").map(str::to_owned),
        max_instance_count: parts.number("top").unwrap_or_default(),
        fetch_inputs_and_outputs: parts.flag("showInput", true),
        continuation_token: parts.request.continuation_token.clone(),
        ..InstanceQuery::default()
    };
    let request = QueryInstancesRequest { query: Some(query) };
    match grpc::query_instances(hub, request, parts.is_foreign).await {
        Ok(found) => {
            let rows = found.orchestration_state.iter();
            let rows = rows
                .map(|state| Json::Object(shape::object(state, true, None, hub.options.extension)));
            page(rows.collect(), found.continuation_token)
        }
        Err(status) => Reply::message(503, status.message()),
    }
}

/// The token has no space here.
pub(super) fn page(rows: Vec<Json>, token: Option<String>) -> Reply {
    let reply = Reply::json(200, &Json::Array(rows));
    match token {
        None => reply,
        Some(token) => reply.with("x-ms-continuation-token", token.trim_end().to_owned()),
    }
}

/// The names are case-sensitive, and what is none is ignored.
fn statuses(parts: &Parts<'_>) -> Vec<i32> {
    let named = parts.list("runtimeStatus").filter_map(|text| {
        (0..=7).find(|number| {
            let status = OrchestrationStatus::try_from(*number);
            text == number.to_string() || status.is_ok_and(|status| status.as_str() == text)
        })
    });
    named.collect()
}

/// Removes one instance that has ended.
pub(super) async fn purge_one(hub: &Arc<Inner>, parts: &Parts<'_>, id: &str) -> Reply {
    purged(remove(hub, parts, PurgeTarget::InstanceId(id.to_owned())).await)
}

/// Removes the instances of a list, also running ones when no status is named, as on a real host.
pub(super) async fn purge(hub: &Arc<Inner>, parts: &Parts<'_>) -> Reply {
    let Some(from) = parts.time("createdTimeFrom") else {
        return Reply::text(400, "Please provide value for 'createdTimeFrom' parameter.");
    };
    let now = Timestamp::from(std::time::SystemTime::now());
    let to = parts.time("createdTimeTo").unwrap_or(now);
    let filter = PurgeInstanceFilter {
        created_time_from: Some(from.into()),
        created_time_to: Some(to.into()),
        runtime_status: statuses(parts),
        timeout: None,
    };
    purged(remove(hub, parts, PurgeTarget::PurgeInstanceFilter(filter)).await)
}

async fn remove(
    hub: &Arc<Inner>,
    parts: &Parts<'_>,
    target: PurgeTarget,
) -> Result<PurgeInstancesResponse, Status> {
    let request = PurgeInstancesRequest {
        request: Some(target),
        ..PurgeInstancesRequest::default()
    };
    grpc::purge_instances(hub, request, parts.is_foreign).await
}

fn purged(outcome: Result<PurgeInstancesResponse, Status>) -> Reply {
    match outcome {
        Ok(response) => match u64::try_from(response.deleted_instance_count) {
            Ok(0) | Err(_) => Reply::empty(404),
            Ok(count) => {
                let body = JsonObject::from_iter([("instancesDeleted", count)]);
                Reply::json(200, &Json::Object(body))
            }
        },
        Err(status) if status.code() == Code::FailedPrecondition => {
            Reply::text(412, status.message())
        }
        Err(status) => Reply::message(503, status.message()),
    }
}
