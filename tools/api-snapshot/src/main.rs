//! Writes the public API of each library, one item to a line, to `docs/public-api/<library>.txt`. With `--check`
//! it writes nothing, and fails when a file differs.
//!
//! A change of the API is then seen in review as a change of these files. The list comes from rustdoc's JSON,
//! with all features of the library.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

/// Every library of the workspace.
const LIBRARIES: [&str; 5] = [
    "durable-protocol",
    "task-hub",
    "functions-handler",
    "durable-functions",
    "local-host",
];

/// The version of Rust whose rustdoc writes the JSON that the dependency `public-api` reads.
const RUST: &str = "1.95";

fn main() -> Result<ExitCode> {
    let mut is_check = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => is_check = true,
            other => bail!("unknown argument '{other}': only --check is known"),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let version = output(Command::new("rustc").arg("--version"))?;
    ensure!(
        version.starts_with(&format!("rustc {RUST}.")),
        "this needs Rust {RUST} and found {version}: run it with `cargo +{RUST} run -p api-snapshot`, or change \
         the version of public-api in tools/api-snapshot/Cargo.toml together with this one"
    );
    let mut has_changes = false;
    for library in LIBRARIES {
        eprintln!("{library} …");
        let path = root.join(format!("docs/public-api/{library}.txt"));
        let now = public_api(&root, library)?;
        if is_check {
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            has_changes |= report(library, &written, &now);
        } else {
            std::fs::create_dir_all(root.join("docs/public-api"))?;
            std::fs::write(&path, now).with_context(|| path.display().to_string())?;
        }
    }
    if has_changes {
        eprintln!(
            "\nThe public API differs from docs/public-api. If that is intended, run `cargo run -p api-snapshot` \
             and commit the files with the change."
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what was added and removed; `false` when nothing was.
fn report(library: &str, written: &str, now: &str) -> bool {
    let before: BTreeSet<&str> = written.lines().collect();
    let after: BTreeSet<&str> = now.lines().collect();
    for line in before.difference(&after) {
        println!("{library}: - {line}");
    }
    for line in after.difference(&before) {
        println!("{library}: + {line}");
    }
    written != now
}

/// The public items, sorted. Trait implementations that every type gets are left out.
fn public_api(root: &Path, library: &str) -> Result<String> {
    let json = rustdoc_json(root, library)?;
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| json.display().to_string())?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// Lets rustdoc write the JSON and returns its path.
///
/// Only rustdoc is told to accept the unstable option, by the script beside this file. Set for the whole build,
/// the variable would compile every dependency again.
fn rustdoc_json(root: &Path, library: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root.join("target"),
        |target| root.join(Path::new(&target)),
    );
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .env("RUSTDOC", root.join("tools/api-snapshot/rustdoc-json"))
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--all-features",
            "-p",
            library,
        ])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .status()
        .context("cargo rustdoc")?;
    ensure!(status.success(), "cargo rustdoc -p {library} failed");
    Ok(target.join(format!("doc/{}.json", library.replace('-', "_"))))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
