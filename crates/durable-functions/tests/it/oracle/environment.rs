//! PyPI's durabletask for tests. This file is also a module of local-host's tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The interpreter of a virtual environment with exactly what requirements.txt names, below the
/// target folder. Made on first use; a lock keeps two test processes from making it at once.
pub(crate) fn environment() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(target).unwrap();
    let lock = File::create(target.join("durabletask.lock")).unwrap();
    lock.lock().unwrap();
    let folder = target.join("durabletask");
    let interpreter = folder.join("bin/python");
    let ready = folder.join("ready");
    if fs::read_to_string(&ready).is_ok_and(|made_of| made_of == REQUIREMENTS) {
        return interpreter;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).unwrap();
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--only-binary", ":all:", "--requirement"])
        .arg(&requirements));
    fs::write(ready, REQUIREMENTS).unwrap();
    interpreter
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(
        status.success(),
        "{command:?} ended with {status}; the differential test needs Python 3.10 or later with \
         venv, and a package index"
    );
}
