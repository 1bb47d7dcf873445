//! The views of a job: one record, in the forms that clients ask for.
//!
//! Invariant: a view is a function of the record and of the job's address. So every view of a job says the same.

pub mod job;
pub mod minimal;
pub mod text;
