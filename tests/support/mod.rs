//! What the integration tests share. Each test binary uses a part of it.
#![allow(dead_code)]

pub(crate) mod app_folder;
pub(crate) mod azurite;
pub(crate) mod breaking_proxy;
pub(crate) mod browser;
pub(crate) mod build;
pub(crate) mod console;
pub(crate) mod count;
pub(crate) mod fake_table;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod key_check;
pub(crate) mod messages;
pub(crate) mod npm;
pub(crate) mod original;
#[cfg(unix)]
pub(crate) mod queues;
pub(crate) mod random;
pub(crate) mod readme;
pub(crate) mod redis;
pub(crate) mod reverse_proxy;
pub(crate) mod sample;
pub(crate) mod schemathesis;
pub(crate) mod sdk_transport;
pub(crate) mod table_proxy;
pub(crate) mod table_service;
pub(crate) mod task_hub;
