//! Which existing instance a start may replace.

use durable_protocol::messages::OrchestrationIdReusePolicy;

use crate::RuntimeStatus;

/// Which existing instance with the same id a start may replace; see [`Start::with_reuse_policy`](crate::Start::with_reuse_policy).
///
/// With the host's default settings, a policy can only forbid more: an instance that is pending, running or suspended
/// is never replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReusePolicy {
    replaceable: Vec<RuntimeStatus>,
}

impl ReusePolicy {
    /// None: the start creates an instance only if there is none with its id.
    #[must_use]
    pub const fn create_only() -> Self {
        ReusePolicy {
            replaceable: Vec::new(),
        }
    }

    /// One with one of these statuses.
    ///
    /// If the host's setting `overridableExistingInstanceStates` is `AnyState`, an instance that runs can be replaced
    /// as well. The host first terminates it and waits for its end, up to an hour. It then demands that
    /// [`RuntimeStatus::Terminated`] is among the statuses, and answers
    /// [`ClientError::InvalidArgument`](crate::ClientError::InvalidArgument) otherwise.
    #[must_use]
    pub fn replace(statuses: impl IntoIterator<Item = RuntimeStatus>) -> Self {
        ReusePolicy {
            replaceable: statuses.into_iter().collect(),
        }
    }

    pub(super) fn into_wire(self) -> OrchestrationIdReusePolicy {
        let numbers = self
            .replaceable
            .into_iter()
            .filter_map(RuntimeStatus::to_wire);
        OrchestrationIdReusePolicy {
            replaceable_status: numbers.map(|status| status as i32).collect(),
        }
    }
}
