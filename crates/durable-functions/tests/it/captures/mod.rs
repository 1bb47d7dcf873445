//! The recorded traffic of a real host, replayed.
//!
//! Each case of `fixtures/durable` holds the requests that a host sent to a small orchestration
//! engine, and the answers of that engine. Here the same orchestrators, and the same entity, are
//! written in Rust and get the same requests: the answers must be the same, or the difference is
//! listed with its reason and with what we answer instead (`differences/`). `docs/captures.md` is the
//! table of all cases; a test compares it with what these tests find.

mod answer;
#[cfg(feature = "handler")]
mod batches;
mod case;
mod cases;
mod differences;
mod document;
mod entity_messages;
mod failures;
#[cfg(feature = "handler")]
mod handled;
mod histories;
mod ids;
mod kept_instances;
mod messages;
mod names;
mod orchestrators;
mod replay;
mod rewound;
