//! The environment of the app and of the handler.

use crate::log::Logger;
use crate::settings::{Environment, LocalSettings};
use std::path::Path;
use uuid::Uuid;

/// The environment that local-host was started with, the settings of the app, and what `func start`
/// adds.
pub(super) fn of_app(
    root: &Path,
    port: u16,
    settings: &LocalSettings,
    log: &Logger,
) -> Environment {
    let mut environment = Environment::of_this_process();
    settings.apply(&mut environment, log);
    add_func_variables(&mut environment, root, port, log);
    environment
}

fn add_func_variables(environment: &mut Environment, root: &Path, port: u16, log: &Logger) {
    const STAGE: &str = "AZURE_FUNCTIONS_ENVIRONMENT";
    if let Some(value) = environment
        .get(STAGE)
        .filter(|value| *value != "Development")
    {
        log.warning(format!(
            "{STAGE} already exists with value '{value}', overriding to 'Development'."
        ));
    }
    environment.set(STAGE, "Development");
    environment.set("WEBSITE_HOSTNAME", format!("localhost:{port}"));
    environment.set("AzureWebJobsScriptRoot", root.to_string_lossy());
    environment.set("ASPNETCORE_SUPPRESSSTATUSMESSAGES", "true");
    environment.set("Logging__LogLevel__Microsoft.Hosting.Lifetime", "None");
    for (name, value) in [
        ("FUNCTIONS_CORETOOLS_ENVIRONMENT", "true"),
        ("AzureFunctionsJobHost__SequentialRestart", "true"),
        (
            "AzureFunctionsJobHost__logging__logLevel__Function",
            "Information",
        ),
    ] {
        environment.set_if_absent(name, value);
    }
}

/// Adds the five variables that the host injects.
pub(super) fn of_handler(app: &Environment, port: u16, root: &Path) -> Environment {
    let mut environment = app.clone();
    let worker = Uuid::new_v4().to_string();
    for name in ["FUNCTIONS_HTTPWORKER_PORT", "FUNCTIONS_CUSTOMHANDLER_PORT"] {
        environment.set(name, port.to_string());
    }
    for name in [
        "FUNCTIONS_HTTPWORKER_ID",
        "FUNCTIONS_CUSTOMHANDLER_WORKER_ID",
    ] {
        environment.set(name, &worker);
    }
    environment.set("FUNCTIONS_APP_ROOT_PATH", root.to_string_lossy());
    // During development every turn should be checked for an orchestrator that is not deterministic. Handlers
    // built on other crates ignore the variable.
    environment.set_if_absent("DURABLE_FUNCTIONS_VERIFY_EVERY", "1");
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_verifies_every_turn_unless_a_setting_says_otherwise() {
        let verified = |app: Environment| {
            let handler = of_handler(&app, 7072, Path::new("/app"));
            handler
                .get("DURABLE_FUNCTIONS_VERIFY_EVERY")
                .map(str::to_owned)
        };
        assert_eq!(verified(Environment::default()).as_deref(), Some("1"));
        let set = [("DURABLE_FUNCTIONS_VERIFY_EVERY", "50")];
        assert_eq!(verified(set.into_iter().collect()).as_deref(), Some("50"));
    }
}
