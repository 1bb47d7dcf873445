//! Writes the public API of each library, one item to a line, to `docs/public-api/<library>.txt`. With `--check`
//! it writes nothing, and fails when a file differs.
//!
//! A change of the API is then seen in review as a change of these files. The list comes from rustdoc's JSON,
//! with all features of the library.
//!
//! A type of another crate in a signature ties our versions to the versions of that crate. So each library has a
//! list of the crates whose types it may show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

/// The libraries, each with the crates beside the standard library whose types it may show. local-host is a program:
/// its library is for its own tests.
const LIBRARIES: [(&str, &[&str]); 4] = [
    // The messages of the wire.
    (
        "durable-protocol",
        &["prost", "prost_types", "bytes", "serde_core", "serde_json"],
    ),
    ("task-hub", &["durable_protocol", "bytes"]),
    // HTTP functions are axum handlers on tokio; `CancellationToken` and `BoxFuture` are exported again.
    (
        "functions-handler",
        &[
            "axum",
            "axum_core",
            "futures_core",
            "http",
            "serde_core",
            "serde_json",
            "tokio",
            "tokio_util",
            "tracing_core",
            "tracing_subscriber",
        ],
    ),
    // `anyhow` shows in what converts to `Error` only. `rand_core`, `CancellationToken`, and axum's `State` and
    // `FromRef` are exported again.
    (
        "durable-functions",
        &[
            "anyhow",
            "axum",
            "axum_core",
            "durable_protocol",
            "functions_handler",
            "futures_core",
            "http",
            "rand_core",
            "serde_core",
            "serde_json",
            "tokio",
            "tokio_util",
            "tracing_core",
            "tracing_subscriber",
            "uuid",
        ],
    ),
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
    for (library, shown) in LIBRARIES {
        eprintln!("{library} …");
        let path = root.join(format!("docs/public-api/{library}.txt"));
        let now = public_api(&root, library)?;
        for (line, foreign) in foreign(&now, library, shown) {
            println!("{library}: a type of {foreign}, which is not in its list of crates: {line}");
            has_changes = true;
        }
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
            "\nThe public API differs from docs/public-api, or shows types that it must not. If a difference is \
             intended, run `cargo run -p api-snapshot` and commit the files with the change."
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

/// The lines that name a crate which is not in `shown`, each with the first such crate.
fn foreign<'a>(
    api: &'a str,
    library: &str,
    shown: &[&str],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = library.replace('-', "_");
    let is_ours = move |it: &str| {
        ["core", "alloc", "std", "i32"].contains(&it) || it == own || shown.contains(&it)
    };
    api.lines().filter_map(move |line| {
        let mut crates = crates_of(line);
        crates.find(|it| !is_ours(it)).map(|it| (line, it))
    })
}

/// The first parts of the paths in a line.
fn crates_of(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |it: char| it.is_alphanumeric() || it == '_' || it == ':';
    line.split(move |it| !is_part(it))
        .filter_map(|path| path.split_once("::"))
        .map(|(first, _)| first)
        .filter(|first| first.starts_with(|it: char| it.is_ascii_lowercase()))
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
