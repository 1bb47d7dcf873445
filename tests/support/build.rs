//! The programs that cargo does not build for an integration test of this package by itself.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What cargo sets for the test alone. Build scripts that watch some of these variables would build half of the
/// dependencies again if a cargo inside the test passed them on.
const OF_THE_TEST: [&str; 5] = [
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_TARGET_TMPDIR",
];

/// The program `local-host`.
pub(crate) fn local_host() -> PathBuf {
    built().join(format!("local-host{}", std::env::consts::EXE_SUFFIX))
}

/// The handler with functions that misbehave.
pub(crate) fn misbehaving() -> PathBuf {
    built()
        .join("examples")
        .join(format!("misbehaving{}", std::env::consts::EXE_SUFFIX))
}

/// Builds both once in the life of this process, beside the handler and with its profile, and returns where they are.
///
/// After a test of the whole workspace there is nothing left to build; after `cargo test --test …` of one file
/// there is, and what an earlier build has left behind would be tested instead.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_handler")).parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--workspace", "--bin", "local-host"])
            .args(["--example", "misbehaving", "--profile", profile])
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if OF_THE_TEST.iter().any(|prefix| text.starts_with(prefix)) {
                cargo.env_remove(&name);
            }
        }
        // Its progress is on the terminal.
        let status = cargo.status().unwrap();
        assert!(status.success(), "{cargo:?} failed");
        folder.to_owned()
    })
}
