//! The task hub through its gRPC service and a handler that is played by the tests.

mod app;
mod batches;
mod concurrency;
mod entities;
mod fixture;
mod grpc;
mod http_activity;
mod load;
mod nonchars;
mod places;
mod recorded;
mod refusals;
mod replay;
mod rewind;
mod script;
mod shape;
mod support;
mod void_turns;
