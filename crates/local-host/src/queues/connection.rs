//! The connection of a queue trigger: a connection string of the storage emulator.
//!
//! Invariant: no text from here holds a value of the connection string, because it may be a key. Other queues than
//! the emulator's are not read: local-host would take messages from the app that runs in Azure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::settings::Environment;

/// The emulator's account and key are public: every emulator has the same.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const PORT: u16 = 10001;
/// The setting of a trigger that names none.
const DEFAULT_SETTING: &str = "Storage";

/// Where the queues are, and the key that signs requests.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) account: String,
    pub(super) key: Vec<u8>,
    /// Without a slash at the end.
    pub(super) endpoint: Url,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads the setting that a trigger names. As on a real host, its name may lack the `AzureWebJobs` in front.
    ///
    /// # Errors
    /// What is missing or wrong, and what to write.
    pub(super) fn of(name: Option<&str>, environment: &Environment) -> Result<Self, String> {
        let name = match name {
            None | Some("") => DEFAULT_SETTING.to_owned(),
            Some(name) => environment.resolve(name)?,
        };
        let setting = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let found = setting(&format!("AzureWebJobs{name}")).or_else(|| setting(&name));
        let Some(text) = found else {
            return Err(format!(
                "the setting '{name}', its connection, is missing. For the storage emulator add \
                 \"{name}\": \"UseDevelopmentStorage=true\" to the Values of local.settings.json."
            ));
        };
        Self::parse(text).map_err(|problem| format!("the setting '{name}': {problem}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Parts::default();
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part
                .split_once('=')
                .ok_or("expected a connection string, NAME=VALUE parts with ';' between them.")?;
            let slot = match name.trim().to_lowercase().as_str() {
                "usedevelopmentstorage" => &mut parts.development,
                "developmentstorageproxyuri" => &mut parts.proxy,
                "accountname" => &mut parts.account,
                "accountkey" => &mut parts.key,
                "queueendpoint" => &mut parts.endpoint,
                _ => continue,
            };
            *slot = Some(value.trim());
        }
        if parts
            .development
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            let mut endpoint = url(parts.proxy.unwrap_or("http://127.0.0.1"))?;
            // A URL with `http` takes any port.
            let _ = endpoint.set_port(Some(PORT));
            endpoint.set_path(ACCOUNT);
            return Self::new(ACCOUNT, KEY, endpoint);
        }
        let Some(endpoint) = parts.endpoint else {
            return Err(
                "it is an account of Azure, and local-host reads queues of the storage emulator only: \
                 UseDevelopmentStorage=true, or a connection string with a QueueEndpoint that begins with http://."
                    .to_owned(),
            );
        };
        let (Some(account), Some(key)) = (parts.account, parts.key) else {
            return Err("expected AccountName and AccountKey beside QueueEndpoint.".to_owned());
        };
        Self::new(account, key, url(endpoint)?)
    }

    fn new(account: &str, key: &str, endpoint: Url) -> Result<Self, String> {
        let key = STANDARD
            .decode(key)
            .map_err(|_| "AccountKey: expected base64.".to_owned())?;
        Ok(Self {
            account: account.to_owned(),
            key,
            endpoint,
        })
    }

    /// The address for the log.
    pub(super) fn address(&self) -> String {
        let port = self.endpoint.port_or_known_default().unwrap_or_default();
        format!(
            "http://{}:{port}",
            self.endpoint.host_str().unwrap_or_default()
        )
    }
}

#[derive(Default)]
struct Parts<'a> {
    development: Option<&'a str>,
    proxy: Option<&'a str>,
    account: Option<&'a str>,
    key: Option<&'a str>,
    endpoint: Option<&'a str>,
}

fn url(text: &str) -> Result<Url, String> {
    Url::parse(text.trim_end_matches('/'))
        .ok()
        .filter(|url| url.scheme() == "http" && url.has_host() && url.query().is_none())
        .ok_or_else(|| {
            "expected an address of the emulator such as http://127.0.0.1:10001/devstoreaccount1. local-host reads \
             no queue over https: it would take messages from the app that runs in Azure."
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: Option<&str>, settings: &[(&str, &str)]) -> Result<Connection, String> {
        Connection::of(name, &settings.iter().copied().collect())
    }

    #[test]
    fn the_emulator_is_found_by_each_form_of_its_connection_string() {
        let local = "http://127.0.0.1:10001/devstoreaccount1";
        for (text, endpoint) in [
            ("UseDevelopmentStorage=true", local),
            (
                "usedevelopmentstorage=True;DevelopmentStorageProxyUri=http://azurite",
                "http://azurite:10001/devstoreaccount1",
            ),
            (
                "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=aw==;QueueEndpoint=http://127.0.0.1:7/a/;",
                "http://127.0.0.1:7/a",
            ),
        ] {
            let found = of(Some("Q"), &[("Q", text)]).unwrap();
            assert_eq!(found.endpoint.as_str(), endpoint);
        }
    }

    #[test]
    fn the_setting_is_looked_for_as_on_a_real_host() {
        let emulator = "UseDevelopmentStorage=true";
        for (name, setting) in [
            (None, "AzureWebJobsStorage"),
            (Some(""), "AzureWebJobsStorage"),
            (Some("AzureWebJobsStorage"), "AzureWebJobsStorage"),
            (Some("Q"), "AzureWebJobsQ"),
            (Some("Q"), "Q"),
        ] {
            assert!(of(name, &[(setting, emulator)]).is_ok(), "{name:?}");
        }
        let missing = of(Some("Q"), &[("Q", "")]).unwrap_err();
        assert!(missing.contains("the setting 'Q', its connection, is missing"));
    }

    #[test]
    fn what_is_not_the_emulator_is_refused_without_a_value_of_the_string() {
        for (text, expected) in [
            ("secret", "expected a connection string"),
            (
                "AccountName=secret;AccountKey=secret",
                "it is an account of Azure",
            ),
            (
                "AccountName=a;AccountKey=aw==;QueueEndpoint=https://secret.queue.core.windows.net",
                "no queue over https",
            ),
            (
                "QueueEndpoint=http://secret",
                "expected AccountName and AccountKey",
            ),
            (
                "AccountName=a;AccountKey=secret!;QueueEndpoint=http://h",
                "AccountKey: expected base64",
            ),
        ] {
            let problem = of(Some("Q"), &[("Q", text)]).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
