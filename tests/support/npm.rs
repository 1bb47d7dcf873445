//! The npm packages that tests run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Installs what package-lock.json in this folder pins, once for all test binaries, and returns its `node_modules`.
pub(crate) fn install(folder: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let modules = path.join("node_modules");
    let lock_file = fs::read(path.join("package-lock.json")).unwrap();
    // Written last: without this file, or with another content, the folder is not what package-lock.json pins.
    let installed = modules.join(".installed");

    let guard = format!("{}-install.lock", folder.replace('/', "-"));
    let guard = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join(guard)).unwrap();
    guard.lock().unwrap();
    if fs::read(&installed).ok().as_deref() != Some(lock_file.as_slice()) {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let done = Command::new(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&path)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| {
                panic!("cannot run npm: {error}; install Node.js 20 or later with npm")
            });
        assert!(
            done.status.success(),
            "`npm ci` in {folder} failed; it needs Node.js 20 or later and a package registry:\n{}",
            String::from_utf8_lossy(&done.stderr)
        );
        fs::write(&installed, &lock_file).unwrap();
    }
    modules
}
