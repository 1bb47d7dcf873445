//! Workers that take work from local-host over gRPC: one written by hand, and PyPI's durabletask.

mod clients;
#[path = "../../../../durable-functions/tests/it/oracle/environment.rs"]
mod environment;
mod python;
mod streams;
mod support;
