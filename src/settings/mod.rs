//! Settings, read and checked once at the start from the environment.
//!
//! Invariant: a value of [`Settings`] is complete and valid, so that no setting can cause a failure after the start.
//! The host passes an app's settings (locally `Values` in local.settings.json) as environment variables.
//! docs/settings.md lists them all. There is a file here for each group of them.

mod jobs;
mod messages;
mod owners;
mod profile;
mod scratch;
mod sessions;
mod submit;

pub use job_api::settings::{
    AllowedHosts, HttpSettings, SettingError, SettingsError, StatusSettings, TrustedProxies,
};
pub use jobs::JobSettings;
pub use messages::{MalformedMessages, MessageSettings};
pub use owners::{AdminClaim, OwnerHeader, OwnerSettings};
pub use profile::CompatProfile;
pub use sessions::{SessionSettings, SessionTable, StoreKind};
pub use submit::SubmitSettings;

use std::time::Duration;

use functions_handler::time_for_functions;
use job_api::settings::{Reader, in_range, of_the_process};

use crate::{
    audit::AuditQuery,
    scratch::ScratchSettings,
    tables::{Connection, PropertyName, RetryPolicy, TableName, Timeouts},
};

/// For the groups.
mod reader {
    pub(super) use job_api::settings::{Reader, in_range, true_or_false};
}

const CONNECTION_EXAMPLE: &str = "DefaultEndpointsProtocol=https;AccountName=myaccount;AccountKey=<key>;EndpointSuffix=core.windows.net";

/// The settings of the function app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `AuditStorage`: where the audit table is.
    pub storage: Connection,
    /// `AuditTable`, `AuditCountColumn`, `AuditFilterColumn`, `QueryTimeoutSeconds`: what is counted, and how long.
    pub query: AuditQuery,
    /// `ScratchStorage`, `ScratchTable`: where the values of large jobs are kept until they are merged.
    pub scratch: ScratchSettings,
    /// How the app is reached.
    pub http: HttpSettings,
    /// Which published API the app stands in for.
    pub profile: CompatProfile,
    /// What a submission may ask for.
    pub submit: SubmitSettings,
    /// What clients are told of a job.
    pub status: StatusSettings,
    /// How long jobs may take.
    pub jobs: JobSettings,
    /// What becomes of messages that start no job.
    pub messages: MessageSettings,
    /// Where sessions are kept.
    pub sessions: SessionSettings,
    /// Whom the app believes about who calls.
    pub owners: OwnerSettings,
}

impl Settings {
    /// Reads the settings from the environment of the process.
    ///
    /// # Errors
    /// When a setting is missing or malformed; the error names all of them.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(of_the_process)
    }

    /// What is wrong with these settings under the host's `functionTimeout`. A scan with more time than its activity
    /// ends with the activity, and its failure does not say what to do.
    pub fn mistake_under(&self, function_timeout: Duration) -> Option<String> {
        let (scan, activity) = (self.query.deadline, time_for_functions(function_timeout));
        (scan > activity).then(|| {
            format!(
                "QueryTimeoutSeconds is {} seconds, but functionTimeout is {}, of which a function has {}: a scan of \
                 the table is cut off before QueryTimeoutSeconds has passed. Lower QueryTimeoutSeconds, or raise \
                 functionTimeout in host.json",
                scan.as_secs(),
                function_timeout.as_secs(),
                activity.as_secs()
            )
        })
    }

    /// Reads the settings from any source of values. An empty value is the same as none, as in the Azure portal.
    ///
    /// # Errors
    /// When a setting is missing or malformed; the error names all of them.
    pub fn read(source: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(source);
        let storage = reader.required("AuditStorage", CONNECTION_EXAMPLE, |text| {
            Connection::parse(text).map_err(|error| error.to_string())
        });
        let table = reader.or_default("AuditTable", "audit", |text| {
            TableName::parse(text)
                .ok_or("expected the name of a table (3 to 63 letters and digits, a letter first)")
        });
        let count_column = reader.or_default("AuditCountColumn", "identificationNumber", column);
        let filter_column = reader.or_default("AuditFilterColumn", "CertNumber", column);
        let query_timeout = reader.or_default("QueryTimeoutSeconds", "540", |text| {
            in_range(text, 1, 86_400).ok_or("expected a number of seconds from 1 to 86400")
        });
        let http = HttpSettings::read(&mut reader);
        let profile = CompatProfile::read(&mut reader);
        let submit = SubmitSettings::read(&mut reader);
        let status = StatusSettings::read(&mut reader, "5");
        let jobs = JobSettings::read(&mut reader);
        let messages = MessageSettings::read(&mut reader);
        let sessions = SessionSettings::read(&mut reader, (storage.as_ref(), table.as_ref()));
        let of_sessions = match &sessions.store {
            Some(StoreKind::Table(table)) => (Some(&table.storage), Some(&table.name)),
            _ => (None, None),
        };
        let of_audit = (storage.as_ref(), table.as_ref());
        let scratch = scratch::read(&mut reader, of_audit, of_sessions);
        let owners = OwnerSettings::read(&mut reader);

        let query = (|| {
            Some(AuditQuery {
                table: table?,
                count_column: count_column?,
                filter_column: filter_column?,
                timeouts: Timeouts::default(),
                retry: RetryPolicy::default(),
                deadline: Duration::from_secs(query_timeout?.into()),
            })
        })();
        let settings = (|| {
            Some(Self {
                storage: storage?,
                query: query?,
                scratch: scratch?,
                http: http?,
                profile: profile?,
                submit: submit?,
                status: status?,
                jobs: jobs?,
                messages: messages?,
                sessions,
                owners,
            })
        })();
        // Each missing value has an error.
        settings
            .filter(|_| reader.errors.is_empty())
            .ok_or(SettingsError(reader.errors))
    }
}

fn column(text: &str) -> Result<PropertyName, &'static str> {
    PropertyName::parse(text).ok_or(
        "expected the name of a table property (a letter or _, then letters, digits and _, at most 255)",
    )
}

#[cfg(test)]
impl Settings {
    /// What is said of this value of a setting.
    pub(crate) fn problem_for_test(name: &str, value: &str) -> String {
        let read = Self::read(|asked| match asked {
            asked if asked == name => Some(value.to_owned()),
            "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
            _ => None,
        });
        read.unwrap_err().to_string()
    }

    /// These settings, and those that are required.
    pub(crate) fn for_test(values: &[(&str, &str)]) -> Self {
        Self::read(|name| {
            let found = values.iter().find(|(known, _)| *known == name);
            let value = found.map(|(_, value)| (*value).to_owned());
            value.or_else(|| (name == "AuditStorage").then(|| "UseDevelopmentStorage=true".into()))
        })
        .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let found = values.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        })
    }

    fn problem(name: &str, value: &str) -> String {
        let error = read(&[
            ("AuditStorage", "UseDevelopmentStorage=true"),
            (name, value),
        ]);
        error.unwrap_err().to_string()
    }

    #[test]
    fn only_the_connection_is_required() {
        let settings = read(&[("AuditStorage", "UseDevelopmentStorage=true")]).unwrap();
        assert_eq!(settings.query.table.as_str(), "audit");
        assert_eq!(settings.query.count_column.as_str(), "identificationNumber");
        assert_eq!(settings.query.filter_column.as_str(), "CertNumber");
        assert_eq!(settings.query.deadline, Duration::from_secs(540));
        assert_eq!(settings.submit.max_span_days, 366);
        assert_eq!(settings.status.retry_after, Duration::from_secs(5));
        assert_eq!(settings.status.max_wait, Duration::from_secs(100));
        assert_eq!(settings.http.public_base_url, None);
        assert!(settings.http.trusted_proxies.is_empty());
        assert_eq!(settings.http.allowed_hosts, None);
        assert!(!settings.http.relative_location && !settings.http.expose_headers);
    }

    #[test]
    fn a_query_timeout_beyond_what_a_function_has_is_a_mistake_that_names_both_settings() {
        let settings = read(&[
            ("AuditStorage", "UseDevelopmentStorage=true"),
            ("QueryTimeoutSeconds", "270"),
        ])
        .unwrap();
        let mistake = |seconds| settings.mistake_under(Duration::from_secs(seconds));
        // Five minutes, less the half minute that is kept back for the answer.
        assert_eq!(mistake(300), None);
        let text = mistake(299).unwrap();
        for part in [
            "QueryTimeoutSeconds is 270 seconds",
            "functionTimeout is 299",
            "host.json",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn every_setting_is_read() {
        let settings = read(&[
            ("AuditStorage", "AccountName=myaccount;AccountKey=YWJj"),
            ("AuditTable", "events"),
            ("AuditCountColumn", "person"),
            ("AuditFilterColumn", "state"),
            ("MaxSpanDays", "31"),
            ("QueryTimeoutSeconds", "60"),
            ("RetryAfterSeconds", "20"),
            ("MaxWaitSeconds", "220"),
            ("PublicBaseUrl", "https://api.example.com/jobs/"),
            ("TrustedProxies", "10.0.0.1"),
            ("AllowedHosts", "api.example.com"),
            ("RelativeLocation", "true"),
            ("ExposeHeaders", "True"),
        ])
        .unwrap();
        assert_eq!(settings.query.table.as_str(), "events");
        assert_eq!(settings.query.count_column.as_str(), "person");
        assert_eq!(settings.query.filter_column.as_str(), "state");
        assert_eq!(settings.query.deadline, Duration::from_secs(60));
        assert_eq!(settings.submit.max_span_days, 31);
        assert_eq!(settings.status.retry_after, Duration::from_secs(20));
        assert_eq!(settings.status.max_wait, Duration::from_secs(220));
        assert_eq!(
            settings.http.public_base_url.as_deref(),
            Some("https://api.example.com/jobs")
        );
        let proxy = "10.0.0.1".parse().unwrap();
        assert!(settings.http.trusted_proxies.contains(proxy));
        assert!(settings.http.allowed_hosts.is_some());
        assert!(settings.http.relative_location && settings.http.expose_headers);
    }

    #[test]
    fn a_missing_setting_is_named_with_an_example() {
        for values in [&[][..], &[("AuditStorage", "  ")][..]] {
            assert_eq!(
                read(values).unwrap_err().to_string(),
                "Settings are missing or not valid:\n  AuditStorage: the setting is missing. Example: AuditStorage=DefaultEndpointsProtocol=https;AccountName=myaccount;AccountKey=<key>;EndpointSuffix=core.windows.net"
            );
        }
    }

    #[test]
    fn a_malformed_setting_is_named_with_an_example() {
        for (name, value, expected) in [
            (
                "AuditTable",
                "my-table",
                "AuditTable: expected the name of a table (3 to 63 letters and digits, a letter first). Example: AuditTable=audit",
            ),
            (
                "AuditCountColumn",
                "a b",
                "Example: AuditCountColumn=identificationNumber",
            ),
            (
                "AuditFilterColumn",
                "x' or 1 eq 1",
                "Example: AuditFilterColumn=CertNumber",
            ),
            (
                "MaxSpanDays",
                "0",
                "MaxSpanDays: expected a number of days from 1 to 3652059. Example: MaxSpanDays=366",
            ),
            ("MaxSpanDays", "+7", "MaxSpanDays: expected"),
            (
                "RetryAfterSeconds",
                "5.5",
                "RetryAfterSeconds: expected a number of seconds from 1 to 3600. Example: RetryAfterSeconds=5",
            ),
            ("RetryAfterSeconds", "-1", "RetryAfterSeconds: expected"),
            (
                "MaxWaitSeconds",
                "221",
                "MaxWaitSeconds: expected a number of seconds from 0 to 220. Example: MaxWaitSeconds=100",
            ),
            ("MaxWaitSeconds", "-1", "MaxWaitSeconds: expected"),
            (
                "PublicBaseUrl",
                "api.example.com",
                "PublicBaseUrl: expected an absolute http or https URL without query and fragment. Example: PublicBaseUrl=https://api.example.com/api",
            ),
            (
                "TrustedProxies",
                "proxy.example",
                "TrustedProxies: expected IP addresses and CIDR ranges, separated by commas. Example: TrustedProxies=10.0.0.0/24,203.0.113.7,fd00::/8",
            ),
            (
                "AllowedHosts",
                "https://api.example.com",
                "AllowedHosts: expected host names with an optional port, separated by commas; *.example.com is every name below example.com. Example: AllowedHosts=api.example.com,*.example.net",
            ),
            (
                "RelativeLocation",
                "yes",
                "RelativeLocation: expected true or false. Example: RelativeLocation=false",
            ),
            (
                "ExposeHeaders",
                "1",
                "ExposeHeaders: expected true or false. Example: ExposeHeaders=false",
            ),
            (
                "PublicBaseUrl",
                "https://u:p@example.com",
                "PublicBaseUrl: expected",
            ),
            (
                "PublicBaseUrl",
                "https://example.com/?code=x",
                "PublicBaseUrl: expected",
            ),
        ] {
            let text = problem(name, value);
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn all_problems_are_reported_and_no_value_is_shown() {
        let error = read(&[
            ("AuditStorage", "AccountName=myaccount;AccountKey=c2VjcmV0!"),
            ("AuditTable", "c2VjcmV0!"),
            ("MaxSpanDays", "c2VjcmV0!"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 3);
        assert!(!error.to_string().contains("c2VjcmV0"), "{error}");
        assert!(
            error
                .to_string()
                .contains("AuditStorage: AccountKey is not base64.")
        );
    }
}
