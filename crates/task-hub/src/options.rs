//! The rules of a hub that depend on what it stands in for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::plan::Refused;

/// What an answer may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How far ahead timers and scheduled signals may be.
    pub longest_timer: Option<Duration>,
    /// The most UTF-16 units of a custom status.
    pub longest_custom_status: Option<usize>,
    /// Whether messages may contain U+FFFE and U+FFFF.
    pub noncharacters: bool,
    /// Whether entities take calls, signals and locks of orchestrations that have no label. The actions of the
    /// protocol give none. With Azure Storage entities drop them, unless
    /// `entityMessageReorderWindowInMinutes` is 0.
    pub unlabelled_entity_messages: bool,
    /// The most operations in one entity batch.
    pub largest_batch: usize,
}

impl Limits {
    /// The limits of extension 3.x with the Azure Storage provider.
    #[must_use]
    pub fn azure_storage() -> Self {
        Self {
            longest_timer: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            longest_custom_status: Some(8_192),
            noncharacters: false,
            unlabelled_entity_messages: false,
            largest_batch: 5_000,
        }
    }

    /// No limits but those of the hub itself, for workers of the Durable Task protocol.
    #[must_use]
    pub fn none() -> Self {
        Self {
            longest_timer: None,
            longest_custom_status: None,
            noncharacters: true,
            unlabelled_entity_messages: true,
            largest_batch: 5_000,
        }
    }
}

/// The delays before work that was abandoned is given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay; each further one is twice as long.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
}

impl Backoff {
    /// The delay after this number of attempts that were abandoned before.
    pub(crate) fn after(self, abandoned: u32) -> Duration {
        let factor = 2_u32.saturating_pow(abandoned);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// The output of an instance whose answer was refused: orchestrator, refusal.
pub type RefusalOutput = dyn Fn(&str, &Refused) -> String + Send + Sync;

/// The tag of an instance that a restart made under a new id: the id of the old one.
pub const SOURCE_INSTANCE: &str = "MS_DurableFunctions_SourceInstanceId";

/// How a hub behaves.
#[derive(Clone)]
pub struct Options {
    /// What an answer may contain.
    pub limits: Limits,
    /// When abandoned work is given out again.
    pub backoff: Backoff,
    /// How long a worker may have work without a sign of life; see [`Hub::renew`](crate::Hub::renew). Then it is
    /// given out again, and the answer of the first worker is stale. `None` when the driver abandons the work of
    /// workers that are gone.
    pub longest_lease: Option<Duration>,
    /// The version of starts that name none.
    pub default_version: Option<String>,
    /// Whether a restart under a new id leaves the old id in the tag [`SOURCE_INSTANCE`], as extension 3.19 does.
    pub tags_restarts: bool,
    /// Words the output of an instance whose answer was refused. The text becomes part of the history.
    pub refusal_output: Arc<RefusalOutput>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("limits", &self.limits)
            .field("backoff", &self.backoff)
            .field("longest_lease", &self.longest_lease)
            .field("default_version", &self.default_version)
            .field("tags_restarts", &self.tags_restarts)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    /// The limits of Azure Storage, and the delays of a development host: a real host waits two seconds, then
    /// four, up to ten minutes.
    fn default() -> Self {
        Self {
            limits: Limits::azure_storage(),
            backoff: Backoff {
                first: Duration::from_millis(250),
                longest: Duration::from_secs(8),
            },
            longest_lease: None,
            default_version: None,
            tags_restarts: false,
            refusal_output: Arc::new(|name, refused| {
                format!("The answer of orchestrator '{name}' was refused: {refused:?}")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit() {
        let backoff = Options::default().backoff;
        assert_eq!(backoff.after(0), backoff.first);
        assert_eq!(backoff.after(3), backoff.first * 8);
        assert_eq!(backoff.after(u32::MAX), backoff.longest);
    }
}
