//! The worker serves a sidecar: Microsoft's in-memory one, and a fake one that breaks on purpose.

mod fake;
mod lost;
mod peer;
mod stop;
mod work;
