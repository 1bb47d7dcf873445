//! What to do about a job that its host has failed.

use std::time::{Duration, SystemTime};

use durable_functions::RuntimeStatus;

use super::{loss::Loss, past::Past};

/// How long after a failure the first, second and third rewind are due. The first is due at once: as a rule the host has
/// started another handler already. A job that makes the handler die is not to do so again and again without a pause: a
/// host stops at the third death within half an hour.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// What is to be done, and what the caller is to see meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It stays as it is: failed.
    Show,
    /// It is rewound, for the time with this number, and is shown as running.
    Rewind(u32),
    /// Its next rewind is not due yet, or it goes on already. It is shown as running.
    Wait,
}

/// Rewinds that this process has tried since the failure, and that the history may not show: see [`super::tried`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    /// The number of the last one.
    pub(super) number: u32,
    /// When (UTC).
    pub(super) at: SystemTime,
}

/// Decides. `past` is the history, read after the status was; `tried` is what was tried since the failure in it.
pub(super) fn decide(loss: Loss, past: &Past, tried: Option<Tried>, now: SystemTime) -> Decision {
    let Some(end) = past
        .end
        .as_ref()
        .filter(|end| end.status == RuntimeStatus::Failed)
    else {
        // Somebody has rewound it since the status was read.
        return Decision::Wait;
    };
    if !loss.is_confirmed(end, past.lost_activity) {
        return Decision::Show;
    }
    let done = past.rewinds.max(tried.map_or(0, |tried| tried.number));
    let pause = usize::try_from(done).ok().and_then(|done| PAUSES.get(done));
    let Some(pause) = pause else {
        return Decision::Show;
    };
    let since = tried.map_or(end.at, |tried| tried.at.max(end.at));
    // In the future only when the clocks differ.
    let passed = now.duration_since(since).unwrap_or_default();
    match passed >= *pause {
        true => Decision::Rewind(done + 1),
        false => Decision::Wait,
    }
}
