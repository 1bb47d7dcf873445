//! `host.json` with its overrides, read as a Functions host reads it. The handler and local-host both
//! read the file here, so that they agree about it.
//!
//! As in the host, the file is flattened to keys such as `extensions:http:routePrefix`, compared
//! without case; the variable `AzureFunctionsJobHost__extensions__http__routePrefix` replaces a value.

mod function_timeout;
mod time_span;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

pub(crate) use function_timeout::function_timeout;
pub use function_timeout::function_timeout_of_this_process;
pub use time_span::parse as parse_time_span;

/// In front of every variable that overrides a value.
const PREFIX: &str = "AzureFunctionsJobHost";
/// Where the app is; the host sets it.
const ROOT: &str = "FUNCTIONS_APP_ROOT_PATH";

/// A `host.json`, flattened, with the values that override it.
#[derive(Clone, Debug)]
pub struct HostJson {
    path: PathBuf,
    /// By key in lower case.
    values: BTreeMap<String, Setting>,
}

#[derive(Clone, Debug)]
struct Setting {
    /// As it is spelled in its source.
    key: String,
    value: String,
    /// The variable that it comes from, when it is not from the file.
    variable: Option<String>,
}

/// Why a `host.json`, or a value of it, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostJsonError {
    /// The file cannot be read.
    #[error("{} cannot be read: {error}", .path.display())]
    #[non_exhaustive]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is not JSON.
    #[error("{} is not JSON: {error}", .path.display())]
    #[non_exhaustive]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        error: String,
    },
    /// The file is JSON, but no object.
    #[error("{} is not a JSON object", .path.display())]
    #[non_exhaustive]
    NotAnObject {
        /// The file.
        path: PathBuf,
    },
    /// A value does not have the form that its key requires.
    #[error("{place} is `{value}`, expected {expected}")]
    #[non_exhaustive]
    Value {
        /// The key and the file, or the variable.
        place: String,
        /// The value.
        value: String,
        /// What was expected, with an example.
        expected: String,
    },
}

impl HostJson {
    /// Reads the file in an app's folder.
    ///
    /// # Errors
    /// A file that cannot be read (a real host writes one when there is none), or that is no JSON
    /// object.
    pub fn read(folder: &Path) -> Result<Self, HostJsonError> {
        let path = folder.join("host.json");
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) => Err(HostJsonError::Io { path, error }),
        }
    }

    /// Reads the text of a file; `path` is for error messages only.
    ///
    /// # Errors
    /// A text that is no JSON object.
    pub fn parse(path: &Path, text: &str) -> Result<Self, HostJsonError> {
        let mut read = Self::empty(path);
        let json = parse_json(text).map_err(|error| HostJsonError::Json {
            path: path.to_owned(),
            error,
        })?;
        match json {
            Some(object @ Value::Object(_)) => read.flatten("", &object),
            _ => {
                let path = path.to_owned();
                return Err(HostJsonError::NotAnObject { path });
            }
        }
        Ok(read)
    }

    /// A file without a value.
    fn empty(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            values: BTreeMap::new(),
        }
    }

    fn flatten(&mut self, key: &str, json: &Value<'_>) {
        let child = |name: &str| {
            if key.is_empty() {
                name.to_owned()
            } else {
                format!("{key}:{name}")
            }
        };
        match json {
            Value::Object(object) => {
                for member in &object.properties {
                    self.flatten(&child(member.name.as_str()), &member.value);
                }
            }
            Value::Array(array) => {
                for (index, value) in array.elements.iter().enumerate() {
                    self.flatten(&child(&index.to_string()), value);
                }
            }
            scalar => self.set(key, text_of(scalar), None),
        }
    }

    /// Of several values of one key, in whatever case, the last counts.
    fn set(&mut self, key: &str, value: String, variable: Option<&str>) {
        let setting = Setting {
            key: key.to_owned(),
            value,
            variable: variable.map(str::to_owned),
        };
        self.values.insert(key.to_lowercase(), setting);
    }

    /// Replaces values by those of the variables `AzureFunctionsJobHost__a__b`, in any case and with
    /// `:` for `__` as well.
    pub fn override_from<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in variables {
            let key = name.replace("__", ":");
            if let Some((prefix, key)) = key.split_once(':')
                && prefix.eq_ignore_ascii_case(PREFIX)
            {
                self.set(key, value.to_owned(), Some(name));
            }
        }
    }

    /// The text of a value, such as that of `extensions:http:routePrefix`; a `null` is the empty
    /// text, `true` is `True`.
    pub fn get(&self, key: &str) -> Option<&str> {
        Some(self.setting(key)?.value.as_str())
    }

    fn setting(&self, key: &str) -> Option<&Setting> {
        self.values.get(&key.to_lowercase())
    }

    /// Whether there is any value below `key`.
    pub fn has(&self, key: &str) -> bool {
        self.below(key).next().is_some()
    }

    /// The names directly below `key`, of values and of sections alike, as they are spelled.
    pub(crate) fn keys(&self, key: &str) -> Vec<&str> {
        let mut keys: Vec<_> = self
            .below(key)
            .map(|(rest, _)| rest.split_once(':').map_or(rest, |(first, _)| first))
            .collect();
        keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        keys
    }

    /// The last part of the name and the value of everything directly below `key`, array items in
    /// order of their index.
    pub fn children(&self, key: &str) -> Vec<(&str, &str)> {
        let mut found: Vec<_> = self
            .below(key)
            .filter(|(rest, _)| !rest.contains(':'))
            .map(|(rest, setting)| (rest, setting.value.as_str()))
            .collect();
        found.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
        found
    }

    /// What is below `key`, each with the rest of its name as it is spelled.
    fn below(&self, key: &str) -> impl Iterator<Item = (&str, &Setting)> {
        let prefix = format!("{}:", key.to_lowercase());
        let length = prefix.len();
        self.values
            .range(prefix.clone()..)
            .take_while(move |(lower, _)| lower.starts_with(&prefix))
            .filter_map(move |(_, setting)| Some((setting.key.get(length..)?, setting)))
    }

    /// A list; a JSON array as one text replaces it as a whole.
    ///
    /// # Errors
    /// The text begins like an array and is not one.
    pub fn list(&self, key: &str) -> Result<Vec<String>, HostJsonError> {
        let Some(setting) = self
            .setting(key)
            .filter(|it| it.value.trim_start().starts_with('['))
        else {
            let items = self.children(key).into_iter();
            return Ok(items.map(|(_, value)| value.to_owned()).collect());
        };
        match parse_json(&setting.value) {
            Ok(Some(Value::Array(array))) => Ok(array.elements.iter().map(text_of).collect()),
            _ => Err(self.value_error(setting, "a JSON array such as [\"a\", \"b\"]".to_owned())),
        }
    }

    /// A time span of .NET; `None` when it is absent or empty.
    ///
    /// # Errors
    /// The text is not a time span, or the time span is negative.
    pub fn time_span(&self, key: &str) -> Result<Option<Duration>, HostJsonError> {
        let Some(setting) = self.setting(key).filter(|it| !it.value.is_empty()) else {
            return Ok(None);
        };
        let expected = || "a time span such as \"00:00:30\" (hours, minutes, seconds)".to_owned();
        parse_time_span(&setting.value)
            .map(Some)
            .ok_or_else(|| self.value_error(setting, expected()))
    }

    fn value_error(&self, setting: &Setting, expected: String) -> HostJsonError {
        let place = match &setting.variable {
            Some(variable) => variable.clone(),
            None => {
                let key = setting.key.replace(':', ".");
                format!("{key} in {}", self.path.display())
            }
        };
        HostJsonError::Value {
            place,
            value: setting.value.clone(),
            expected,
        }
    }
}

/// Reads what the host's JSON library reads: it accepts comments, trailing commas, single quotes, names
/// without quotes and a byte order mark, and refuses a missing comma.
pub(crate) fn parse_json(text: &str) -> Result<Option<Value<'_>>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    parse_to_ast(text, &CollectOptions::default(), &parse_options())
        .map(|parsed| parsed.value)
        .map_err(|error| error.to_string())
}

/// As [`parse_json`] reads.
pub(crate) fn parse_options() -> ParseOptions {
    ParseOptions {
        allow_missing_commas: false,
        allow_unary_plus_numbers: false,
        allow_extended_string_escapes: false,
        ..ParseOptions::default()
    }
}

/// A scalar as the host's configuration holds it. Numbers and dates stay as they are written. .NET
/// rewrites some (`1.0` becomes `1`, dates get its own format), but no value that is read here is one
/// of them.
fn text_of(scalar: &Value<'_>) -> String {
    match scalar {
        Value::StringLit(text) => text.value.to_string(),
        Value::NumberLit(number) => number.value.to_owned(),
        Value::BooleanLit(flag) if flag.value => "True".to_owned(),
        Value::BooleanLit(_) => "False".to_owned(),
        Value::NullKeyword(_) | Value::Object(_) | Value::Array(_) => String::new(),
    }
}

/// The variables that the host gave to this process.
#[derive(Default)]
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    pub(crate) fn of_the_process() -> Self {
        let text = |value: std::ffi::OsString| value.into_string().ok();
        std::env::vars_os()
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The app's folder: where the host says, else the working directory.
    pub(crate) fn app_folder(&self) -> &Path {
        let root = self.get(ROOT).filter(|root| !root.is_empty());
        root.map_or(Path::new("."), Path::new)
    }

    /// The app's `host.json` with the overrides. A host without the file runs on its defaults.
    pub(crate) fn host_json(&self) -> Result<HostJson, HostJsonError> {
        let mut json = match HostJson::read(self.app_folder()) {
            Err(HostJsonError::Io { path, error }) if error.kind() == io::ErrorKind::NotFound => {
                HostJson::empty(&path)
            }
            read => read?,
        };
        json.override_from(self.iter());
        Ok(json)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
