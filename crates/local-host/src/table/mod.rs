//! An embedded table endpoint: a small in-memory part of the Azure Table service at the storage
//! emulator's address, so that an app runs on a machine without Azurite.
//!
//! It has the account `devstoreaccount1`, answers queries with filter, selection and continuation,
//! reads, inserts and deletes single entities, and lists and creates tables. Other operations are answered
//! with 501. Requests must be signed with the emulator's key.

mod authorization;
mod entity;
mod filter;
mod moment;
mod odata;
mod page;
pub mod sample;
mod server;
mod store;

pub(crate) use moment::read as read_moment;
pub use server::serve;
pub use store::Store;

/// The port of the storage emulator's table service.
pub(crate) const PORT: u16 = 10002;

/// The account of the storage emulator.
const ACCOUNT: &str = "devstoreaccount1";
