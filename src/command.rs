//! The command line of the handler.
//!
//! A host starts the handler without arguments, or with those that `customHandler.description.arguments` of host.json
//! has. It has no use for any, so a first argument that is no command is a mistake, and starting would hide it.

use std::ffi::OsString;

/// What the handler can be told to do.
pub const USAGE: &str = "\
usage: handler [COMMAND]

Without a command, the handler serves the functions; a host starts it so.

  openapi                       prints the OpenAPI document of the API. The setting PublicBaseUrl, if the
                                environment has it, is the address of the server; else it is the path /api.
  functions [--write] [FOLDER]  compares the function.json files with the functions of the handler.";

/// What a handler was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To serve the functions, or to compare their function.json files, which the library does.
    Serve,
    /// To print the OpenAPI document.
    OpenApi,
    /// To print [`USAGE`].
    Help,
}

impl Command {
    /// The command in the arguments of a process, without its name.
    ///
    /// # Errors
    /// The arguments are no command; the text says so and lists the commands.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let Some(first) = arguments.next() else {
            return Ok(Self::Serve);
        };
        match (first.to_str(), arguments.next()) {
            (Some("functions"), _) => Ok(Self::Serve),
            (Some("--help" | "-h" | "help"), _) => Ok(Self::Help),
            (Some("openapi"), None) => Ok(Self::OpenApi),
            (Some("openapi"), Some(_)) => Err(format!("`openapi` takes no argument.\n\n{USAGE}")),
            _ => Err(format!(
                "`{}` is no command.\n\n{USAGE}",
                first.to_string_lossy()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Command, String> {
        Command::of(arguments.iter().map(Into::into))
    }

    #[test]
    fn the_handler_serves_unless_it_is_told_otherwise() {
        assert_eq!(of(&[]), Ok(Command::Serve));
        assert_eq!(of(&["functions", "--write"]), Ok(Command::Serve));
        assert_eq!(of(&["openapi"]), Ok(Command::OpenApi));
        for help in ["--help", "-h", "help"] {
            assert_eq!(of(&[help]), Ok(Command::Help));
        }
    }

    #[test]
    fn an_argument_that_is_no_command_is_refused_with_the_commands() {
        for arguments in [&["serve"][..], &["--port"], &["Openapi"], &["openapi", "x"]] {
            let error = of(arguments).unwrap_err();
            assert!(error.ends_with(USAGE), "{error}");
        }
    }
}
