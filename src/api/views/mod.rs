//! The views of a job: one record, in the form that a client asks for.

#[allow(dead_code)] // The choice of view uses it.
pub(crate) mod html;
pub(crate) mod job;
