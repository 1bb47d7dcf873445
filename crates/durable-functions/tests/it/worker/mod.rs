//! The worker serves a sidecar: Microsoft's in-memory one, and a fake one that breaks on purpose.

mod answers;
mod app_state;
mod bounds;
mod fake;
mod items;
mod local_host;
#[cfg(feature = "tracing-subscriber")]
mod log;
mod lost;
mod peer;
mod proxy;
mod scenarios;
mod serving;
mod sidecar;
mod stop;
mod tls;
mod versions;
mod work;
