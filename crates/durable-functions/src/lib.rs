//! Durable Functions orchestrations in Rust.

pub mod proto;
