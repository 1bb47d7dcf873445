#![doc = include_str!("../README.md")]

pub mod activity_failure;
mod entity_id;
pub mod entity_message;
pub mod http_activity;
pub mod instance_id;
pub mod messages;
pub mod nonchars;
pub mod service;
mod timestamp;

pub use entity_id::{EntityId, InvalidEntityId, ParseEntityIdError};
pub use timestamp::{NEVER, Timestamp};
