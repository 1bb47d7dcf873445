//! Python with the packages of the original, for its loop in benches/query/loop.py.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the loop is.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/query")
}

/// Python in a virtual environment below the target folder, made on first use.
pub(crate) fn install() -> Result<PathBuf, String> {
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
