//! Entities from orchestrators: calls, signals and locks.

mod call;
mod lock;
mod signal;

pub use call::EntityFuture;
pub use lock::{EntityLock, LockFuture};
