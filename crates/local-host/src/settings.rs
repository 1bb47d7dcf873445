//! `local.settings.json` and the environment that the app sees.
//!
//! Settings become environment variables of the handler. A variable that local-host was started with takes
//! precedence over the file. local-host never changes its own environment; code that depends on a setting
//! reads it from [`Environment`].

use crate::app_file::AppFile;
use crate::json::Json;
use crate::log::Logger;
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::Path;

/// The environment variables of the host and the handler: names keep their case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables that this process was started with. One that is not Unicode is left out.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Sets a variable unless it has a value.
    pub fn set_if_absent(&mut self, name: &str, value: &str) {
        if !self.0.contains_key(name) {
            self.set(name, value);
        }
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text with each `%NAME%` replaced, as a host does in the properties of bindings.
    ///
    /// # Errors
    /// A name that is no setting; the text says what to add.
    pub(crate) fn resolve(&self, text: &str) -> Result<String, String> {
        let resolved = self.expand(text);
        if resolved.contains('%') {
            return Err(format!(
                "'{text}' does not resolve to a value. Add the setting that it names to the Values of local.settings.json."
            ));
        }
        Ok(resolved)
    }

    /// Replaces each `%NAME%` whose variable exists; the others stay as written.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            match after.split_once('%') {
                Some((name, tail)) if self.0.contains_key(name) => {
                    out.push_str(self.get(name).unwrap_or_default());
                    rest = tail;
                }
                _ => {
                    out.push('%');
                    rest = after;
                }
            }
        }
        out + rest
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// The content of `local.settings.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocalSettings {
    /// `Values` and `ConnectionStrings` in order; `None` for null.
    values: Vec<(String, Option<String>)>,
    /// `Host.LocalHttpPort`.
    pub port: Option<u16>,
    /// `Host.LocalHttpAddress`.
    pub address: Option<String>,
    /// `Host.CORS`: origins separated by commas.
    pub cors: Option<String>,
    /// `Host.CORSCredentials`.
    pub cors_credentials: bool,
}

impl LocalSettings {
    /// Reads the file in `root`. A missing file is an empty one. For a file that is not JSON, `func start`
    /// warns and runs the app without settings; the app then fails without naming the cause. So it is an
    /// error here.
    ///
    /// # Errors
    /// No JSON object, an encrypted file (`IsEncrypted` true or missing), a reserved name, or a value
    /// of the wrong kind, by name and with its place.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("local.settings.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => anyhow::bail!("Cannot read {}: {error}", path.display()),
        };
        let file = AppFile::parse(&path, text).context("Failed to read app settings file")?;
        Self::from_file(&file)
    }

    fn from_file(file: &AppFile) -> anyhow::Result<Self> {
        let encrypted = file
            .json()
            .as_object()
            .and_then(|root| root.get_ignoring_case("IsEncrypted"));
        if encrypted != Some(&Json::Bool(false)) {
            return Err(file.error(
                &["IsEncrypted"],
                "expected false. Without it the settings count as encrypted, which local-host does not read \
                 (func settings decrypt makes them plain).",
            ));
        }
        let mut settings = Self::default();
        for (name, value) in members(file, "Values")? {
            let wrong = |what| file.error(&["Values", name], what);
            if name == "CONTAINER_NAME" {
                return Err(wrong("this name is reserved. Remove it"));
            }
            let value = match value {
                Json::Null => None,
                Json::Array(_) | Json::Object(_) => {
                    return Err(wrong(
                        "expected a string, a number or a boolean. Write JSON as a string",
                    ));
                }
                scalar => Some(scalar.to_text_as_written()),
            };
            settings.values.push((name.to_owned(), value));
        }
        for (name, value) in members(file, "ConnectionStrings")? {
            let text = match value {
                Json::Object(entry) => entry
                    .get_ignoring_case("ConnectionString")
                    .and_then(Json::as_text),
                other => other.as_text(),
            };
            let Some(text) = text else {
                return Err(file.error(&["ConnectionStrings", name], "expected a string"));
            };
            settings
                .values
                .push((format!("ConnectionStrings:{name}"), Some(text.to_owned())));
        }
        for (name, value) in members(file, "Host")? {
            settings.read_host_member(file, name, value)?;
        }
        Ok(settings)
    }

    /// Reads a member of `Host`. Unknown ones are ignored, as by func start.
    fn read_host_member(&mut self, file: &AppFile, name: &str, value: &Json) -> anyhow::Result<()> {
        let text = value.to_text_as_written();
        let wrong =
            |what: &str| file.error(&["Host", name], format!("expected {what}, got '{text}'"));
        let string = || match value {
            Json::Null => Ok(None),
            _ => value.as_text().map(|text| Some(text.to_owned())).ok_or(()),
        };
        match name.to_ascii_lowercase().as_str() {
            "localhttpport" => {
                let port = text.parse().map_err(|_| wrong("a port from 0 to 65535"))?;
                self.port = Some(port);
            }
            "localhttpaddress" => {
                self.address = string().map_err(|()| wrong("an IP address as a string"))?;
            }
            "cors" => {
                self.cors = string()
                    .map_err(|()| wrong("origins separated by commas as one string, or \"*\""))?;
            }
            "corscredentials" => {
                self.cors_credentials = match text.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" | "" => false,
                    _ => return Err(wrong("true or false")),
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the settings to `environment`. A variable that is already there stays, and the log says so.
    pub(crate) fn apply(&self, environment: &mut Environment, log: &Logger) {
        for (name, value) in &self.values {
            match value {
                _ if name.is_empty() => log.warning("Skipping local setting with empty key."),
                None => log.warning(format!("Skipping '{name}' because value is null")),
                Some(_) if environment.get(name).is_some() => log.warning(format!(
                    "Skipping '{name}' from local settings as it's already defined in current environment variables."
                )),
                Some(value) => environment.set(name, value),
            }
        }
    }
}

fn members<'a>(file: &'a AppFile, section: &str) -> anyhow::Result<Vec<(&'a str, &'a Json)>> {
    let root = file.json().as_object();
    match root.and_then(|root| root.get_ignoring_case(section)) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(members)) => Ok(members.iter().collect()),
        Some(_) => Err(file.error(&[section], "expected an object, { … }")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<LocalSettings> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("local.settings.json"), text).unwrap();
        LocalSettings::read(folder.path())
    }

    #[test]
    fn the_environment_takes_precedence_over_local_settings() {
        let log = Logger::memory();
        let settings = read(
            r#"{"IsEncrypted":false,"Values":{"A":"file","B":"file","N":5,"T":true,"E":"","Z":null,"D":"2024-10-24T12:00:00Z"},
                "ConnectionStrings":{"Db":"Server=x"},"Host":{"LocalHttpPort":7072}}"#,
        );
        let settings = settings.unwrap();
        let mut environment = Environment::from_iter([("A", "environment")]);
        settings.apply(&mut environment, &log);
        let got = |name| environment.get(name);
        assert_eq!(got("A"), Some("environment"));
        assert_eq!(got("B"), Some("file"));
        assert_eq!(got("N"), Some("5"));
        assert_eq!(got("T"), Some("True"));
        assert_eq!(got("E"), Some(""));
        assert_eq!(got("Z"), None);
        assert_eq!(got("D"), Some("2024-10-24T12:00:00Z"));
        assert_eq!(got("ConnectionStrings:Db"), Some("Server=x"));
        assert_eq!(settings.port, Some(7072));
        let said: Vec<_> = log.messages().into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            said,
            [
                "Skipping 'A' from local settings as it's already defined in current environment variables.",
                "Skipping 'Z' because value is null"
            ]
        );
    }

    #[test]
    fn a_file_without_is_encrypted_counts_as_encrypted() {
        let error = read(r#"{"Values":{}}"#).unwrap_err().to_string();
        assert!(error.contains("IsEncrypted: expected false"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_json_stops_the_start_and_names_the_place() {
        for (text, place) in [
            ("{", "local.settings.json:1:2:"),
            (
                "{\"IsEncrypted\": false,\n \"Values\": {\"A\": \"b\" \"C\": \"d\"}}",
                "local.settings.json:2:22:",
            ),
            ("[]", "local.settings.json:1:1:"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(place), "{error}");
            assert!(error.starts_with("Failed to read app settings file: /"));
        }
    }

    #[test]
    fn values_of_the_wrong_kind_are_named_with_their_place() {
        for (members, expected) in [
            (
                r#""Values":{"A":{}}"#,
                "json:1:36: Values.A: expected a string",
            ),
            (r#""Values":[]"#, "json:1:31: Values: expected an object"),
            (
                r#""Values":{"CONTAINER_NAME":"x"}"#,
                "Values.CONTAINER_NAME: this name is reserved",
            ),
            (
                r#""ConnectionStrings":{"Db":1}"#,
                "ConnectionStrings.Db: expected a string",
            ),
            (
                r#""Host":{"LocalHttpPort":"x"}"#,
                "Host.LocalHttpPort: expected a port from 0 to 65535, got 'x'",
            ),
            (
                r#""Host":{"LocalHttpAddress":1}"#,
                "Host.LocalHttpAddress: expected an IP address",
            ),
            (r#""Host":{"CORS":["*"]}"#, "Host.CORS: expected origins"),
            (
                r#""Host":{"CORSCredentials":"yes"}"#,
                "Host.CORSCredentials: expected true or false, got 'yes'",
            ),
        ] {
            let text = format!(r#"{{"IsEncrypted":false,{members}}}"#);
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_host_section_is_read_in_any_case() {
        let settings = read(
            r#"{"isEncrypted":false,"host":{"localHttpPort":"7072","CORS":"http://a,http://b","corsCredentials":true,"Other":[]}}"#,
        )
        .unwrap();
        assert_eq!(settings.port, Some(7072));
        assert_eq!(settings.cors.as_deref(), Some("http://a,http://b"));
        assert!(settings.cors_credentials);
    }

    #[test]
    fn known_variables_are_expanded_and_others_kept() {
        let environment = Environment::from_iter([("A", "1")]);
        assert_eq!(environment.expand("x%A%y%B%z%A%"), "x1y%B%z1");
        assert_eq!(environment.expand("100% %A"), "100% %A");
    }
}
