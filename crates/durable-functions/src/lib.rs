// Where the README links to the guide. In the file itself the same names lead to files of the repository; of two
// definitions the first counts.
#![doc = "[concepts]: guide::concepts"]
#![doc = "[determinism]: guide::determinism"]
#![doc = "[errors]: guide::errors"]
#![doc = "[clients]: guide::clients"]
#![doc = "[events]: guide::events"]
#![doc = "[entities]: guide::entities"]
#![doc = "[versioning]: guide::versioning"]
#![doc = "[testing]: guide::testing"]
#![doc = "[operating]: guide::operating"]
#![doc = "[workers]: guide::workers"]
#![doc = "[limits]: guide::limits"]
#![doc = "[compatibility]: guide::compatibility"]
#![doc = "[troubleshooting]: guide::troubleshooting"]
#![doc = "[migration]: guide::migration"]
#![doc = include_str!("../README.md")]

mod activity;
#[cfg(feature = "client")]
mod client;
mod codec;
mod context;
mod engine;
mod entity;
mod error;
pub mod error_type;
mod failure;
#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
mod functions;
// It links to everything, also to what is not there without these features; CI checks the links with all of them.
#[cfg_attr(
    not(all(
        feature = "handler",
        feature = "worker",
        feature = "testing",
        feature = "tracing-subscriber"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
pub mod guide;
mod handle;
#[cfg(feature = "handler")]
mod handler;
#[cfg(any(feature = "client", feature = "testing"))]
mod history;
#[cfg(any(feature = "client", feature = "testing"))]
mod instance_status;
mod name;
mod orchestrator;
mod panic;
mod replay;
mod retry;
#[cfg(any(feature = "client", feature = "testing"))]
mod runtime_status;
#[cfg(any(feature = "handler", feature = "worker"))]
mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod time_limit;
mod trigger;
#[cfg(any(feature = "handler", feature = "worker"))]
mod turns;
mod version;
mod wire;
pub mod worker;

/// Axum's, which functions get the app's state with.
#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
pub use axum::extract::{FromRef, State};

pub use activity::ActivityContext;
#[cfg(feature = "client")]
pub use client::{
    CleanedEntities, ClientError, ContinuationToken, DurableClient, EntityQuery, EntityRef,
    EntityStatus, HistoryStream, Instance, ManagementUrls, Page, Pages, PurgeFilter, Purged, Query,
    ReusePolicy, Signal, Start,
};
pub use context::{
    ContinueAsNew, DurableRng, DurableTask, EntityFuture, EntityLock, EventFuture, HttpFuture,
    HttpRequest, HttpResponse, LockFuture, OrchestrationContext, SubOrchestrationFuture,
    TaskFuture, TimerFuture,
};
#[doc(inline)]
pub use durable_protocol::{EntityId, InvalidEntityId, ParseEntityIdError};
pub use engine::Parent;
pub use entity::{Entity, EntityContext, EntityFunction, Operation};
pub use error::{Elapsed, Error, Result, TaskError};
pub use failure::Failure;
#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
pub use functions::Functions;
pub use handle::{Activity, Event, Orchestrator};
#[cfg(feature = "handler")]
pub use handler::{AppExt, ClientRejection};
#[cfg(any(feature = "client", feature = "testing"))]
pub use history::{EventKind, History, HistoryError, HistoryEvent};
#[cfg(any(feature = "client", feature = "testing"))]
pub use instance_status::{DecodeError, Status};
/// The traits of [`DurableRng`], as the crate `rand` 0.10 uses them.
#[doc(no_inline)]
pub use rand_chacha::rand_core;
#[cfg(feature = "tracing-subscriber")]
pub use replay::ReplayFilter;
pub use replay::is_replaying;
pub use retry::RetryPolicy;
#[cfg(any(feature = "client", feature = "testing"))]
pub use runtime_status::{ParseRuntimeStatusError, RuntimeStatus};
/// The token of [`ActivityContext::cancellation`].
#[cfg(any(feature = "handler", feature = "worker"))]
#[doc(no_inline)]
pub use tokio_util::sync::CancellationToken;
pub use version::Version;
