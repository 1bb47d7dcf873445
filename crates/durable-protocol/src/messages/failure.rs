//! Failure details.

use std::collections::BTreeMap;

/// How a failure crosses the host: type, message, stack text, cause.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskFailureDetails {
    #[prost(string, tag = "1")]
    pub error_type: String,
    #[prost(string, tag = "2")]
    pub error_message: String,
    #[prost(message, optional, tag = "3")]
    pub stack_trace: Option<String>,
    #[prost(message, optional, boxed, tag = "4")]
    pub inner_failure: Option<Box<TaskFailureDetails>>,
    #[prost(bool, tag = "5")]
    pub is_non_retriable: bool,
    #[prost(btree_map = "string, message", tag = "6")]
    pub properties: BTreeMap<String, prost_types::Value>,
}
