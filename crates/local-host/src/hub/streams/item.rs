//! Work in the form of the protocol.

use durable_protocol::messages::{
    ActivityRequest, EntityBatchRequest, HealthPing, OrchestrationInstance,
    OrchestratorEntityParameters, OrchestratorRequest,
};
use prost::Message;
use prost::bytes::Bytes;
use task_hub::work::{Turn, WorkItem};

/// The longest history in a work item for workers that can fetch it by themselves. Clients of gRPC read messages of at
/// most 4 MiB by default.
const LONGEST_HISTORY: usize = 1024 * 1024;

/// A `WorkItem` whose turn is encoded already: its events are in the store in this form.
#[derive(Clone, PartialEq, Message)]
pub(in crate::hub) struct RawItem {
    #[prost(oneof = "RawRequest", tags = "1, 2, 3, 4")]
    request: Option<RawRequest>,
    #[prost(string, tag = "10")]
    completion_token: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum RawRequest {
    #[prost(bytes = "bytes", tag = "1")]
    Turn(Bytes),
    #[prost(message, boxed, tag = "2")]
    Activity(Box<ActivityRequest>),
    /// Workers of today know this and `EntityRequest`; those of yesterday only this.
    #[prost(message, boxed, tag = "3")]
    Batch(Box<EntityBatchRequest>),
    #[prost(message, tag = "4")]
    Ping(HealthPing),
}

impl RawItem {
    /// `fetches_history`: the worker can fetch a long history by itself.
    pub(super) fn new(item: WorkItem, fetches_history: bool) -> Self {
        let (token, request) = match item {
            WorkItem::Turn(turn) => {
                let token = turn.token.clone();
                (token, RawRequest::Turn(turn_request(turn, fetches_history)))
            }
            WorkItem::Activity(activity) => {
                let task = activity.task;
                let request = ActivityRequest {
                    name: task.name,
                    version: task.version,
                    input: task.input,
                    orchestration_instance: Some(OrchestrationInstance {
                        instance_id: task.instance,
                        execution_id: Some(task.execution),
                    }),
                    task_id: task.id,
                    tags: task.tags,
                    parent_trace_context: None,
                };
                (activity.token, RawRequest::Activity(Box::new(request)))
            }
            WorkItem::EntityBatch(batch) => {
                (batch.token, RawRequest::Batch(Box::new(batch.request)))
            }
        };
        Self {
            request: Some(request),
            completion_token: token.as_str().to_owned(),
        }
    }

    /// Says that the stream is alive.
    pub(in crate::hub) fn ping() -> Self {
        Self {
            request: Some(RawRequest::Ping(HealthPing {})),
            completion_token: String::new(),
        }
    }
}

fn turn_request(mut turn: Turn, fetches_history: bool) -> Bytes {
    let length: usize = turn.past.iter().map(Bytes::len).sum();
    let is_left_out = fetches_history && length > LONGEST_HISTORY;
    if is_left_out {
        turn.past.clear();
    }
    let rest = OrchestratorRequest {
        execution_id: Some(turn.execution.clone()),
        // Workers for .NET take it as a sign that there are entities. No message needs a label here.
        entity_parameters: Some(OrchestratorEntityParameters {
            entity_message_reorder_window: Some(prost_types::Duration::default()),
        }),
        requires_history_streaming: is_left_out,
        ..OrchestratorRequest::default()
    };
    turn.encoded(&rest.encode_to_vec()).into()
}
