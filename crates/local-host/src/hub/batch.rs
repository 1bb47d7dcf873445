//! Entity batches: send the operations to the entity function, read its answer.

use std::sync::Arc;

use durable_protocol::messages::{EntityBatchResult, TaskFailureDetails};
use task_hub::work::{BatchOutcome, EntityBatch};

use super::failure::{self, Cause};
use super::lease::Lease;
use super::{DurableKind, Inner, payload, request};
use crate::binding_data::BindingData;
use crate::invoke::{Invoke, InvokeError};
use crate::json::JsonObject;

/// Runs a batch.
pub(super) async fn run(
    hub: Arc<Inner>,
    invoke: Arc<dyn Invoke>,
    mut batch: EntityBatch,
    lease: Lease,
) {
    batch.request.properties = request::batch_properties(hub.options.extension);
    lease.end_batch(outcome(&hub, &*invoke, &batch).await);
}

async fn outcome(hub: &Inner, invoke: &dyn Invoke, batch: &EntityBatch) -> BatchOutcome {
    let id = &batch.request.instance_id;
    let name = parts(id).map_or(id.as_str(), |(name, _)| name);
    let Some(function) = hub.functions.entity(name) else {
        hub.explain_missing(name, DurableKind::Entity);
        let known = hub.functions.names(DurableKind::Entity);
        return BatchOutcome::Failed(not_found(name, &known));
    };
    let request = payload::encode(&batch.encoded());
    let data = JsonObject::from_iter([(function.binding.as_str(), request)]);
    let mut metadata = BindingData::new();
    metadata.insert_system(&function.folder);
    let invocation = invoke.invoke(&function.folder, data, metadata.into_metadata());
    let answer = match invocation.await {
        // The batch is run again, as by a real host after a restart.
        Err(InvokeError::Stopping) => return BatchOutcome::Abandoned,
        answer => answer,
    };
    let result: Result<EntityBatchResult, Cause> = answer
        .map_err(|error| Cause::from(&error))
        .and_then(|answer| payload::decode(answer.return_value.as_ref(), "entity"));
    match result {
        Ok(result) => BatchOutcome::Answered(result),
        Err(cause) => BatchOutcome::Failed(invocation_failed(name, &function.folder, cause)),
    }
}

/// Name and key of an entity id, `@name@key`.
fn parts(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix('@')?.split_once('@')
}

fn not_found(name: &str, known: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "EntityFunctionNotFound".to_owned(),
        error_message: failure::unknown_function(name, "an entity", "entity", known),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}

fn invocation_failed(name: &str, folder: &str, cause: Cause) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "FunctionInvocationFailed".to_owned(),
        error_message: format!("Invocation of function '{name}' failed with an exception."),
        inner_failure: Some(Box::new(failure::activity(folder, cause))),
        is_non_retriable: true,
        ..TaskFailureDetails::default()
    }
}
