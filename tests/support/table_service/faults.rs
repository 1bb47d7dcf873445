//! What goes wrong, decided by a seed and the number of the request.

use std::time::Duration;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered.
    Answered,
    /// 503 `ServerBusy`; nothing is done.
    Busy,
    /// It is done, and its answer breaks off in the middle.
    Cut,
}

/// The shares of requests that fail, each between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Decides together with the number of the request.
    pub(crate) seed: u64,
    /// Answered 503.
    pub(crate) busy: f64,
    /// Cut in the middle of the body.
    pub(crate) cut: f64,
    /// Answered late.
    pub(crate) slow: f64,
    /// By so much.
    pub(crate) slow_by: Duration,
    /// Whether requests that write fail, too, and not only queries.
    pub(crate) of_writes: bool,
}

impl Faults {
    pub(super) fn fate(&self, request: u64) -> Fate {
        let drawn = share(self.seed, request);
        if drawn < self.busy {
            Fate::Busy
        } else if drawn < self.busy + self.cut {
            Fate::Cut
        } else {
            Fate::Answered
        }
    }

    pub(super) fn delay(&self, request: u64) -> Duration {
        if share(!self.seed, request) < self.slow {
            self.slow_by
        } else {
            Duration::ZERO
        }
    }
}

/// A number from 0 to below 1, the same for the same arguments.
pub(super) fn share(seed: u64, number: u64) -> f64 {
    // 53 bits are what an f64 holds exactly.
    (mix(mix(seed) ^ number) >> 11) as f64 / (1_u64 << 53) as f64
}

/// One step of SplitMix64.
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
