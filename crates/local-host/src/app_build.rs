//! Building the app with cargo before it starts.

use anyhow::{Context, bail};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use tokio::process::Command;

/// What cargo has to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    /// The folder with the `target`: the app's own, or that of a workspace above it.
    folder: PathBuf,
    /// Whether it is one above.
    workspace: bool,
    /// The binary's name.
    pub bin: String,
    /// `target/release` instead of `target/debug`.
    pub release: bool,
}

/// Why there is nothing to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoBuild {
    /// The user does not want it.
    #[error("--no-build")]
    Unwanted,
    /// The app is no cargo package.
    #[error("there is no Cargo.toml beside host.json")]
    NoPackage,
    /// The program is not where cargo would put it.
    #[error(
        "the path is not target/release/NAME or target/debug/NAME, of this folder or of a workspace above it (set it \
         as AzureFunctionsJobHost__customHandler__description__defaultExecutablePath in local.settings.json to have it \
         built)"
    )]
    OtherPlace,
}

impl Build {
    /// Decides from the handler's path, as host.json and its overrides give it: there is something
    /// to build when it lies in `target/release` or `target/debug` of a folder with a Cargo.toml, which is the
    /// root or one above it: `../../target/debug/NAME`. A package in a workspace has no `target` of its own.
    ///
    /// # Errors
    /// Why there is nothing to build.
    pub(crate) fn of(root: &Path, executable: &str) -> Result<Self, NoBuild> {
        let path = without_dots(&root.join(executable));
        let parent = |path: &Path, name: &str| match path.file_name() {
            Some(found) if found == name => path.parent().map(Path::to_owned),
            _ => None,
        };
        let in_target = || {
            let profile = path.parent()?;
            let release = profile.file_name()? == "release";
            let name = if release { "release" } else { "debug" };
            let folder = parent(&parent(profile, name)?, "target")?;
            let file = path.file_name()?.to_str()?;
            let suffix = std::env::consts::EXE_SUFFIX;
            let bin = file.strip_suffix(suffix).unwrap_or(file).to_owned();
            Some((folder, release, bin))
        };
        let is_package = |folder: &Path| folder.join("Cargo.toml").is_file();
        let root = without_dots(root);
        match in_target() {
            Some((folder, release, bin)) if is_package(&folder) && root.starts_with(&folder) => {
                Ok(Self {
                    workspace: folder != root,
                    folder,
                    bin,
                    release,
                })
            }
            _ if is_package(&root) => Err(NoBuild::OtherPlace),
            _ => Err(NoBuild::NoPackage),
        }
    }

    /// The arguments of cargo. They name the target directory: CARGO_TARGET_DIR could put the binary where
    /// host.json does not expect it.
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["build", "--bin", &self.bin, "--target-dir", "target"];
        if self.workspace {
            // The folder above is the workspace, and the program is in one of its packages.
            arguments.push("--workspace");
        }
        if self.release {
            arguments.push("--release");
        }
        arguments
    }

    /// Runs cargo, its output on the terminal.
    ///
    /// # Errors
    /// cargo cannot be started, or the build fails.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(self.arguments())
            .current_dir(&self.folder)
            .kill_on_drop(true)
            .status()
            .await
            .context(
                "Cannot start cargo to build the handler. Use --no-build to start it as it is.",
            )?;
        if !status.success() {
            bail!("{self} failed. The handler was not started.");
        }
        Ok(())
    }
}

/// The path without `.` and `..`, as it is written: a link to a folder counts as that folder.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The command line.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cargo {}", self.arguments().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_binary_of_this_package_is_built() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(
            Build::of(root, "target/release/handler"),
            Err(NoBuild::NoPackage)
        );
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        let build = Build {
            folder: root.to_owned(),
            workspace: false,
            bin: "handler".to_owned(),
            release: true,
        };
        for path in ["target/release/handler", "./target/release/handler"] {
            assert_eq!(Build::of(root, path).as_ref(), Ok(&build));
        }
        let absolute = root.join("target/release/handler");
        assert_eq!(
            Build::of(root, absolute.to_str().unwrap()).as_ref(),
            Ok(&build)
        );
        for other in [
            "handler",
            "target/handler",
            "../target/release/handler",
            "node",
        ] {
            assert_eq!(Build::of(root, other), Err(NoBuild::OtherPlace), "{other}");
        }
        assert_eq!(
            build.to_string(),
            "cargo build --bin handler --target-dir target --release"
        );
    }

    #[test]
    fn an_app_in_a_workspace_is_built_where_its_path_says() {
        let workspace = tempfile::tempdir().unwrap();
        let workspace = workspace.path();
        std::fs::write(workspace.join("Cargo.toml"), "").unwrap();
        let root = workspace.join("apps/orders");
        std::fs::create_dir_all(&root).unwrap();
        let build = Build::of(&root, "../../target/debug/orders").unwrap();
        assert_eq!(build.folder, workspace);
        assert_eq!(
            build.to_string(),
            "cargo build --bin orders --target-dir target --workspace"
        );
        // Beside the app, not above it.
        assert_eq!(
            Build::of(&root, "../other/target/debug/orders"),
            Err(NoBuild::NoPackage)
        );
    }
}
