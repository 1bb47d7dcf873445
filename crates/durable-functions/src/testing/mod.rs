//! Runs orchestrators, activities and entities in a test, without a host (feature `testing`).
//!
//! [`TestHub`] has a task hub in memory and a clock of its own: a timer of a year takes no time. Activities and
//! entities run inside the call that waits for them. Each turn of an orchestrator runs twice, once from its
//! whole history and once on the instance that was kept from the turn before; the test fails when both decide
//! differently, as code does that reads the clock, draws random numbers or depends on the order of a `HashMap`.
//!
//! ```
//! use std::time::Duration;
//! use durable_functions::testing::{TestError, TestHub};
//! use durable_functions::{
//!     Activity, ActivityContext, Event, OrchestrationContext, Orchestrator, Result, RuntimeStatus,
//! };
//!
//! const ASK: Activity<String, ()> = Activity::new("ask");
//! const APPROVED: Event<bool> = Event::new("Approved");
//! const APPROVAL: Orchestrator<String, String> = Orchestrator::new("approval");
//!
//! async fn approval(ctx: OrchestrationContext, who: String) -> Result<String> {
//!     ctx.call(ASK, who).await?;
//!     let answer = ctx.wait_for(APPROVED);
//!     Ok(match ctx.timeout(Duration::from_secs(24 * 60 * 60), answer).await {
//!         Ok(answer) => if answer? { "approved" } else { "refused" },
//!         Err(_) => "no answer",
//!     }.to_owned())
//! }
//!
//! fn hub() -> TestHub {
//!     TestHub::new()
//!         .orchestrator(APPROVAL, approval)
//!         .activity(ASK, async |_: ActivityContext, _: String| Ok(()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::result::Result<(), TestError> {
//! // No answer for a day.
//! assert_eq!(hub().run(APPROVAL, &"Ada".to_owned()).await?, "no answer");
//!
//! // An answer after an hour.
//! let mut hub = hub();
//! let id = hub.start(APPROVAL, &"Ada".to_owned())?;
//! hub.advance(Duration::from_secs(60 * 60)).await?;
//! hub.raise(&id, APPROVED, &true)?;
//! hub.run_until_ended(&id).await?;
//! assert_eq!(hub.output::<String>(&id)?, "approved");
//! # Ok(()) }
//! ```
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
//! # What differs from a host
//!
//! Inputs and results reach the functions byte for byte, which a real host does not guarantee for all JSON.
//! Activities take no time on the clock of the hub; to let a timer be first, [hold](TestHub::hold) them. They
//! have no deadline. `ctx.call_http` needs an activity named `BuiltIn::HttpActivity`.

mod client;
mod error;
mod faults;
mod functions;
mod hub;
mod notice;
mod random;
mod report;
mod turn;
mod work;

pub use error::{TestError, TestErrorKind};
pub use faults::Faults;
pub use hub::TestHub;
