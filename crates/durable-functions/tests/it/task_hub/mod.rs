//! The engine as an app in the task hub of local-host: each understands what the other sends.
//!
//! local-host knows the protocol but not this crate, so these tests are here.

mod activity_failures;
pub(crate) mod support;
