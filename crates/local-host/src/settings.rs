//! `local.settings.json` and the environment that the app sees.
//!
//! Settings become environment variables of the handler; a variable that local-host was started
//! with wins over the file. local-host never changes its own environment: everything that depends on
//! a setting reads it from [`Environment`].

use crate::json::{Json, JsonObject, parse_document};
use crate::log::Logger;
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
pub struct LocalSettings {
    /// `Values` and `ConnectionStrings` in order; `None` for null.
    values: Vec<(String, Option<String>)>,
    /// `Host.LocalHttpPort`.
    pub port: Option<u16>,
    /// `Host.LocalHttpAddress`.
    pub address: Option<String>,
}

impl LocalSettings {
    /// Reads the file in `root`. A missing file is empty; so is one that is not JSON, with a
    /// warning, as under `func start`.
    ///
    /// # Errors
    /// An encrypted file (`IsEncrypted` true or missing), a reserved name, or a value of the wrong
    /// kind, by name.
    pub fn read(root: &Path, log: &Logger) -> anyhow::Result<Self> {
        let path = root.join("local.settings.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => anyhow::bail!("Cannot read {}: {error}", path.display()),
        };
        match parse_document(&text) {
            Ok(Json::Object(file)) => Self::from_json(&file),
            _ => {
                log.warning(format!(
                    "Failed to read app settings file at '{}'. Ensure it is a valid JSON file.",
                    path.display()
                ));
                Ok(Self::default())
            }
        }
    }

    fn from_json(file: &JsonObject) -> anyhow::Result<Self> {
        if file.get_ignoring_case("IsEncrypted") != Some(&Json::Bool(false)) {
            anyhow::bail!(
                "Failed to decrypt settings. Encrypted settings only be edited through 'func settings add'. \
                 local-host reads local.settings.json only with \"IsEncrypted\": false."
            );
        }
        let mut settings = Self::default();
        for (name, value) in members(file, "Values")? {
            if name == "CONTAINER_NAME" {
                anyhow::bail!(
                    "Values.CONTAINER_NAME in local.settings.json: this name is reserved."
                );
            }
            let value = match value {
                Json::Null => None,
                Json::Array(_) | Json::Object(_) => anyhow::bail!(
                    "Values.{name} in local.settings.json: expected a string, a number or a boolean."
                ),
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
                anyhow::bail!(
                    "ConnectionStrings.{name} in local.settings.json: expected a string."
                );
            };
            settings
                .values
                .push((format!("ConnectionStrings:{name}"), Some(text.to_owned())));
        }
        for (name, value) in members(file, "Host")? {
            if name.eq_ignore_ascii_case("LocalHttpPort") {
                let text = value.to_text_as_written();
                settings.port = Some(text.parse().map_err(|_| {
                    anyhow::anyhow!("Host.LocalHttpPort in local.settings.json: expected a port from 0 to 65535, got '{text}'.")
                })?);
            } else if name.eq_ignore_ascii_case("LocalHttpAddress") {
                settings.address = value.as_text().map(str::to_owned);
            }
        }
        Ok(settings)
    }

    /// Adds the settings to `environment`; what is already there wins, and the user is told.
    pub fn apply(&self, environment: &mut Environment, log: &Logger) {
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

fn members<'a>(file: &'a JsonObject, section: &str) -> anyhow::Result<Vec<(&'a str, &'a Json)>> {
    match file.get_ignoring_case(section) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(members)) => Ok(members.iter().collect()),
        Some(_) => anyhow::bail!("{section} in local.settings.json: expected an object."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (anyhow::Result<LocalSettings>, Logger) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("local.settings.json"), text).unwrap();
        let log = Logger::memory();
        (LocalSettings::read(folder.path(), &log), log)
    }

    #[test]
    fn the_environment_wins_over_local_settings() {
        let (settings, log) = read(
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
        let (settings, _) = read(r#"{"Values":{}}"#);
        assert!(settings.unwrap_err().to_string().contains("IsEncrypted"));
    }

    #[test]
    fn a_file_that_is_not_json_is_a_warning() {
        let (settings, log) = read("{");
        assert_eq!(settings.unwrap(), LocalSettings::default());
        assert!(
            log.messages()[0]
                .1
                .starts_with("Failed to read app settings file")
        );
    }

    #[test]
    fn values_of_the_wrong_kind_are_named() {
        for (text, name) in [
            (r#"{"IsEncrypted":false,"Values":{"A":{}}}"#, "Values.A"),
            (r#"{"IsEncrypted":false,"Values":[]}"#, "Values"),
            (
                r#"{"IsEncrypted":false,"Values":{"CONTAINER_NAME":"x"}}"#,
                "CONTAINER_NAME",
            ),
            (
                r#"{"IsEncrypted":false,"Host":{"LocalHttpPort":"x"}}"#,
                "Host.LocalHttpPort",
            ),
        ] {
            let error = read(text).0.unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn known_variables_are_expanded_and_others_kept() {
        let environment = Environment::from_iter([("A", "1")]);
        assert_eq!(environment.expand("x%A%y%B%z%A%"), "x1y%B%z1");
        assert_eq!(environment.expand("100% %A"), "100% %A");
    }
}
