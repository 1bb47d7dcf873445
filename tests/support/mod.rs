//! What the integration tests share. Each test binary uses a part of it.
#![allow(dead_code)]

pub(crate) mod azurite;
pub(crate) mod fake_table;
pub(crate) mod sample;
pub(crate) mod sdk_transport;
