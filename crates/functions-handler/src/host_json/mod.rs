//! `functionTimeout`, from where the host takes it: the environment, then `host.json`, then its
//! defaults. Of `host.json` nothing else is of interest here.

mod time_span;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonc_parser::{JsonValue, ParseOptions, parse_to_value};

/// The host's setting that overrides the file, with `__` for `:`. Compared without case, as .NET
/// does.
const OVERRIDE: &str = "AzureFunctionsJobHost:functionTimeout";
/// Where the app is; the host sets it.
const ROOT: &str = "FUNCTIONS_APP_ROOT_PATH";
const SKU: &str = "WEBSITE_SKU";

const DEFAULT: Duration = Duration::from_secs(30 * 60);
/// On the Consumption plan.
const DEFAULT_DYNAMIC: Duration = Duration::from_secs(5 * 60);
/// A host refuses less.
const SHORTEST: Duration = Duration::from_secs(1);

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

    fn get(&self, name: &str) -> Option<&str> {
        let wanted = |key: &str| key.replace("__", ":").eq_ignore_ascii_case(name);
        let (_, value) = self.0.iter().find(|(key, _)| wanted(key))?;
        Some(value)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// Why `functionTimeout` is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{} cannot be read: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is not JSON: {error}", .path.display())]
    Json { path: PathBuf, error: String },
    #[error("{} is not a JSON object", .path.display())]
    NotAnObject { path: PathBuf },
    #[error(
        "{place} is `{value}`, expected a time of at least 1 second such as \"00:10:00\" \
         (hours, minutes, seconds) or \"1.00:00:00\" (with days), or -1 for no limit"
    )]
    Value { place: String, value: String },
}

/// The time that the host gives an invocation; `None` is no limit.
///
/// What cannot be read costs a warning, not the start. The host that runs this handler has started
/// with it, so it has understood what we have not; an end here would be a crash loop, a wrong guess
/// costs only this protection.
pub(crate) fn function_timeout(environment: &Environment) -> Option<Duration> {
    match read(environment, Path::new(".")) {
        Ok(timeout) => timeout,
        Err(problem) => {
            let default = default(environment);
            tracing::warn!("{problem}; functionTimeout is taken to be the default, {default:?}");
            Some(default)
        }
    }
}

fn default(environment: &Environment) -> Duration {
    match environment.get(SKU) {
        Some(sku) if sku.eq_ignore_ascii_case("Dynamic") => DEFAULT_DYNAMIC,
        _ => DEFAULT,
    }
}

fn read(environment: &Environment, working_directory: &Path) -> Result<Option<Duration>, Problem> {
    let (place, value) = match environment.get(OVERRIDE) {
        Some(value) => (OVERRIDE.replace(':', "__"), value.to_owned()),
        None => {
            let root = environment.get(ROOT).filter(|root| !root.is_empty());
            let path = root.map_or(working_directory, Path::new).join("host.json");
            let Some(value) = in_file(&path)? else {
                return Ok(Some(default(environment)));
            };
            (format!("functionTimeout in {}", path.display()), value)
        }
    };
    match value.trim() {
        "" => Ok(Some(default(environment))),
        "-1" => Ok(None),
        text => time_span::parse(text)
            .filter(|timeout| *timeout >= SHORTEST)
            .map(Some)
            .ok_or(Problem::Value { place, value }),
    }
}

/// The text of `functionTimeout` in the file. A host without the file runs on defaults.
fn in_file(path: &Path) -> Result<Option<String>, Problem> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let path = path.to_owned();
            return Err(Problem::Io { path, error });
        }
    };
    // A host reads comments, trailing commas and single quotes, too.
    let json = parse_to_value(
        text.strip_prefix('\u{feff}').unwrap_or(&text),
        &ParseOptions::default(),
    )
    .map_err(|error| Problem::Json {
        path: path.to_owned(),
        error: error.to_string(),
    })?;
    let Some(JsonValue::Object(members)) = json else {
        let path = path.to_owned();
        return Err(Problem::NotAnObject { path });
    };
    let value = members
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("functionTimeout"))
        .map(|(_, value)| value);
    Ok(match value {
        None | Some(JsonValue::Null) => None,
        Some(JsonValue::String(text)) => Some(text.into_owned()),
        Some(JsonValue::Number(number)) => Some(number.to_owned()),
        Some(other) => Some(format!("{other:?}")),
    })
}

#[cfg(test)]
mod tests;
