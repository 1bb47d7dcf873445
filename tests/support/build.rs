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
    example("misbehaving")
}

/// The handler of the crash tests.
pub(crate) fn crash_test() -> PathBuf {
    example("crash-test")
}

fn example(name: &str) -> PathBuf {
    built()
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The handler of examples/getting-started.
pub(crate) fn order_app() -> PathBuf {
    built().join(format!("order-app{}", std::env::consts::EXE_SUFFIX))
}

/// The folder `examples`.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The examples of one idea each: the programs of the package `examples`, which have the names of their folders.
pub(crate) fn example_names() -> Vec<String> {
    let entries = std::fs::read_dir(examples()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_one = |name: &String| {
        let folder = examples().join(name);
        // getting-started and call-for-speakers are packages of their own.
        folder.join("src/main.rs").exists() && !folder.join("Cargo.toml").exists()
    };
    names.filter(is_one).collect()
}

/// The program of an example.
pub(crate) fn example_app(name: &str) -> PathBuf {
    built().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Keeps from a command that runs cargo what cargo has set for the test.
pub(crate) fn remove_test_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THE_TEST.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// The folder `target` of the workspace.
#[cfg(unix)]
pub(crate) fn target() -> &'static Path {
    built().parent().unwrap()
}

/// Builds all of them once in each process, with the profile of the handler, and returns their folder.
///
/// `cargo test --workspace` has built them already. `cargo test --test …` has not, and would use the programs of an
/// earlier build.
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
            .args([
                "--bin",
                "order-app",
                "--bin",
                "call-for-speakers",
                "--example",
                "misbehaving",
                "--example",
                "crash-test",
                "--profile",
                profile,
            ])
            .args(
                example_names()
                    .iter()
                    .flat_map(|name| ["--bin", name.as_str()]),
            )
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        remove_test_variables(&mut cargo);
        // It shows its progress on the terminal.
        let status = cargo.status().unwrap();
        assert!(status.success(), "{cargo:?} failed");
        folder.to_owned()
    })
}
