//! The durable client: each call against what a real host answered, against each code of the extension, and against
//! local-host.

mod channels;
mod codes;
mod local_host;
mod recorded;
#[cfg(feature = "handler")]
mod responses;
mod scripted;
