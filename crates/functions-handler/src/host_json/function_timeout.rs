//! `functionTimeout`, with the host's defaults and limits.

use std::time::Duration;

use super::{Environment, HostJson, HostJsonError, parse_time_span};

const KEY: &str = "functionTimeout";
const SKU: &str = "WEBSITE_SKU";

const DEFAULT: Duration = Duration::from_secs(30 * 60);
/// On the Consumption plan.
const DEFAULT_DYNAMIC: Duration = Duration::from_secs(5 * 60);
/// On the Consumption plan.
const LONGEST_DYNAMIC: Duration = Duration::from_secs(10 * 60);
/// A host refuses less.
const SHORTEST: Duration = Duration::from_secs(1);
/// To .NET "-1" is an ordinary time span: minus one day.
const DAY: Duration = Duration::from_secs(86_400);

impl HostJson {
    /// The time that the host gives an invocation; `None` is no limit. `website_sku` is the value of
    /// the variable `WEBSITE_SKU`, by which a host knows its plan.
    ///
    /// Without a value it is 30 minutes, or 5 on the Consumption plan (`Dynamic`; not on Flex
    /// Consumption, Premium or Dedicated).
    ///
    /// The recordings of a real host settle `HH:MM:SS` and -1. The other forms follow its source
    /// (`ScriptJobHostOptionsSetup`, a nullable `TimeSpan` that .NET's configuration binds):
    ///
    /// - Everything that `TimeSpan.Parse` reads: `7` are days, `1:02:03:04` is one day and some
    ///   hours. A plus sign is an error.
    /// - Empty and `null` are as good as absent.
    /// - Minus one day in any form is -1.
    /// - On the Consumption plan there is no -1, and 10 minutes are the most.
    ///
    /// # Errors
    /// A value with which a host does not start.
    pub fn function_timeout(
        &self,
        website_sku: Option<&str>,
    ) -> Result<Option<Duration>, HostJsonError> {
        let dynamic = is_dynamic(website_sku);
        let Some(setting) = self.setting(KEY).filter(|it| !it.value.is_empty()) else {
            return Ok(Some(default(website_sku)));
        };
        let text = setting.value.trim();
        if !dynamic && text.strip_prefix('-').and_then(parse_time_span) == Some(DAY) {
            return Ok(None);
        }
        let longest = if dynamic {
            LONGEST_DYNAMIC
        } else {
            Duration::MAX
        };
        match parse_time_span(text) {
            Some(timeout) if (SHORTEST..=longest).contains(&timeout) => Ok(Some(timeout)),
            _ => Err(self.value_error(setting, expected(dynamic).to_owned())),
        }
    }
}

fn is_dynamic(website_sku: Option<&str>) -> bool {
    website_sku.is_some_and(|sku| sku.eq_ignore_ascii_case("Dynamic"))
}

fn default(website_sku: Option<&str>) -> Duration {
    if is_dynamic(website_sku) {
        DEFAULT_DYNAMIC
    } else {
        DEFAULT
    }
}

fn expected(dynamic: bool) -> &'static str {
    if dynamic {
        "a time from 1 second to 10 minutes (the most on the Consumption plan) such as \"00:05:00\" \
         (hours, minutes, seconds)"
    } else {
        "a time of at least 1 second such as \"00:10:00\" (hours, minutes, seconds) or \
         \"1.00:00:00\" (with days), or -1 for no limit"
    }
}

/// The time that the host gives an invocation, from where the host of this process takes it: the
/// variable `AzureFunctionsJobHost__functionTimeout`, else `host.json` in `FUNCTIONS_APP_ROOT_PATH`
/// (without it, in the working directory), else the default of the plan. `None` is no limit. See
/// [`HostJson::function_timeout`].
///
/// # Errors
/// A file or a value with which a host does not start.
pub fn function_timeout_of_this_process() -> Result<Option<Duration>, HostJsonError> {
    read(&Environment::of_the_process())
}

fn read(environment: &Environment) -> Result<Option<Duration>, HostJsonError> {
    environment
        .host_json()?
        .function_timeout(environment.get(SKU))
}

/// The same, without errors.
///
/// A value that cannot be read is logged as a warning. The host that runs this handler has started with
/// it, so it has understood a form that this crate does not know. An error here would make the host
/// start the handler again and again; a wrong default only costs the protection by deadlines.
pub(crate) fn function_timeout(environment: &Environment) -> Option<Duration> {
    read(environment).unwrap_or_else(|problem| {
        let default = default(environment.get(SKU));
        tracing::warn!("{problem}; functionTimeout is taken to be the default, {default:?}");
        Some(default)
    })
}

#[cfg(test)]
mod tests;
