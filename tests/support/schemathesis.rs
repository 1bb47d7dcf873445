//! PyPI's schemathesis, with exactly what tests/schemathesis/requirements.txt names.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis")
}

/// Runs all that tests/schemathesis/schemathesis.toml asks for against the document at this address, with this key.
///
/// Panics with the whole report when a check fails, and when Python or the packages are missing: skipping the test would
/// hide that it did not run.
pub(crate) fn run(document: &str, key: &str) {
    let output = Command::new(program())
        .args(["--config-file", "schemathesis.toml"])
        .args(["run", document, "--header"])
        .arg(format!("x-functions-key: {key}"))
        .env("API_KEY", key)
        // The folder of hooks.py, in which nothing may be written.
        .current_dir(folder())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
}

/// The program in a virtual environment below the target folder. Made on first use; a lock keeps two test processes
/// from making it at once.
fn program() -> PathBuf {
    let requirements = folder().join("requirements.txt");
    let wanted = fs::read(&requirements).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(target.join("schemathesis.lock")).unwrap();
    lock.lock().unwrap();
    let environment = target.join("schemathesis");
    let scripts = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let program = scripts.join("schemathesis");
    // Written last: without this file, or with another content, the environment is not what is pinned.
    let ready = environment.join("ready");
    if fs::read(&ready).ok().as_deref() == Some(wanted.as_slice()) {
        return program;
    }
    if environment.exists() {
        fs::remove_dir_all(&environment).unwrap();
    }
    install(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    );
    install(
        Command::new(scripts.join("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
            .arg("--requirement")
            .arg(&requirements),
    );
    fs::write(ready, wanted).unwrap();
    program
}

fn install(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(
        status.success(),
        "{command:?} ended with {status}; it needs Python 3.11 or later with venv, and a package index"
    );
}
