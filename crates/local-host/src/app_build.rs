//! Building the app with cargo before it starts.

use anyhow::{Context, bail};
use std::fmt;
use std::path::{Component, Path};
use tokio::process::Command;

/// What cargo has to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
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
        "the path is not target/release/NAME or target/debug/NAME (set it as \
         AzureFunctionsJobHost__customHandler__description__defaultExecutablePath in local.settings.json to have it \
         built)"
    )]
    OtherPlace,
}

impl Build {
    /// Decides from the handler's path, as host.json and its overrides give it: there is something
    /// to build when it lies in `target/release` or `target/debug` of a root with a Cargo.toml.
    ///
    /// # Errors
    /// Why there is nothing to build.
    pub(crate) fn of(root: &Path, executable: &str) -> Result<Self, NoBuild> {
        if !root.join("Cargo.toml").is_file() {
            return Err(NoBuild::NoPackage);
        }
        let path = Path::new(executable);
        let relative = path.strip_prefix(root).unwrap_or(path);
        let names: Vec<&str> = relative
            .components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| part.as_os_str().to_str())
            .collect::<Option<_>>()
            .ok_or(NoBuild::OtherPlace)?;
        let (profile, file) = match names.as_slice() {
            ["target", profile @ ("release" | "debug"), file] => (*profile, *file),
            _ => return Err(NoBuild::OtherPlace),
        };
        let suffix = std::env::consts::EXE_SUFFIX;
        let bin = file.strip_suffix(suffix).unwrap_or(file);
        Ok(Self {
            bin: bin.to_owned(),
            release: profile == "release",
        })
    }

    /// The arguments of cargo. They name the target directory: CARGO_TARGET_DIR could put the binary where
    /// host.json does not expect it.
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["build", "--bin", &self.bin, "--target-dir", "target"];
        if self.release {
            arguments.push("--release");
        }
        arguments
    }

    /// Runs cargo, its output on the terminal.
    ///
    /// # Errors
    /// cargo cannot be started, or the build fails.
    pub(crate) async fn run(&self, root: &Path) -> anyhow::Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(self.arguments())
            .current_dir(root)
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
        let build = |bin: &str, release| {
            Ok(Build {
                bin: bin.to_owned(),
                release,
            })
        };
        assert_eq!(
            Build::of(root, "target/release/handler"),
            build("handler", true)
        );
        assert_eq!(
            Build::of(root, "./target/debug/handler"),
            build("handler", false)
        );
        let absolute = root.join("target/release/handler");
        assert_eq!(
            Build::of(root, absolute.to_str().unwrap()),
            build("handler", true)
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
            build("handler", true).unwrap().arguments(),
            [
                "build",
                "--bin",
                "handler",
                "--target-dir",
                "target",
                "--release"
            ]
        );
    }
}
