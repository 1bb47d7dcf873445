//! The app's directory.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Finds the script root: `given`, or the nearest directory from `start` upward that holds
/// host.json or local.settings.json.
///
/// # Errors
/// `given` is not a directory, or there is no such directory.
pub(crate) fn find_root(given: Option<&Path>, start: &Path) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        let root = start.join(given);
        let root = root
            .canonicalize()
            .with_context(|| format!("--script-root {}", given.display()))?;
        if !root.is_dir() {
            bail!("--script-root {}: not a directory.", given.display());
        }
        return Ok(root);
    }
    let holds = |directory: &&Path| {
        ["host.json", "local.settings.json"]
            .iter()
            .any(|file| directory.join(file).is_file())
    };
    match start.ancestors().find(holds) {
        Some(root) => Ok(root.to_owned()),
        None => bail!(
            "Unable to find project root. Expecting to find one of host.json, local.settings.json in project root."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_directory_upward_is_the_root() {
        let top = tempfile::tempdir().unwrap();
        let app = top.path().join("app");
        let deep = app.join("src/functions");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(app.join("host.json"), "{}").unwrap();
        assert_eq!(find_root(None, &deep).unwrap(), app);
        assert!(find_root(Some(Path::new("nosuch")), &app).is_err());
    }
}
