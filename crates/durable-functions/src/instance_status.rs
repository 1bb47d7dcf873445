//! The state of an instance, as a client sees it.
//!
//! Payloads are kept as the texts that the task hub has, and read only when they are asked for. So an output
//! that is not of the expected type never hides the rest of the status.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationState;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::{self, ShortType};
use crate::{Failure, RuntimeStatus};

/// What the task hub knows of an instance, whose output is an `O`.
///
/// Where the type of the output is not known, `O` is [`serde_json::Value`].
///
/// # As JSON
///
/// It serialises to the payload of the extension's HTTP management API: `name`, `instanceId`, `runtimeStatus`,
/// `input`, `customStatus`, `output`, `createdTime` and `lastUpdatedTime`, and `version` and `parentInstanceId` when
/// they are known. Payloads are JSON, or a JSON string when they are some other text. Times are ISO 8601 in UTC with
/// whole seconds: `2026-11-21T06:24:51Z`.
///
/// **It is not for everybody**: the input may be confidential, and the output of a failed instance may hold internal
/// texts.
#[non_exhaustive]
pub struct Status<O = Value> {
    /// The id of the instance.
    pub instance_id: String,
    /// The name of the orchestrator, spelled as the client that started it spelled it.
    pub name: String,
    /// The version of the instance. The extension reports it in queries only.
    pub version: Option<String>,
    /// Where the instance stands.
    pub runtime_status: RuntimeStatus,
    /// The input as JSON text; `None` when there is none, or when it was not asked for.
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
    /// The time before which it was not to begin (UTC). The extension reports it in queries only.
    pub scheduled_start_at: Option<SystemTime>,
    /// The failure of a failed instance, on backends that store it; Azure Storage does not.
    pub failure: Option<Failure>,
    /// The tags that it was started with. Extension 2.13 has none.
    pub tags: BTreeMap<String, String>,
    /// The instance that started it as a sub-orchestration. Known since extension 3.19, if the backend stores it.
    pub parent_instance_id: Option<String>,
    of: PhantomData<fn() -> O>,
}

impl<O> Status<O> {
    pub(crate) fn from_state(state: OrchestrationState) -> Self {
        let time = |time: prost_types::Timestamp| Timestamp::from(time).to_system_time();
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        Status {
            runtime_status: RuntimeStatus::from_number(state.orchestration_status),
            instance_id: state.instance_id,
            name: state.name,
            version: present(state.version),
            input: state.input,
            output: state.output,
            // An instance without a custom status has the text `null`.
            custom_status: present(state.custom_status).filter(|status| status != "null"),
            created_at: state.created_timestamp.map_or(SystemTime::UNIX_EPOCH, time),
            last_updated_at: state
                .last_updated_timestamp
                .map_or(SystemTime::UNIX_EPOCH, time),
            scheduled_start_at: state.scheduled_start_timestamp.map(time),
            failure: state.failure_details.map(Failure::from_details),
            tags: state.tags,
            parent_instance_id: present(state.parent_instance_id),
            of: PhantomData,
        }
    }

    /// The same status, whose output is a `T`. Nothing is read.
    #[must_use]
    pub fn typed<T>(self) -> Status<T> {
        Status {
            instance_id: self.instance_id,
            name: self.name,
            version: self.version,
            runtime_status: self.runtime_status,
            input: self.input,
            output: self.output,
            custom_status: self.custom_status,
            created_at: self.created_at,
            last_updated_at: self.last_updated_at,
            scheduled_start_at: self.scheduled_start_at,
            failure: self.failure,
            tags: self.tags,
            parent_instance_id: self.parent_instance_id,
            of: PhantomData,
        }
    }

    /// The input; `None` when there is none, or when it was not asked for.
    ///
    /// # Errors
    /// The input is not a `T`.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<Option<T>, DecodeError> {
        self.read("input", self.input.as_deref())
    }

    /// The custom status; `None` when there is none.
    ///
    /// # Errors
    /// The custom status is not a `T`.
    pub fn custom_status_as<T: DeserializeOwned>(&self) -> Result<Option<T>, DecodeError> {
        self.read("custom status", self.custom_status.as_deref())
    }

    /// When the instance was started, as text: ISO 8601 in UTC with whole seconds, `2026-11-21T06:24:51Z`.
    #[must_use]
    pub fn created_at_text(&self) -> String {
        text_of(self.created_at)
    }

    /// When its state last changed, as text: ISO 8601 in UTC with whole seconds, `2026-11-21T06:24:51Z`.
    #[must_use]
    pub fn last_updated_at_text(&self) -> String {
        text_of(self.last_updated_at)
    }

    fn read<T: DeserializeOwned>(
        &self,
        what: &str,
        text: Option<&str>,
    ) -> Result<Option<T>, DecodeError> {
        let read = text.map(|text| codec::read(codec::or_null(Some(text.as_bytes()))));
        read.transpose().map_err(|error| {
            let what = format!("the {what} of instance '{}'", self.instance_id);
            DecodeError::new::<T>(what, &error)
        })
    }
}

impl<O: DeserializeOwned> Status<O> {
    /// The output of a completed instance; `None` unless it is completed.
    ///
    /// # Errors
    /// The output is not an `O`.
    pub fn output(&self) -> Result<Option<O>, DecodeError> {
        if self.runtime_status != RuntimeStatus::Completed {
            return Ok(None);
        }
        self.read("output", Some(self.output.as_deref().unwrap_or("null")))
    }
}

fn text_of(time: SystemTime) -> String {
    let mut text = Timestamp::from(time).round_trip();
    // `2026-11-21T06:24:51` without the decimals.
    text.truncate(19);
    text.push('Z');
    text
}

// By hand, because derived ones would ask the same of `O`.
impl<O> Clone for Status<O> {
    fn clone(&self) -> Self {
        Status {
            instance_id: self.instance_id.clone(),
            name: self.name.clone(),
            version: self.version.clone(),
            input: self.input.clone(),
            output: self.output.clone(),
            custom_status: self.custom_status.clone(),
            failure: self.failure.clone(),
            tags: self.tags.clone(),
            parent_instance_id: self.parent_instance_id.clone(),
            ..*self
        }
    }
}

impl<O> PartialEq for Status<O> {
    fn eq(&self, other: &Self) -> bool {
        self.instance_id == other.instance_id
            && self.name == other.name
            && self.version == other.version
            && self.runtime_status == other.runtime_status
            && self.input == other.input
            && self.output == other.output
            && self.custom_status == other.custom_status
            && self.created_at == other.created_at
            && self.last_updated_at == other.last_updated_at
            && self.scheduled_start_at == other.scheduled_start_at
            && self.failure == other.failure
            && self.tags == other.tags
            && self.parent_instance_id == other.parent_instance_id
    }
}

impl<O> fmt::Debug for Status<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("instance_id", &self.instance_id)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("runtime_status", &self.runtime_status)
            .field("input", &self.input)
            .field("output", &self.output)
            .field("custom_status", &self.custom_status)
            .field("created_at", &self.created_at)
            .field("last_updated_at", &self.last_updated_at)
            .field("scheduled_start_at", &self.scheduled_start_at)
            .field("failure", &self.failure)
            .field("tags", &self.tags)
            .field("parent_instance_id", &self.parent_instance_id)
            .finish()
    }
}

impl<O> Serialize for Status<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let optional =
            usize::from(self.version.is_some()) + usize::from(self.parent_instance_id.is_some());
        let mut members = serializer.serialize_struct("Status", 8 + optional)?;
        members.serialize_field("name", &self.name)?;
        if let Some(version) = &self.version {
            members.serialize_field("version", version)?;
        }
        members.serialize_field("instanceId", &self.instance_id)?;
        if let Some(parent) = &self.parent_instance_id {
            members.serialize_field("parentInstanceId", parent)?;
        }
        members.serialize_field("runtimeStatus", &self.runtime_status)?;
        members.serialize_field("input", &Payload(self.input.as_deref()))?;
        members.serialize_field("customStatus", &Payload(self.custom_status.as_deref()))?;
        members.serialize_field("output", &Payload(self.output.as_deref()))?;
        members.serialize_field("createdTime", &self.created_at_text())?;
        members.serialize_field("lastUpdatedTime", &self.last_updated_at_text())?;
        members.end()
    }
}

/// A payload as JSON: the text itself when it is JSON, else a string.
struct Payload<'a>(Option<&'a str>);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(text) = self.0 else {
            return serializer.serialize_none();
        };
        match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => json.serialize(serializer),
            Err(_) => serializer.serialize_str(text),
        }
    }
}

/// A text of the task hub that is not of the type that it was to be read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not of type {}: {detail}", ShortType(expected))]
#[non_exhaustive]
pub struct DecodeError {
    /// What the text is: `the output of instance 'abc'`.
    pub what: String,
    /// The Rust type that was expected.
    pub expected: &'static str,
    /// What the JSON decoder said.
    pub detail: String,
}

impl DecodeError {
    pub(crate) fn new<T>(what: String, error: &serde_json::Error) -> Self {
        DecodeError {
            what,
            expected: type_name::<T>(),
            detail: error.to_string(),
        }
    }
}
