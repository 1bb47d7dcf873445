//! The messages for a handler that does not start, or does not keep running: what happened, and what to do.

use super::command::Command;
use super::process::Exit;
use crate::app_build::Build;
use crate::settings::Environment;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The setting in host.json that names the program, and how local.settings.json replaces it.
const SETTING: &str = "customHandler.description.defaultExecutablePath in host.json \
    (AzureFunctionsJobHost__customHandler__description__defaultExecutablePath in local.settings.json)";

/// Says why the program does not exist, before it is started; `None` when it may exist.
#[must_use]
pub(crate) fn missing(command: &Command, environment: &Environment) -> Option<String> {
    if command.is_found(environment) {
        return None;
    }
    let place = if command.is_plain_name() {
        format!(
            "There is no file '{}' in {}, and PATH has no program of this name",
            command.program.display(),
            command.directory.display()
        )
    } else {
        let path = command.directory.join(&command.program);
        format!("There is no file '{}'", path.display())
    };
    Some(format!(
        "The handler cannot be started. {place}.\n{}",
        remedy(command, environment)
    ))
}

/// Says why a program that exists could not be started.
pub(super) fn cannot_start(command: &Command, environment: &Environment, error: &Error) -> String {
    let program = command.program.display();
    let directory = command.directory.display();
    let advice = if !command.directory.is_dir() {
        format!(
            "The directory '{directory}' does not exist: correct customHandler.description.workingDirectory in \
             host.json."
        )
    } else if error.kind() == ErrorKind::PermissionDenied {
        format!("The file must be executable: chmod +x '{program}'")
    } else {
        format!(
            "If it is a script, check its first line; if it is a program, check that it was built for this machine. {}",
            remedy(command, environment)
        )
    };
    format!(
        "Failed to start Worker Channel. Process fileName: {program}\n\
         An error occurred trying to start process '{program}' with working directory '{directory}'. {error}\n{advice}"
    )
}

fn remedy(command: &Command, environment: &Environment) -> String {
    let root = app_root(environment);
    let program = command.program.to_string_lossy();
    if let Some(Ok(build)) = root.map(|root| Build::of(root, &program)) {
        return format!(
            "Build it with `{build}`, or start local-host without --no-build. If the program is another one, name \
             its file in {SETTING}."
        );
    }
    let is_cargo_package = root.is_none_or(|root| root.join("Cargo.toml").is_file());
    if is_cargo_package || is_in_a_target_folder(&command.program) {
        format!(
            "Build it with `cargo build`, with --release for a path in target/release, or name the right file in \
             {SETTING}."
        )
    } else {
        format!("Build it, or name the right file in {SETTING}.")
    }
}

/// Whether the path looks like one of cargo's.
fn is_in_a_target_folder(program: &Path) -> bool {
    program
        .components()
        .any(|part| part.as_os_str() == "target")
}

/// The handler ended before it listened for the first time. A restart would not help.
pub(super) fn exited_at_start(exit: &Exit, port: u16, environment: &Environment) -> String {
    let said = if exit.errors.is_empty() {
        "It wrote nothing to stderr.".to_owned()
    } else {
        format!("It wrote:\n  {}", exit.errors.join("\n  "))
    };
    format!(
        "The handler {exit} before it listened on 127.0.0.1:{port}. {said}\n\
         If it refuses a setting: its settings are the Values of {} and the variables of the environment, which win \
         over the file.\n\
         It is not started again, because it would end again. (A real host starts a handler three times, then \
         stops.)",
        settings_file(environment).display()
    )
}

/// The handler runs, but does not listen on the port that it was given.
pub(super) fn never_listened(port: u16, limit: Duration) -> String {
    format!(
        "Failed to start http worker process. Initializing HttpWorker timed out: the handler runs, but nothing \
         listened on 127.0.0.1:{port} within {} seconds.\n\
         A handler must listen on 127.0.0.1 and on the port that the variable FUNCTIONS_CUSTOMHANDLER_PORT names. If \
         it needs longer, raise customHandler.initializationTimeout in host.json.",
        limit.as_secs_f64()
    )
}

/// The handler has failed too often; names the last error.
pub(super) fn failed_too_often(last: &str, errors: usize, window: Duration) -> String {
    format!(
        "Exceeded http worker restart retry count. Shutting down Functions Host\n\
         The handler has ended with an error {errors} times, each less than {} minutes after the one before; the last \
         time it {last}. A real host stops by the same rule.",
        window.as_secs() / 60
    )
}

fn app_root(environment: &Environment) -> Option<&Path> {
    environment.get("FUNCTIONS_APP_ROOT_PATH").map(Path::new)
}

fn settings_file(environment: &Environment) -> PathBuf {
    app_root(environment)
        .unwrap_or(Path::new(""))
        .join("local.settings.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(program: &str, directory: &Path) -> Command {
        Command {
            program: program.into(),
            arguments: Vec::new(),
            directory: directory.to_owned(),
        }
    }

    #[test]
    fn a_missing_program_is_named_with_its_remedy_and_a_found_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("node"), "").unwrap();
        let mut environment = Environment::default();
        environment.set("PATH", bin.to_str().unwrap());
        environment.set("FUNCTIONS_APP_ROOT_PATH", root.path().to_str().unwrap());
        let missing = |program: &str| missing(&command(program, root.path()), &environment);

        assert_eq!(missing("node"), None);
        assert_eq!(missing("bin/node"), None);
        assert_eq!(missing(bin.join("node").to_str().unwrap()), None);

        let text = missing("target/release/handler").unwrap();
        let path = root.path().join("target/release/handler");
        assert!(text.contains(&format!("'{}'", path.display())), "{text}");
        assert!(text.contains("customHandler.description.defaultExecutablePath"));
        assert!(text.contains("Build it with `cargo build`"), "{text}");
        assert!(!missing("nosuch").unwrap().contains("cargo"));
        // A directory is no program.
        assert!(missing("bin").is_some());
        assert!(missing("nosuch").unwrap().contains("PATH"));

        std::fs::write(root.path().join("Cargo.toml"), "").unwrap();
        let text = super::missing(
            &command("target/release/handler", root.path()),
            &environment,
        );
        let text = text.unwrap();
        let build = "Build it with `cargo build --bin handler --target-dir target --release`, or start local-host \
                     without --no-build.";
        assert!(text.contains(build), "{text}");
    }

    #[test]
    fn all_that_a_handler_wrote_before_it_ended_is_repeated_a_line_each() {
        let exit = Exit {
            code: 1,
            signal: None,
            errors: (1..=8).map(|n| format!("setting {n} is wrong")).collect(),
            last_errors: Vec::new(),
        };
        let text = exited_at_start(&exit, 7, &Environment::default());
        assert!(
            text.contains("It wrote:\n  setting 1 is wrong\n  setting 2"),
            "{text}"
        );
        assert!(
            text.contains("\n  setting 8 is wrong\nIf it refuses"),
            "{text}"
        );
    }

    #[test]
    fn each_reason_why_a_program_cannot_start_has_its_own_remedy() {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment::default();
        let text = |directory: &Path, kind: ErrorKind| {
            cannot_start(&command("h", directory), &environment, &Error::from(kind))
        };
        assert!(text(root.path(), ErrorKind::PermissionDenied).contains("chmod +x 'h'"));
        assert!(text(root.path(), ErrorKind::InvalidInput).contains("built for this machine"));
        let no_directory = text(&root.path().join("x"), ErrorKind::NotFound);
        assert!(no_directory.contains("customHandler.description.workingDirectory"));
    }
}
