// Of two definitions of a link the first counts; the other is for those who read the file in the repository.
#![doc = "[design]: design"]
#![doc = include_str!("../README.md")]

mod activity;
pub mod changes;
pub mod client;
#[doc = include_str!("../DESIGN.md")]
pub mod design {}
mod effects;
mod entity;
mod events;
mod history;
mod hub;
pub mod ids;
pub mod instance;
mod lease;
pub mod memory;
pub mod notice;
pub mod options;
mod plan;
pub mod query;
mod rewind;
#[cfg(feature = "sqlite")]
mod sqlite;
mod step;
pub mod store;
mod timer;
mod turn;
pub mod validation;
pub mod work;

pub use client::{Error, Signal, Verb};
pub use hub::{Committed, Hub};
pub use ids::{Ids, Moment};
pub use lease::{Kind, Token};
pub use memory::MemoryStore;
pub use notice::Notice;
pub use options::Options;
pub use plan::{Place, Refusal, Refused};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{Store, StoreError, StoreErrorKind};
