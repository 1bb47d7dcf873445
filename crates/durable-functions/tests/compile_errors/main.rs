//! What the compiler says about the likeliest mistakes names the mistake.
//!
//! The texts are those of one version of Rust. After a change of it, or of a trait that they show,
//! `TRYBUILD=overwrite cargo test -p durable-functions --test compile_errors` writes them anew: read the difference.
#![cfg(feature = "handler")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Command;

/// The version of the texts, which is that of CI.
const RUST: &str = "rustc 1.95.";

#[test]
fn the_compiler_names_the_likeliest_mistakes() {
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let is_ours = rustc.stdout.starts_with(RUST.as_bytes());
    if !is_ours && std::env::var_os("CI").is_none() {
        return eprintln!("skipped: another version than {RUST} has other words");
    }
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*_*.rs");
}
