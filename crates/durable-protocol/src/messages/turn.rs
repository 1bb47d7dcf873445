//! A turn: request and response.

use std::collections::BTreeMap;

use prost::encoding::{self, WireType};

use super::action::OrchestratorAction;
use super::entity::OrchestratorEntityParameters;
use super::history::HistoryEvent;
use super::instance::OrchestrationTraceContext;

/// One turn: the whole history, old and new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorRequest {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub past_events: Vec<HistoryEvent>,
    #[prost(message, repeated, tag = "4")]
    pub new_events: Vec<HistoryEvent>,
    #[prost(message, optional, tag = "5")]
    pub entity_parameters: Option<OrchestratorEntityParameters>,
    #[prost(bool, tag = "6")]
    pub requires_history_streaming: bool,
    #[prost(btree_map = "string, message", tag = "7")]
    pub properties: BTreeMap<String, prost_types::Value>,
    #[prost(message, optional, tag = "8")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
}

/// The answer to a turn.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorResponse {
    #[prost(string, tag = "1")]
    pub instance_id: String,
    #[prost(message, repeated, tag = "2")]
    pub actions: Vec<OrchestratorAction>,
    #[prost(message, optional, tag = "3")]
    pub custom_status: Option<String>,
    #[prost(string, tag = "4")]
    pub completion_token: String,
    #[prost(message, optional, tag = "5")]
    pub num_events_processed: Option<i32>,
    #[prost(message, optional, tag = "6")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
    #[prost(bool, tag = "7")]
    pub requires_history: bool,
    #[prost(bool, tag = "8")]
    pub is_partial: bool,
    #[prost(message, optional, tag = "9")]
    pub chunk_index: Option<i32>,
}

impl OrchestratorResponse {
    /// Encodes an answer from its parts, without a copy of the actions: the replay engine keeps them, to compare
    /// them with the history of the next turn.
    #[must_use]
    pub fn encode_parts<'a>(
        instance_id: &str,
        actions: impl IntoIterator<Item = &'a OrchestratorAction>,
        custom_status: Option<&String>,
    ) -> Vec<u8> {
        /// Most answers fit. Measuring first would take longer than the growth of those that do not.
        const MOST: usize = 256;
        let mut answer = Vec::with_capacity(MOST);
        if !instance_id.is_empty() {
            encoding::encode_key(1, WireType::LengthDelimited, &mut answer);
            encoding::encode_varint(instance_id.len() as u64, &mut answer);
            answer.extend_from_slice(instance_id.as_bytes());
        }
        for action in actions {
            encoding::message::encode(2, action, &mut answer);
        }
        if let Some(status) = custom_status {
            encoding::message::encode(3, status, &mut answer);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::super::action::OrchestratorActionType;
    use super::*;

    #[test]
    fn an_answer_of_parts_is_the_encoded_answer() {
        let long = "x".repeat(300);
        for instance_id in ["", "abc", &long] {
            for custom_status in [None, Some(String::new()), Some(long.clone())] {
                for count in 0..3 {
                    let actions = (0..count).map(|id| OrchestratorAction {
                        id,
                        orchestrator_action_type: (id > 0)
                            .then(|| OrchestratorActionType::ScheduleTask(Default::default())),
                    });
                    let answer = OrchestratorResponse {
                        instance_id: instance_id.to_owned(),
                        actions: actions.collect(),
                        custom_status: custom_status.clone(),
                        ..OrchestratorResponse::default()
                    };
                    let parts = OrchestratorResponse::encode_parts(
                        instance_id,
                        &answer.actions,
                        custom_status.as_ref(),
                    );
                    assert_eq!(parts, answer.encode_to_vec());
                }
            }
        }
    }
}
