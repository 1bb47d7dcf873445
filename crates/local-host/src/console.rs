//! The banner and the list of functions, in the format of `func start`.

use crate::functions::{Function, Functions};
use crate::handler::HOST_VERSION;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use std::io::Write as _;

const NAME: Style = AnsiColor::Yellow.on_default();
const ADDRESS: Style = AnsiColor::Green.on_default();
const FAINT: Style = AnsiColor::BrightBlack.on_default();

/// Prints to stdout, with colours when it is a terminal. A closed stdout does not end the host.
pub fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What stands at the top of the output.
#[must_use]
pub fn banner() -> String {
    format!(
        "\n\nlocal-host\n{FAINT}local-host Version:       {}{FAINT:#}\n{FAINT}Function Runtime Version: {HOST_VERSION}{FAINT:#}\n\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// The functions with their addresses: HTTP first, then the others, then the disabled ones. Empty
/// if there are none.
#[must_use]
pub fn function_list(functions: &Functions, port: u16, verbose: bool) -> String {
    let (disabled, enabled): (Vec<_>, Vec<_>) = functions
        .usable
        .iter()
        .partition(|function| function.disabled);
    let mut out = String::new();
    if !enabled.is_empty() {
        let _ = write!(out, "\n{NAME}Functions:{NAME:#}\n\n");
    }
    let (http, others): (Vec<_>, Vec<_>) = enabled
        .into_iter()
        .partition(|function| function.route.is_some());
    for function in http {
        let _ = write!(out, "{}\n\n", http_line(function, port));
    }
    for function in others {
        let kind = function.trigger().map_or("", |trigger| &trigger.kind);
        let _ = write!(out, "\t{NAME}{}:{NAME:#} {kind}\n\n", function.name);
    }
    for function in &disabled {
        let _ = writeln!(out, "{NAME}Function {} is disabled.{NAME:#}", function.name);
    }
    if !verbose && !functions.usable.is_empty() {
        let _ = writeln!(
            out,
            "For detailed output, run local-host with --verbose flag."
        );
    }
    out
}

fn http_line(function: &Function, port: u16) -> String {
    let route = function.route.as_ref();
    let methods = route
        .and_then(|route| route.methods.as_ref())
        .map_or_else(String::new, |methods| {
            format!("[{}]", methods.join(",").to_uppercase())
        });
    let text = route.map_or("", |route| &route.text);
    format!(
        "\t{NAME}{}:{NAME:#} {ADDRESS}{methods}{ADDRESS:#} {ADDRESS}http://localhost:{port}/{text}{ADDRESS:#}",
        function.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_json::HostJson;
    use crate::settings::Environment;

    #[test]
    fn functions_are_listed_as_func_start_does() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "host.json",
            r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}"#,
        );
        let http = |more: &str| {
            format!(
                r#"{{"bindings":[{{"type":"httpTrigger","name":"req"{more}}},{{"type":"http","direction":"out","name":"res"}}]}}"#
            )
        };
        write(
            "hello/function.json",
            &http(r#","route":"hello/{name?}","methods":["get","post"]"#),
        );
        write("any/function.json", &http(""));
        write("old/function.json", &http(""));
        write(
            "Orchestrate/function.json",
            r#"{"bindings":[{"type":"orchestrationTrigger","name":"context"}]}"#,
        );
        let environment: Environment = [("AzureWebJobs.old.Disabled", "1")].into_iter().collect();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
        let plain =
            anstream::adapter::strip_str(&function_list(&functions, 7071, false)).to_string();
        assert_eq!(
            plain,
            "\nFunctions:\n\n\
             \tany:  http://localhost:7071/api/any\n\n\
             \thello: [GET,POST] http://localhost:7071/api/hello/{name?}\n\n\
             \tOrchestrate: orchestrationTrigger\n\n\
             Function old is disabled.\n\
             For detailed output, run local-host with --verbose flag.\n"
        );
    }
}
