//! The hub for tests: that it does what a host does, and notices what a host would not.

mod determinism;
mod entity_locks;
mod faults;
mod lifecycle;
mod mistakes;
mod mocks;
mod properties;
mod replays;
mod rewind;
mod scenarios;

use durable_functions::testing::TestHub;
use durable_functions::{Activity, ActivityContext, Failure};

pub(crate) const DOUBLE: Activity<u32, u32> = Activity::new("double");
pub(crate) const BREAK: Activity<u32, u32> = Activity::new("break");

/// A hub with an activity that works and one that fails.
pub(crate) fn hub() -> TestHub {
    TestHub::new()
        .activity(DOUBLE, async |_: ActivityContext, n: u32| Ok(2 * n))
        .activity(BREAK, async |_: ActivityContext, n: u32| {
            Err(Failure::new("Broken", format!("no luck with {n}")).into())
        })
}
