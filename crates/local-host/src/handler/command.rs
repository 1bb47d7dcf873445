//! The handler's command line: which program, which arguments, where.

use crate::host_json::HandlerDescription;
use crate::settings::Environment;
use std::path::{Path, PathBuf};

/// A program with its arguments and its working directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// An absolute path, or a name to search along PATH.
    pub program: PathBuf,
    /// The arguments after expansion and splitting.
    pub arguments: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
}

/// The handler's program. A relative path is resolved against `workerDirectory` (by default the script root)
/// if the file exists there; otherwise the system searches along PATH.
#[must_use]
pub(crate) fn executable(
    description: &HandlerDescription,
    root: &Path,
    environment: &Environment,
) -> PathBuf {
    let text = environment.expand(&description.executable);
    let base = match &description.worker_directory {
        Some(directory) => root.join(directory),
        None => root.to_owned(),
    };
    let candidate = base.join(&text);
    if candidate.is_file() {
        candidate
    } else {
        PathBuf::from(text)
    }
}

impl Command {
    /// Builds the command line. `environment` already has the variables that the host adds.
    #[must_use]
    pub fn new(description: &HandlerDescription, root: &Path, environment: &Environment) -> Self {
        let mut line = description.arguments.join(" ");
        if let Some(path) = &description.worker_path {
            push(&mut line, &format!("\"{}\"", environment.expand(path)));
        }
        push(&mut line, &description.worker_arguments.join(" "));
        Self {
            program: executable(description, root, environment),
            arguments: split(&delete_variables(&environment.expand(&line))),
            directory: match &description.working_directory {
                Some(directory) => root.join(directory),
                None => root.to_owned(),
            },
        }
    }

    /// Whether the program is a name without a path, which the system looks for along PATH.
    pub(super) fn is_plain_name(&self) -> bool {
        self.program.components().count() == 1 && !self.program.is_absolute()
    }

    /// Whether there is a file to start.
    pub(super) fn is_found(&self, environment: &Environment) -> bool {
        let suffix = std::env::consts::EXE_SUFFIX;
        let is_file = |path: PathBuf| {
            path.is_file() || (!suffix.is_empty() && path.with_extension("exe").is_file())
        };
        if self.is_plain_name() {
            let path = environment.get("PATH").unwrap_or_default();
            std::env::split_paths(path).any(|folder| is_file(folder.join(&self.program)))
        } else {
            is_file(self.directory.join(&self.program))
        }
    }
}

fn push(line: &mut String, more: &str) {
    if !line.is_empty() && !more.is_empty() {
        line.push(' ');
    }
    line.push_str(more);
}

/// Deletes each `%…%` that is left after expansion; a single `%` stays.
fn delete_variables(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.split_once('%') {
            Some((_, tail)) => rest = tail,
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}

/// Splits at blanks outside double quotes, as .NET does; single quotes mean nothing.
fn split(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    for sign in line.chars() {
        match sign {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => {
                if !current.is_empty() {
                    arguments.push(std::mem::take(&mut current));
                }
            }
            other => current.push(other),
        }
    }
    if !current.is_empty() {
        arguments.push(current);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(executable: &str, arguments: &[&str]) -> HandlerDescription {
        HandlerDescription {
            executable: executable.to_owned(),
            working_directory: None,
            worker_directory: None,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            worker_path: None,
            worker_arguments: Vec::new(),
            stderr_is_error: true,
        }
    }

    #[test]
    fn arguments_are_expanded_and_split_as_a_real_host_does() {
        let environment: Environment = [("HVAR", "h v"), ("FUNCTIONS_CUSTOMHANDLER_PORT", "4711")]
            .into_iter()
            .collect();
        let arguments = [
            "--port",
            "%FUNCTIONS_CUSTOMHANDLER_PORT%",
            "x%NOSUCH%y",
            "a b",
            "\"q r\"",
            "'s",
            "\"\"",
            "$HOME",
            "100%",
        ];
        let command = Command::new(
            &description("h", &arguments),
            Path::new("/app"),
            &environment,
        );
        assert_eq!(
            command.arguments,
            [
                "--port", "4711", "xy", "a", "b", "q r", "'s", "$HOME", "100%"
            ]
        );
        assert_eq!(command.directory, Path::new("/app"));
    }

    #[test]
    fn a_relative_program_is_taken_from_the_root_only_if_it_exists() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("handler"), "").unwrap();
        let environment = Environment::default();
        let program = |name| executable(&description(name, &[]), root.path(), &environment);
        assert_eq!(program("handler"), root.path().join("handler"));
        assert_eq!(program("node"), Path::new("node"));
    }
}
