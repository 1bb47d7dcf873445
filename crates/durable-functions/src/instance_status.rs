//! The state of an instance, as a client sees it.

use std::time::SystemTime;

use durable_protocol::Timestamp;
use durable_protocol::messages::{OrchestrationState, OrchestrationStatus as RuntimeStatus};

use crate::Failure;

/// What the task hub knows of an instance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The id of the instance.
    pub instance_id: String,
    /// The name of the orchestrator, spelled as the client that started it spelled it.
    pub name: String,
    /// Where the instance stands.
    pub runtime_status: RuntimeStatus,
    /// The input as JSON text.
    pub input: Option<String>,
    /// The output as JSON text when completed. When failed, the text `Type: message`, or, when the
    /// host itself failed the instance, a JSON object with its internal texts. When terminated or
    /// suspended, the reason as the client gave it.
    pub output: Option<String>,
    /// The custom status as JSON text; `None` when there is none.
    pub custom_status: Option<String>,
    /// When the instance was started (UTC).
    pub created_at: SystemTime,
    /// When its state last changed (UTC).
    pub last_updated_at: SystemTime,
    /// The failure of a failed instance, on backends that store it; Azure Storage does not.
    pub failure: Option<Failure>,
}

impl InstanceStatus {
    pub(crate) fn from_state(state: OrchestrationState) -> Self {
        let time = |time: Option<prost_types::Timestamp>| {
            time.map_or(SystemTime::UNIX_EPOCH, |time| {
                Timestamp {
                    seconds: time.seconds,
                    nanos: time.nanos.clamp(0, 999_999_999),
                }
                .to_system_time()
            })
        };
        InstanceStatus {
            runtime_status: state.orchestration_status(),
            instance_id: state.instance_id,
            name: state.name,
            input: state.input,
            output: state.output,
            // An instance without a custom status has the text `null`.
            custom_status: state
                .custom_status
                .filter(|status| !status.is_empty() && status != "null"),
            created_at: time(state.created_timestamp),
            last_updated_at: time(state.last_updated_timestamp),
            failure: state.failure_details.map(Failure::from_details),
        }
    }
}
