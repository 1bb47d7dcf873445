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
    /// Where the program is in a workspace above; `None` in the app's own package.
    member: Option<Member>,
    /// The binary's name.
    pub bin: String,
    /// `target/release` instead of `target/debug`.
    pub release: bool,
}

/// The member of a workspace that has the program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Member {
    /// The package with this manifest, whose path begins at the workspace.
    Manifest(String),
    /// Any of them: cargo looks for it.
    Any,
}

impl Member {
    /// The package nearest above the app, if it has the program. Building this one only spares what cargo needs for
    /// `--workspace`: the dependencies of all members with the features of all of them, which are not those that a
    /// build of one package has left in `target`.
    fn of(root: &Path, workspace: &Path, bin: &str) -> Self {
        let nearest = root
            .ancestors()
            .take_while(|folder| *folder != workspace)
            .find(|folder| folder.join("Cargo.toml").is_file());
        let manifest = nearest
            .filter(|folder| names_program(folder, bin))
            .and_then(|folder| folder.strip_prefix(workspace).ok())
            .map(|folder| folder.join("Cargo.toml"));
        match manifest.as_deref().and_then(Path::to_str) {
            Some(manifest) => Self::Manifest(manifest.to_owned()),
            None => Self::Any,
        }
    }
}

/// Whether the package in this folder names a program so, as far as that can be told without running cargo. Where it
/// cannot, the whole workspace is asked.
fn names_program(package: &Path, bin: &str) -> bool {
    let sources = package.join("src/bin");
    if sources.join(format!("{bin}.rs")).is_file() || sources.join(bin).is_dir() {
        return true;
    }
    let name = format!("name=\"{bin}\"");
    std::fs::read_to_string(package.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.lines().any(|line| line.replace(' ', "") == name))
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
                    member: (folder != root).then(|| Member::of(&root, &folder, &bin)),
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
        match &self.member {
            None => {}
            Some(Member::Manifest(manifest)) => arguments.extend(["--manifest-path", manifest]),
            Some(Member::Any) => arguments.push("--workspace"),
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
            member: None,
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

    #[test]
    fn in_a_workspace_only_the_package_with_the_program_is_built() {
        let workspace = tempfile::tempdir().unwrap();
        let workspace = workspace.path();
        std::fs::write(workspace.join("Cargo.toml"), "").unwrap();
        let root = workspace.join("apps/orders");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(
            workspace.join("apps/Cargo.toml"),
            "[[bin]]\nname = \"orders\"\n",
        )
        .unwrap();
        let build = Build::of(&root, "../../target/debug/orders").unwrap();
        let command = "cargo build --bin orders --target-dir target --manifest-path";
        assert_eq!(build.to_string(), format!("{command} apps/Cargo.toml"));
        // A package nearer to it has not: any may have it.
        std::fs::write(root.join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
        let build = Build::of(&root, "../../target/debug/orders").unwrap();
        assert_eq!(build.member, Some(Member::Any));
        std::fs::create_dir_all(root.join("src/bin")).unwrap();
        std::fs::write(root.join("src/bin/orders.rs"), "").unwrap();
        let build = Build::of(&root, "../../target/debug/orders").unwrap();
        assert_eq!(
            build.to_string(),
            format!("{command} apps/orders/Cargo.toml")
        );
    }
}
