//! The loop of the original, with the packages in requirements.txt.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{case::Case, process::Worker, server::Server};

/// The loop, ready to count; why not, where Python or a package index is missing.
pub(crate) fn start(server: &Server, case: &Case) -> Result<Worker, String> {
    let python = install()?;
    let (from, to) = case.range();
    let mut command = server.client(&python);
    command
        .arg(folder().join("loop.py"))
        .args([&server.connection, &from, &to]);
    Ok(Worker::start(command).0)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/query")
}

/// Python in a virtual environment below the target folder, made on first use.
fn install() -> Result<PathBuf, String> {
    let requirements = folder().join("requirements.txt");
    let wanted = fs::read(&requirements).unwrap();
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("query-bench");
    let python = environment.join("bin/python");
    // Written last: without this file, or with another content, the environment is not what is pinned.
    let ready = environment.join("ready");
    if fs::read(&ready).ok().as_deref() == Some(wanted.as_slice()) {
        return Ok(python);
    }
    if environment.exists() {
        fs::remove_dir_all(&environment).unwrap();
    }
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet"])
        .arg("--disable-pip-version-check")
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .arg("--requirement")
        .arg(&requirements))?;
    fs::write(ready, wanted).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
