//! The views of a job: one record, in the form that a client asks for.

pub(crate) mod job;
