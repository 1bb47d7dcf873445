//! The log. `RUST_LOG` sets its level. Invariant: no level shows a key.

use functions_handler::logs::{Builder, LevelFilter};

/// Crates that print the Authorization header or a signature at DEBUG (RUSTSEC-2026-0275) or may come to do so.
const LEAKY: [&str; 4] = [
    "azure_core",
    "azure_data_tables",
    "azure_storage",
    "typespec",
];

/// The log of the function app, with caps on those crates that `RUST_LOG` cannot lift. The replay
/// of an orchestrator does not log again.
pub fn builder() -> Builder {
    let builder = Builder::new().silence_when(durable_functions::is_replaying);
    LEAKY.into_iter().fold(builder, |builder, target| {
        builder.cap(target, LevelFilter::INFO)
    })
}
