//! What local-host uses of `host.json` and of the variables that override it.
//!
//! `functions_handler::host_json` reads the file, for the handler as well. With an override,
//! `local.settings.json` can point at a local build of the handler while `host.json` stays unchanged.

mod queues;
mod shape;
mod unused;

use crate::app_file::AppFile;
use crate::settings::Environment;
use anyhow::bail;
use functions_handler::host_json::{HostJson as Values, HostJsonError};
use std::path::Path;
use std::time::Duration;

pub use queues::QueueOptions;

const HANDLER: &str = "customHandler:description";

/// What local-host uses of `host.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct HostJson {
    /// `extensions.http.routePrefix`, `api` by default.
    pub route_prefix: String,
    /// `functionTimeout`; `None` when there is no limit.
    pub function_timeout: Option<Duration>,
    /// How to start the handler.
    pub handler: HandlerDescription,
    /// `customHandler.initializationTimeout`, 30 seconds by default.
    pub initialization_timeout: Duration,
    /// `customHandler.enableForwardingHttpRequest`.
    pub forward_http: bool,
    /// `functions`: only these are loaded, when there are any.
    pub functions: Vec<String>,
    /// `extensions.durableTask.hubName`.
    pub hub_name: Option<String>,
    /// `extensions.durableTask.defaultVersion`.
    pub default_version: Option<String>,
    /// `extensions.durableTask.storageProvider.queueClientMessageEncoding` is `Base64`; a real host
    /// has `UTF8` by default.
    pub base64_queue_messages: bool,
    /// `extensions.queues`.
    pub queues: QueueOptions,
    /// The app setting that names the storage account of a real host's task hub; `None` when it is not in Azure
    /// Storage.
    pub storage_setting: Option<String>,
    /// What a real host refuses and local-host does not use.
    pub warnings: Vec<String>,
    /// Whether an extension bundle is configured.
    pub has_bundle: bool,
    /// `extensions.http.customHeaders`.
    pub custom_headers: Vec<(String, String)>,
}

/// `customHandler.description`.
#[derive(Clone, Debug, PartialEq)]
pub struct HandlerDescription {
    /// `defaultExecutablePath` as written.
    pub executable: String,
    /// `workingDirectory`.
    pub working_directory: Option<String>,
    /// `workerDirectory`.
    pub worker_directory: Option<String>,
    /// `arguments`.
    pub arguments: Vec<String>,
    /// `defaultWorkerPath`.
    pub worker_path: Option<String>,
    /// `workerArguments`.
    pub worker_arguments: Vec<String>,
    /// `useStdErrorStreamForErrorsOnly`: every line on stderr is an error unless it says "warn".
    pub stderr_is_error: bool,
}

impl HostJson {
    /// Reads the file in `root` and applies the overrides of `environment`.
    ///
    /// # Errors What stops a real host: no JSON object, a wrong `version`, no handler, a value of the wrong
    /// form. The error names it.
    pub fn read(root: &Path, environment: &Environment) -> anyhow::Result<Self> {
        let unable = |error: &HostJsonError| {
            let path = root.join("host.json");
            let verb = match error {
                HostJsonError::Io { .. } => "read",
                _ => "parse",
            };
            format!(
                "Unable to {verb} host configuration file '{}'.",
                path.display()
            )
        };
        let values = Values::read(root).map_err(|error| {
            let context = unable(&error);
            anyhow::Error::new(error).context(context)
        })?;
        let path = root.join("host.json");
        if let Ok(file) = AppFile::parse(&path, std::fs::read_to_string(&path)?) {
            shape::check(&file)?;
        }
        Self::from_file(values, environment)
    }

    fn from_file(mut values: Values, environment: &Environment) -> anyhow::Result<Self> {
        match values.get("version") {
            Some("2.0") => {}
            Some(other) => bail!(
                "'{other}' is an invalid value for host.json 'version' property. We recommend you set the 'version' property to '2.0'."
            ),
            None => bail!(
                "The host.json file is missing the required 'version' property. Expected \"version\": \"2.0\"."
            ),
        }
        values.override_from(environment.iter());
        Self::from_values(&values, environment)
    }

    fn from_values(values: &Values, environment: &Environment) -> anyhow::Result<Self> {
        if values.has("httpWorker") && !values.has("customHandler") {
            bail!(
                "host.json: local-host does not serve the legacy httpWorker section. Use customHandler."
            );
        }
        if !values.has("customHandler") {
            bail!(
                "WorkerConfig for runtime: custom not found. host.json has no customHandler.description; \
                 example: \"customHandler\": {{\"description\": {{\"defaultExecutablePath\": \"handler\"}}}}"
            );
        }
        if !values.has(HANDLER) {
            bail!(
                "Missing worker Description. host.json: expected customHandler.description.defaultExecutablePath."
            );
        }
        let handler = |name: &str| format!("{HANDLER}:{name}");
        let Some(executable) = non_empty(values, &handler("defaultExecutablePath")) else {
            bail!("WorkerDescription DefaultExecutablePath cannot be empty");
        };
        let route_prefix = values
            .get("extensions:http:routePrefix")
            .unwrap_or("api")
            .to_owned();
        if route_prefix.starts_with('/')
            || route_prefix.ends_with('/')
            || route_prefix.contains("//")
        {
            bail!(
                "host.json extensions.http.routePrefix '{route_prefix}' begins or ends with a slash: \
                 a real host stops with a RouteCreationException and answers 503 to everything. Write it without slashes."
            );
        }
        let function_timeout = values.function_timeout(environment.get("WEBSITE_SKU"))?;
        let initialization_timeout = values
            .time_span("customHandler:initializationTimeout")?
            .unwrap_or(Duration::from_secs(30));
        let hub_name = non_empty(values, "extensions:durableTask:hubName")
            .map(|name| environment.expand(&name));
        Ok(Self {
            route_prefix,
            function_timeout,
            handler: HandlerDescription {
                executable,
                working_directory: non_empty(values, &handler("workingDirectory")),
                worker_directory: non_empty(values, &handler("workerDirectory")),
                arguments: values.list(&handler("arguments"))?,
                worker_path: non_empty(values, &handler("defaultWorkerPath")),
                worker_arguments: values.list(&handler("workerArguments"))?,
                stderr_is_error: flag(values, &handler("useStdErrorStreamForErrorsOnly"), true)?,
            },
            initialization_timeout,
            forward_http: flag(values, "customHandler:enableForwardingHttpRequest", false)?,
            functions: values.list("functions")?,
            queues: queues::options(values)?,
            storage_setting: unused::storage_setting(values),
            warnings: unused::warnings(values, hub_name.as_deref()),
            hub_name,
            default_version: non_empty(values, "extensions:durableTask:defaultVersion"),
            base64_queue_messages: base64_queue_messages(values)?,
            has_bundle: values.has("extensionBundle"),
            custom_headers: values
                .children("extensions:http:customHeaders")
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

fn base64_queue_messages(values: &Values) -> anyhow::Result<bool> {
    const KEY: &str = "extensions:durableTask:storageProvider:queueClientMessageEncoding";
    match values.get(KEY) {
        None | Some("") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("UTF8") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("Base64") => Ok(true),
        Some(text) => bail!("host.json {KEY}: expected UTF8 or Base64, got '{text}'."),
    }
}

fn non_empty(values: &Values, key: &str) -> Option<String> {
    values
        .get(key)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

fn flag(values: &Values, key: &str, default: bool) -> anyhow::Result<bool> {
    match values.get(key) {
        None | Some("") => Ok(default),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => bail!("host.json {key}: expected true or false, got '{text}'."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> anyhow::Result<HostJson> {
        let environment = environment.iter().copied().collect();
        HostJson::from_file(Values::parse(Path::new("host.json"), text)?, &environment)
    }

    const MINIMAL: &str =
        r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#;

    #[test]
    fn defaults_are_those_of_the_host() {
        let host = read(MINIMAL, &[]).unwrap();
        assert_eq!(host.route_prefix, "api");
        assert_eq!(host.function_timeout, Some(Duration::from_secs(1800)));
        assert_eq!(host.initialization_timeout, Duration::from_secs(30));
        assert_eq!(host.handler.executable, "handler");
        assert!(host.handler.stderr_is_error && !host.forward_http);
    }

    #[test]
    fn every_value_is_overridable_from_the_environment() {
        let host = read(
            r#"{"version":"2.0","functionTimeout":"00:05:00",/* c */
                "customHandler":{"description":{"defaultExecutablePath":"handler","arguments":["a","b"]}},
                "extensions":{"durableTask":{"hubName":"%HUB%"}},}"#,
            &[
                (
                    "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath",
                    "target/release/handler",
                ),
                ("azurefunctionsjobhost__functiontimeout", "-1"),
                ("AzureFunctionsJobHost__customHandler__description__arguments", "[\"c\"]"),
                ("AzureFunctionsJobHost__extensions__http__routePrefix", ""),
                ("AzureFunctionsJobHost__functions__0", "submit"),
                ("HUB", "MyHub"),
            ],
        )
        .unwrap();
        assert_eq!(host.handler.executable, "target/release/handler");
        assert_eq!(host.handler.arguments, ["c"]);
        assert_eq!(host.function_timeout, None);
        assert_eq!(host.route_prefix, "");
        assert_eq!(host.functions, ["submit"]);
        assert_eq!(host.hub_name.as_deref(), Some("MyHub"));
    }

    #[test]
    fn the_encoding_of_queue_messages_is_read_in_any_case_and_utf8_by_default() {
        let with = |value: &str| {
            let key = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__queueClientMessageEncoding";
            read(MINIMAL, &[(key, value)]).map(|host| host.base64_queue_messages)
        };
        for (value, expected) in [
            ("", false),
            ("UTF8", false),
            ("Base64", true),
            ("base64", true),
        ] {
            assert_eq!(with(value).unwrap(), expected, "{value}");
        }
        assert!(!read(MINIMAL, &[]).unwrap().base64_queue_messages);
        let error = with("Latin1").unwrap_err().to_string();
        assert!(error.contains("queueClientMessageEncoding"), "{error}");
        assert!(error.contains("expected UTF8 or Base64"), "{error}");
    }

    /// The handler and the host must agree: the handler computes its deadline from the limit that the host
    /// enforces.
    #[test]
    fn function_timeout_is_what_the_handler_reads() {
        let with = |value: &str, sku: &str| {
            let environment = [
                ("AzureFunctionsJobHost__functionTimeout", value),
                ("WEBSITE_SKU", sku),
            ];
            read(MINIMAL, &environment).map(|host| host.function_timeout)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (value, sku, timeout) in [
            ("7", "", seconds(604_800)),
            ("1:02:03:04", "", seconds(93_784)),
            ("", "", seconds(1800)),
            ("-1", "", None),
            ("", "Dynamic", seconds(300)),
            ("", "FlexConsumption", seconds(1800)),
        ] {
            assert_eq!(with(value, sku).unwrap(), timeout, "{value} {sku}");
        }
        for (value, sku) in [
            ("+5", ""),
            ("00:00:00.9", ""),
            ("-1", "Dynamic"),
            ("00:10:01", "Dynamic"),
        ] {
            let error = with(value, sku).unwrap_err().to_string();
            let start =
                format!("AzureFunctionsJobHost__functionTimeout is `{value}`, expected a time");
            assert!(error.starts_with(&start), "{error}");
        }
    }

    #[test]
    fn what_breaks_a_real_host_is_refused_by_name() {
        let with = |more: &str| {
            MINIMAL.replacen(
                "{\"version\":\"2.0\"",
                &format!("{{\"version\":\"2.0\",{more}"),
                1,
            )
        };
        for (text, expected) in [
            ("{}".to_owned(), "missing the required 'version'"),
            (
                r#"{"version":"1.0"}"#.to_owned(),
                "'1.0' is an invalid value",
            ),
            (
                r#"{"version":"2.0"}"#.to_owned(),
                "runtime: custom not found",
            ),
            (
                r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":""}}}"#
                    .to_owned(),
                "DefaultExecutablePath cannot be empty",
            ),
            (with(r#""functionTimeout":"abc""#), "functionTimeout"),
            (with(r#""functionTimeout":"00:00:00""#), "functionTimeout"),
            (
                with(r#""extensions":{"http":{"routePrefix":"/v1/"}}"#),
                "routePrefix",
            ),
        ] {
            let error = read(&text, &[]).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
