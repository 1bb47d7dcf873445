//! The task hub, tested through its gRPC service, with closures and recordings as the handler.

mod app;
mod batches;
mod clients;
mod concurrency;
mod entities;
mod fixture;
mod grpc;
mod http2;
mod http_activity;
mod lists;
mod load;
mod nonchars;
mod places;
mod recorded;
mod refusals;
mod replay;
mod rewind;
mod script;
mod shape;
mod storage;
pub(crate) mod support;
mod trigger_names;
mod void_turns;
