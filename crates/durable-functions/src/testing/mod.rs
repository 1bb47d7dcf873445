//! Runs orchestrators, activities and entities in a test, without a host (feature `testing`).
//!
//! [`TestHub`] has a task hub in memory and a clock of its own: a timer of a year takes no time. A test needs a few
//! lines:
//!
//! ```
//! use std::time::Duration;
//! use durable_functions::testing::TestHub;
//! use durable_functions::{Activity, Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy};
//!
//! const CHARGE: Activity<u32, String> =
//!     Activity::new("charge").with_retry(RetryPolicy::new(3, Duration::from_secs(60)));
//! const ORDER: Orchestrator<u32, String> = Orchestrator::new("order");
//!
//! async fn order(ctx: OrchestrationContext, cents: u32) -> Result<String> {
//!     Ok(ctx.call(CHARGE, cents).await?)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::result::Result<(), durable_functions::testing::TestError> {
//! let mut hub = TestHub::new().orchestrator(ORDER, order);
//! let charge = hub.mock(CHARGE, |cents| Ok(format!("receipt for {cents}")));
//! charge.fail_next(2, Failure::new("Busy", "try later"));
//! assert_eq!(hub.run(ORDER, &700).await?, "receipt for 700");
//! assert_eq!(charge.calls(), [700, 700, 700]);
//! # Ok(()) }
//! ```
//!
//! What a client can do with an instance has the same name here: [`raise`](TestHub::raise),
//! [`suspend`](TestHub::suspend), [`resume`](TestHub::resume), [`terminate`](TestHub::terminate),
//! [`rewind`](TestHub::rewind), [`restart`](TestHub::restart), [`purge`](TestHub::purge),
//! [`status`](TestHub::status), [`history`](TestHub::history), [`signal`](TestHub::signal). It happens between two
//! calls that let the functions run, or [at](TestHub::at) a moment of the hub's time:
//!
//! ```
//! # use std::time::Duration;
//! # use durable_functions::testing::{TestError, TestHub};
//! # use durable_functions::{Event, OrchestrationContext, Orchestrator, Result};
//! const APPROVED: Event<bool> = Event::new("Approved");
//! const APPROVAL: Orchestrator<(), String> = Orchestrator::new("approval");
//! const HOUR: Duration = Duration::from_secs(60 * 60);
//!
//! async fn approval(ctx: OrchestrationContext, (): ()) -> Result<String> {
//!     Ok(match ctx.timeout(24 * HOUR, ctx.wait_for(APPROVED)).await {
//!         Ok(answer) => if answer? { "approved" } else { "refused" },
//!         Err(_) => "no answer",
//!     }.to_owned())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::result::Result<(), TestError> {
//! // No answer for a day.
//! let mut hub = TestHub::new().orchestrator(APPROVAL, approval);
//! assert_eq!(hub.run(APPROVAL, &()).await?, "no answer");
//!
//! // An answer after an hour.
//! let mut hub = TestHub::new().orchestrator(APPROVAL, approval);
//! hub.at(HOUR, |hub| hub.raise("ada", APPROVED, &true));
//! assert_eq!(hub.run(APPROVAL, &()).with_id("ada").await?, "approved");
//!
//! // The same step by step.
//! let mut hub = TestHub::new().orchestrator(APPROVAL, approval);
//! let id = hub.start(APPROVAL, &()).await?;
//! hub.advance(HOUR).await?;
//! hub.raise(&id, APPROVED, &false)?;
//! hub.run_until_ended(&id).await?;
//! assert_eq!(hub.output::<String>(&id)?, "refused");
//! # Ok(()) }
//! ```
//!
//! # Code that is not deterministic
//!
//! Each turn of an orchestrator runs several times: on the instance that was kept from the turn before, and from its
//! whole history. The test fails when two runs ask for different things, and names the call with its input in both.
//! That finds the clock, random numbers, the order of a `HashMap`, `tokio::select!` without `biased;`, statics and
//! thread locals, also where only an input, an id or a time differs and not the name of the call.
//!
//! A time of whole seconds or a date is found because the clock of the hub shows another one; start the hub
//! [elsewhere](TestHub::starting_at) than today. Not found is what is the same in all runs of one process: environment
//! variables, files that do not change, the number of processors, and a decision that depends on the hour.
//!
//! # Faults
//!
//! With [`Faults`] the hub crashes and recovers, work is lost and done again, messages arrive one by one or
//! late. All of it follows from a seed, which a failure names, so a failed test can be repeated:
//!
//! ```
//! # use durable_functions::testing::{Faults, TestError, TestHub};
//! # use durable_functions::{OrchestrationContext, Orchestrator};
//! # const HELLO: Orchestrator<(), u32> = Orchestrator::new("hello");
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), TestError> {
//! for seed in 0..20 {
//!     let mut hub = TestHub::new()
//!         .with_seed(seed)
//!         .with_faults(Faults::all())
//!         .orchestrator(HELLO, async |_: OrchestrationContext, (): ()| Ok(7));
//!     assert_eq!(hub.run(HELLO, &()).await?, 7);
//! }
//! # Ok(()) }
//! ```
//!
//! # New code and old instances
//!
//! [`Replayer`] runs stored histories against today's code. A client's `history()` or [`TestHub::history`] gives them,
//! [`History::write`](crate::History::write) stores them, and a test of one line finds code that would break the
//! instances that run.
//!
//! # What is real
//!
//! The engine that runs turns is that of production, and so are the forms in which inputs, results and failures travel.
//! The task hub is the one of `local-host`: the order and the shape of the events, what is refused, what a rewind does.
//!
//! # What differs from a host
//!
//! Inputs and results reach the functions byte for byte, which a real host does not guarantee for all JSON.
//! Activities take no time on the clock of the hub; to let a timer be first, [hold](TestHub::hold) them. They
//! have no deadline. `ctx.call_http` sends nothing: [`mock_http`](TestHub::mock_http) answers. Triggers, bindings and
//! host.json have no part in a test; `local-host` has them.

mod call;
mod client;
mod error;
mod faults;
mod functions;
mod hub;
mod mock;
mod mock_http;
mod moments;
mod notice;
#[cfg(feature = "client")]
mod query;
mod random;
mod replay_error;
mod replayer;
mod report;
mod sites;
mod start;
mod text;
mod turn;
mod wall_clock;
mod work;

pub use error::{TestError, TestErrorKind};
pub use faults::Faults;
pub use hub::TestHub;
pub use mock::Mock;
pub use replay_error::{Difference, ReplayError};
pub use replayer::Replayer;
pub(crate) use sites::note as note_site;
pub use start::{Run, Start};
