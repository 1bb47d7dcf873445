//! Checks of the app before it starts: errors and warnings.

use crate::functions::{Binding, Function, Functions};
use crate::host_json::HostJson;
use crate::log::Logger;
use crate::settings::Environment;
use anyhow::bail;

/// Triggers that need no storage account.
const NO_STORAGE: &[&str] = &[
    "httptrigger",
    "kafkatrigger",
    "rabbitmqtrigger",
    "orchestrationtrigger",
    "activitytrigger",
    "entitytrigger",
];

/// The binding types that a host knows without an extension bundle.
const BUILT_IN: &[&str] = &["http", "httptrigger", "timertrigger"];

/// Refuses an app that could not work, and warns about features that local-host does not have.
///
/// # Errors
/// Raw forwarding, which local-host does not serve, and missing storage, with the text of
/// `func start`.
pub(super) fn before_start(
    host: &HostJson,
    functions: &Functions,
    environment: &Environment,
    log: &Logger,
) -> anyhow::Result<()> {
    if host.forward_http && functions.usable.iter().any(is_simple_http) {
        bail!(
            "host.json customHandler.enableForwardingHttpRequest is true: local-host serves the JSON request only. \
             Set it to false."
        );
    }
    let needs_storage = |function: &Function| {
        function
            .trigger()
            .is_some_and(|trigger| !NO_STORAGE.contains(&trigger.kind.to_lowercase().as_str()))
    };
    let has_storage = environment
        .iter()
        .any(|(name, value)| name.starts_with("AzureWebJobsStorage") && !value.is_empty());
    if !has_storage && functions.usable.iter().any(needs_storage) {
        bail!(
            "Missing value for AzureWebJobsStorage in local.settings.json. This is required for all triggers other \
             than httptrigger, kafkatrigger, rabbitmqtrigger, orchestrationTrigger, activityTrigger, entityTrigger."
        );
    }
    match environment.get("FUNCTIONS_WORKER_RUNTIME") {
        Some("custom") => {}
        Some(other) => log.warning(format!(
            "FUNCTIONS_WORKER_RUNTIME is '{other}': the Durable extension of a real host expects 'custom'."
        )),
        None => log.warning(
            "The 'FUNCTIONS_WORKER_RUNTIME' setting is required. Set it to 'custom' in the Values of \
             local.settings.json.",
        ),
    }
    for warning in &host.warnings {
        log.warning(warning);
    }
    warn_about_extensions(host, functions, environment, log);
    for function in &functions.usable {
        warn_about(function, environment, log);
    }
    Ok(())
}

/// What a real host needs for its extensions, and local-host does not.
fn warn_about_extensions(
    host: &HostJson,
    functions: &Functions,
    environment: &Environment,
    log: &Logger,
) {
    let mut of_extensions: Vec<&str> = functions
        .usable
        .iter()
        .flat_map(|function| &function.bindings)
        .map(|binding| binding.kind.as_str())
        .filter(|kind| !BUILT_IN.contains(&kind.to_lowercase().as_str()))
        .collect();
    of_extensions.sort_unstable();
    of_extensions.dedup();
    if !host.has_bundle && !of_extensions.is_empty() {
        log.warning(format!(
            "host.json has no extensionBundle: a real host does not know {} and leaves out the functions that use \
             them. Add \"extensionBundle\": {{\"id\": \"Microsoft.Azure.Functions.ExtensionBundle\", \"version\": \
             \"[4.*, 5.0.0)\"}}.",
            of_extensions.join(", ")
        ));
    }
    let is_durable = |function: &Function| {
        function.trigger().is_some_and(|trigger| {
            ["orchestrationtrigger", "activitytrigger", "entitytrigger"]
                .contains(&trigger.kind.to_lowercase().as_str())
        })
    };
    if let Some(setting) = &host.storage_setting
        && functions.usable.iter().any(is_durable)
        && !has_connection(environment, setting)
    {
        log.warning(format!(
            "The setting '{setting}' is missing: a real host keeps the task hub in that storage account, and runs no \
             orchestration without it. For the storage emulator: \"{setting}\": \"UseDevelopmentStorage=true\" in the \
             Values of local.settings.json."
        ));
    }
}

/// Whether there is a connection string, or a section of settings such as `NAME__accountName`. A host looks for
/// the name with `AzureWebJobs` in front as well.
fn has_connection(environment: &Environment, setting: &str) -> bool {
    environment.iter().any(|(name, value)| {
        let name = name.strip_prefix("AzureWebJobs").unwrap_or(name);
        let rest = name.strip_prefix(setting.strip_prefix("AzureWebJobs").unwrap_or(setting));
        !value.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("__"))
    })
}

fn warn_about(function: &Function, environment: &Environment, log: &Logger) {
    let name = &function.name;
    if function.has_retry {
        log.warning(format!(
            "{name}: local-host does not apply the retry policy of function.json."
        ));
    }
    if let Some(trigger) = function.trigger()
        && function.is_fired_from_outside()
    {
        warn_about_trigger(name, trigger, environment, log);
    }
    let is_return = |output: &&Binding| output.is_type("http") && output.name == "$return";
    if function.outputs().any(|output| is_return(&output)) {
        log.warning(format!(
            "{name}: the http output is named '$return', so the host takes the response from ReturnValue, by rules of \
             its own, and ignores Outputs. HTTP functions of the functions-handler crate answer in Outputs.res: name \
             the binding 'res' in {name}/function.json."
        ));
    }
    for input in function.inputs().filter(|input| !input.is_durable_client()) {
        log.warning(format!(
            "{name}: local-host has no {} binding; the input '{}' is always null.",
            input.kind, input.name
        ));
    }
    // What becomes of values for queues is said where they are served.
    let is_served = |output: &&Binding| output.is_type("http") || output.is_type("queue");
    for output in function.outputs().filter(|output| !is_served(output)) {
        log.warning(format!(
            "{name}: local-host has no {} binding; values of the output '{}' go nowhere.",
            output.kind, output.name
        ));
    }
}

fn warn_about_trigger(name: &str, trigger: &Binding, environment: &Environment, log: &Logger) {
    // The listener says what becomes of it.
    if trigger.is_type("queueTrigger") {
        return;
    }
    let kind = &trigger.kind;
    log.warning(format!(
        "{name}: nothing fires a {kind} in local-host. The list of functions has a command that sends a message."
    ));
    if let Some(setting) = trigger.text("connection")
        && !has_connection(environment, setting)
    {
        log.warning(format!(
            "{name}: the setting '{setting}', the connection of the {kind}, is missing: a real host leaves out the \
             function. local-host does not need it."
        ));
    }
}

/// Whether a host with forwarding would pass the function's requests on unchanged.
fn is_simple_http(function: &Function) -> bool {
    let mut outputs = function.outputs();
    let only_http = outputs.next().is_some_and(|output| output.is_type("http"));
    function.route.is_some()
        && function.inputs().next().is_none()
        && only_http
        && outputs.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str =
        r#"{"type":"httpTrigger","name":"req"},{"type":"http","direction":"out","name":"res"}"#;
    const QUEUE: &str = r#"{"type":"queueTrigger","name":"message","queueName":"q"}"#;
    const TIMER: &str = r#"{"type":"timerTrigger","name":"timer","schedule":"0 0 * * * *"}"#;

    /// What is said about one function, `f`, with these bindings.
    fn check(
        bindings: &str,
        forwarding: bool,
        environment: &[(&str, &str)],
    ) -> Result<Vec<String>, String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("f")).unwrap();
        let write = |path: &str, text: String| std::fs::write(root.path().join(path), text);
        write(
            "f/function.json",
            format!(r#"{{"bindings":[{bindings}],"retry":{{"strategy":"fixedDelay"}}}}"#),
        )
        .unwrap();
        write(
            "host.json",
            format!(
                r#"{{"version":"2.0","extensionBundle":{{"id":"b","version":"1"}},"customHandler":{{
                    "enableForwardingHttpRequest":{forwarding},"description":{{"defaultExecutablePath":"h"}}}}}}"#
            ),
        )
        .unwrap();
        let environment = environment.iter().copied().collect();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
        assert_eq!(functions.usable.len(), 1, "{:?}", functions.errors);
        let log = Logger::memory();
        before_start(&host, &functions, &environment, &log).map_err(|error| error.to_string())?;
        Ok(log.messages().into_iter().map(|(_, text)| text).collect())
    }

    const CUSTOM: (&str, &str) = ("FUNCTIONS_WORKER_RUNTIME", "custom");
    const STORAGE: (&str, &str) = ("AzureWebJobsStorage", "x");
    const RETRY: &str = "f: local-host does not apply the retry policy of function.json.";

    #[test]
    fn what_local_host_does_not_have_is_warned_about() {
        assert_eq!(check(HELLO, false, &[CUSTOM]).unwrap(), [RETRY]);
        let client = format!(r#"{HELLO},{{"type":"durableClient","direction":"in","name":"c"}}"#);
        assert_eq!(check(&client, false, &[CUSTOM]).unwrap(), [RETRY]);
        let others = format!(
            r#"{HELLO},{{"type":"blob","direction":"in","name":"i","path":"p"}},{{"type":"table","direction":"out","name":"$return","tableName":"t"}}"#
        );
        assert_eq!(
            check(&others, false, &[CUSTOM]).unwrap(),
            [
                RETRY,
                "f: local-host has no blob binding; the input 'i' is always null.",
                "f: local-host has no table binding; values of the output '$return' go nowhere.",
            ]
        );
        assert_eq!(check(QUEUE, false, &[CUSTOM, STORAGE]).unwrap(), [RETRY]);
        let bus =
            r#"{"type":"serviceBusTrigger","name":"message","queueName":"q","connection":"Bus"}"#;
        let no_listener = "f: nothing fires a serviceBusTrigger in local-host. The list of functions has a command \
             that sends a message.";
        for setting in ["Bus", "AzureWebJobsBus", "Bus__fullyQualifiedNamespace"] {
            let said = check(bus, false, &[CUSTOM, STORAGE, (setting, "x")]).unwrap();
            assert_eq!(said, [RETRY, no_listener], "{setting}");
        }
        let said = check(bus, false, &[CUSTOM, STORAGE]).unwrap();
        assert!(said[2].starts_with(
            "f: the setting 'Bus', the connection of the serviceBusTrigger, is missing"
        ));
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(check(TIMER, false, &[CUSTOM, STORAGE]).unwrap(), [RETRY]);
    }

    #[test]
    fn another_worker_runtime_than_custom_is_warned_about() {
        for (environment, said) in [
            (
                &[][..],
                "The 'FUNCTIONS_WORKER_RUNTIME' setting is required.",
            ),
            (
                &[("FUNCTIONS_WORKER_RUNTIME", "node")],
                "FUNCTIONS_WORKER_RUNTIME is 'node'",
            ),
        ] {
            let warnings = check(HELLO, false, environment).unwrap();
            assert!(warnings[0].starts_with(said), "{warnings:?}");
            assert_eq!(warnings.len(), 2, "{warnings:?}");
        }
    }

    #[test]
    fn an_app_that_needs_storage_does_not_start_without_it() {
        for environment in [&[CUSTOM][..], &[CUSTOM, ("AzureWebJobsStorage", "")]] {
            let error = check(TIMER, false, environment).unwrap_err();
            assert!(
                error.starts_with("Missing value for AzureWebJobsStorage"),
                "{error}"
            );
        }
    }

    #[test]
    fn forwarding_is_refused_where_a_real_host_would_forward() {
        let error = check(HELLO, true, &[CUSTOM]).unwrap_err();
        assert!(
            error.contains("enableForwardingHttpRequest is true"),
            "{error}"
        );
        // With further bindings a real host sends the JSON request in spite of the setting.
        let client = format!(r#"{HELLO},{{"type":"durableClient","direction":"in","name":"c"}}"#);
        assert!(check(&client, true, &[CUSTOM]).is_ok());
    }

    #[test]
    fn what_a_real_host_needs_for_durable_functions_is_warned_about() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "run/function.json",
            r#"{"bindings":[{"type":"orchestrationTrigger","name":"context"}]}"#,
        );
        let said = |more: &str, storage: (&str, &str)| {
            let handler = r#""customHandler":{"description":{"defaultExecutablePath":"h"}}"#;
            write(
                "host.json",
                &format!(r#"{{"version":"2.0",{handler}{more}}}"#),
            );
            let environment = [("FUNCTIONS_WORKER_RUNTIME", "custom"), storage]
                .into_iter()
                .collect();
            let host = HostJson::read(root.path(), &environment).unwrap();
            let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
            let log = Logger::memory();
            before_start(&host, &functions, &environment, &log).unwrap();
            let said = log.messages().into_iter().map(|(_, text)| text);
            said.collect::<Vec<_>>()
        };
        let none = said("", ("OTHER", "x"));
        assert_eq!(none.len(), 2, "{none:?}");
        assert!(none[0].starts_with("host.json has no extensionBundle"));
        assert!(none[0].contains("does not know orchestrationTrigger and"));
        assert!(none[1].starts_with("The setting 'AzureWebJobsStorage' is missing"));
        let bundle = r#","extensionBundle":{"id":"b","version":"1"}"#;
        for setting in ["AzureWebJobsStorage", "AzureWebJobsStorage__accountName"] {
            assert_eq!(said(bundle, (setting, "x")), [""; 0], "{setting}");
        }
        let wrong =
            format!(r#"{bundle},"extensions":{{"durableTask":{{"hubName":"1-bad_name!"}}}}"#);
        let wrong = said(&wrong, ("AzureWebJobsStorage", "x"));
        assert!(wrong[0].contains("hubName is '1-bad_name!'"), "{wrong:?}");
    }

    #[test]
    fn a_return_output_is_warned_about_at_the_start() {
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
        for (name, output) in [("named", "res"), ("returning", "$return")] {
            write(
                &format!("{name}/function.json"),
                &format!(
                    r#"{{"bindings":[{{"type":"httpTrigger","name":"req"}},{{"type":"http","direction":"out","name":"{output}"}}]}}"#
                ),
            );
        }
        let environment = [("FUNCTIONS_WORKER_RUNTIME", "custom")]
            .into_iter()
            .collect();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
        let log = Logger::memory();
        before_start(&host, &functions, &environment, &log).unwrap();
        let said: Vec<_> = log.messages().into_iter().map(|(_, text)| text).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("returning: the http output is named '$return'"));
        assert!(said[0].contains("name the binding 'res' in returning/function.json"));
    }
}
