//! The banner and the list of functions, in the format of `func start`.

use crate::functions::{Function, Functions};
use crate::handler::HOST_VERSION;
use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

const NAME: Style = AnsiColor::Yellow.on_default();
const ADDRESS: Style = AnsiColor::Green.on_default();
/// Above this number of functions the list is compact. With an empty line after each, the addresses would
/// scroll off the screen.
const LONGEST_SPACIOUS_LIST: usize = 12;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const FAINT: Style = AnsiColor::BrightBlack.on_default();

/// The first lines of the output.
#[must_use]
pub(crate) fn banner() -> String {
    format!(
        "\n\nlocal-host\n{FAINT}local-host Version:       {VERSION}{FAINT:#}\n{FAINT}Function Runtime Version: {HOST_VERSION}{FAINT:#}\n\n"
    )
}

/// The same for workers, which know no Functions runtime.
#[must_use]
pub(crate) fn sidecar_banner() -> String {
    format!("\n\nlocal-host\n{FAINT}local-host Version: {VERSION}{FAINT:#}\n\n")
}

/// What to do next when local-host serves workers.
#[must_use]
pub(crate) fn worker_banner(address: SocketAddr) -> String {
    format!(
        "\n{NAME}Serving workers and clients of the Durable Task protocol:{NAME:#} {ADDRESS}http://{address}{ADDRESS:#}\n\n\
         \tGive this address to the workers and clients of your Durable Task SDK. For example in Python:\n\
         \tTaskHubGrpcWorker(host_address=\"{address}\") and TaskHubGrpcClient(host_address=\"{address}\")\n\n"
    )
}

/// The functions with their addresses: HTTP first, then the others, then the disabled ones. Empty
/// if there are none. A long list has no empty lines between the functions, and those without an
/// address share a line for each trigger. A function whose trigger is of a service outside is listed with the
/// command that runs it.
#[must_use]
pub(crate) fn function_list(functions: &Functions, port: u16, verbose: bool) -> String {
    let (disabled, enabled): (Vec<_>, Vec<_>) = functions
        .usable
        .iter()
        .partition(|function| function.disabled);
    let mut out = String::new();
    if !enabled.is_empty() {
        let _ = write!(out, "\n{NAME}Functions:{NAME:#}\n\n");
    }
    let is_long = enabled.len() > LONGEST_SPACIOUS_LIST;
    let (http, others): (Vec<_>, Vec<_>) = enabled
        .into_iter()
        .partition(|function| function.route.is_some());
    let (outside, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|function| function.is_fired_from_outside());
    let gap = if is_long { "\n" } else { "\n\n" };
    for function in &http {
        let _ = write!(out, "{}{gap}", http_line(function, port));
    }
    if is_long && !http.is_empty() {
        out.push('\n');
    }
    for function in &outside {
        let (kind, command) = (kind(function), function.command(port));
        let _ = write!(
            out,
            "\t{NAME}{}:{NAME:#} {kind}. To run it:\n\t{ADDRESS}{command}{ADDRESS:#}\n\n",
            function.name
        );
    }
    if is_long {
        for (kind, names) in by_trigger(&others) {
            let _ = writeln!(out, "\t{kind}: {NAME}{}{NAME:#}", names.join(", "));
        }
        if !others.is_empty() {
            out.push('\n');
        }
    } else {
        for (function, kind) in others.iter().map(|function| (function, kind(function))) {
            let _ = write!(out, "\t{NAME}{}:{NAME:#} {kind}\n\n", function.name);
        }
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

fn kind(function: &Function) -> &str {
    function.trigger().map_or("", |trigger| &trigger.kind)
}

/// The names grouped by trigger. Groups and names keep the order of `functions`.
fn by_trigger<'a>(functions: &[&'a Function]) -> IndexMap<&'a str, Vec<&'a str>> {
    let mut names: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for function in functions {
        names
            .entry(kind(function))
            .or_default()
            .push(&function.name);
    }
    names
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

    const HTTP: &str = r#"{"bindings":[{"type":"httpTrigger","name":"req"},{"type":"http","direction":"out","name":"res"}]}"#;

    fn durable(kind: &str) -> String {
        format!(r#"{{"bindings":[{{"type":"{kind}","name":"context"}}]}}"#)
    }

    /// The list for these folders, without colours.
    fn list(folders: &[(&str, String)], disabled: &[&str], verbose: bool) -> String {
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
        for (name, text) in folders {
            write(&format!("{name}/function.json"), text);
        }
        let environment: Environment = disabled
            .iter()
            .map(|name| (format!("AzureWebJobs.{name}.Disabled"), "1"))
            .collect();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
        anstream::adapter::strip_str(&function_list(&functions, 7071, verbose)).to_string()
    }

    #[test]
    fn the_banner_names_the_versions() {
        let plain = anstream::adapter::strip_str(&banner()).to_string();
        assert_eq!(
            plain,
            format!(
                "\n\nlocal-host\nlocal-host Version:       {}\nFunction Runtime Version: 4.1037.0.0\n\n",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn the_banner_for_workers_names_no_functions_runtime() {
        let plain = anstream::adapter::strip_str(&sidecar_banner()).to_string();
        assert_eq!(
            plain,
            format!(
                "\n\nlocal-host\nlocal-host Version: {}\n\n",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn functions_are_listed_as_func_start_does() {
        let routed = HTTP.replacen(
            r#""name":"req""#,
            r#""name":"req","route":"hello/{name?}","methods":["get","post"]"#,
            1,
        );
        let folders = [
            ("hello", routed),
            ("any", HTTP.to_owned()),
            ("old", HTTP.to_owned()),
            ("Orchestrate", durable("orchestrationTrigger")),
        ];
        let expected = "\nFunctions:\n\n\
             \tany:  http://localhost:7071/api/any\n\n\
             \thello: [GET,POST] http://localhost:7071/api/hello/{name?}\n\n\
             \tOrchestrate: orchestrationTrigger\n\n\
             Function old is disabled.\n";
        let hint = "For detailed output, run local-host with --verbose flag.\n";
        assert_eq!(list(&folders, &["old"], false), format!("{expected}{hint}"));
        assert_eq!(list(&folders, &["old"], true), expected);
    }

    #[test]
    fn without_an_enabled_function_there_is_no_heading() {
        let folders = [("old", HTTP.to_owned())];
        assert_eq!(
            list(&folders, &["old"], true),
            "Function old is disabled.\n"
        );
        assert_eq!(list(&[], &[], false), "");
    }

    #[test]
    fn a_function_that_a_service_outside_fires_is_listed_with_the_command_that_runs_it() {
        let command = |name: &str| {
            format!(
                "\tcurl -i http://localhost:7071/admin/functions/{name} -H 'Content-Type: application/json' \
                 -d '{{\"input\":\"text\"}}'\n\n"
            )
        };
        let mut folders = vec![
            ("bus", durable("serviceBusTrigger")),
            ("hello", HTTP.to_owned()),
            ("tick", durable("timerTrigger")),
        ];
        let (hello, bus) = (
            "\thello:  http://localhost:7071/api/hello\n",
            "\tbus: serviceBusTrigger. To run it:\n",
        );
        let command = command("bus");
        assert_eq!(
            list(&folders, &[], true),
            format!("\nFunctions:\n\n{hello}\n{bus}{command}\ttick: timerTrigger\n\n")
        );
        let names: Vec<String> = (1..=10).map(|n| format!("a{n}")).collect();
        folders.extend(
            names
                .iter()
                .map(|name| (name.as_str(), durable("activityTrigger"))),
        );
        let list = list(&folders, &[], true);
        assert!(
            list.starts_with(&format!("\nFunctions:\n\n{hello}\n{bus}{command}")),
            "{list}"
        );
        assert!(list.ends_with("\ttimerTrigger: tick\n\n"), "{list}");
        assert!(list.contains("\tactivityTrigger: a1,"), "{list}");
    }

    #[test]
    fn more_than_twelve_functions_are_listed_without_gaps_and_by_trigger() {
        let names: Vec<String> = (1..=9).map(|n| format!("a{n}")).collect();
        let mut folders: Vec<(&str, String)> = names
            .iter()
            .map(|name| (name.as_str(), durable("activityTrigger")))
            .collect();
        folders.push(("h1", HTTP.to_owned()));
        folders.push(("h2", HTTP.to_owned()));
        folders.push(("o1", durable("orchestrationTrigger")));
        let spacious = list(&folders, &[], true);
        assert!(
            spacious.contains("\ta1: activityTrigger\n\n\ta2:"),
            "{spacious}"
        );
        folders.push(("o2", durable("orchestrationTrigger")));
        assert_eq!(
            list(&folders, &[], true),
            "\nFunctions:\n\n\
             \th1:  http://localhost:7071/api/h1\n\
             \th2:  http://localhost:7071/api/h2\n\n\
             \tactivityTrigger: a1, a2, a3, a4, a5, a6, a7, a8, a9\n\
             \torchestrationTrigger: o1, o2\n\n"
        );
    }
}
