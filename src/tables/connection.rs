//! Storage connection strings, read for the table service.
//!
//! The SDK parses connection strings but builds no client from one, ignores `EndpointSuffix` and prints the whole
//! string in its errors; so the parsing is our own. Invariant: no error and no `Debug` text holds a value of the
//! string, because any of them may be a key: a mistyped name would otherwise carry the key into a log.

use std::fmt;

use azure_core::auth::Secret;
use azure_storage::{CloudLocation, StorageCredentials};
use base64::{Engine, prelude::BASE64_STANDARD};
use url::Url;

/// The emulator's account and key are public: every Azurite has the same.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_TABLE_PORT: u16 = 10002;

/// Names that a connection string may hold beside the ones read here; they belong to other services.
const OTHER_SERVICES: [&str; 7] = [
    "BlobEndpoint",
    "BlobSecondaryEndpoint",
    "QueueEndpoint",
    "QueueSecondaryEndpoint",
    "FileEndpoint",
    "FileSecondaryEndpoint",
    "TableSecondaryEndpoint",
];

/// Where the table service is and how the app proves who it is, as read from a connection string.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    account: String,
    endpoint: Url,
    credential: Credential,
}

#[derive(Clone, PartialEq, Eq)]
enum Credential {
    Emulator,
    AccountKey(String),
    SharedAccessSignature(String),
}

/// What is wrong with a connection string; the text names the part and never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionError(String);

impl ConnectionError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

#[derive(Default)]
struct Parts<'a> {
    account: Option<&'a str>,
    key: Option<&'a str>,
    signature: Option<&'a str>,
    protocol: Option<&'a str>,
    suffix: Option<&'a str>,
    table_endpoint: Option<&'a str>,
    development: Option<&'a str>,
    development_proxy: Option<&'a str>,
}

impl Connection {
    /// Reads a connection string: `UseDevelopmentStorage=true` for an emulator at 127.0.0.1:10002, or `AccountName`
    /// with `AccountKey` or `SharedAccessSignature` and optionally `EndpointSuffix`, `DefaultEndpointsProtocol` or
    /// `TableEndpoint`. Names are not case-sensitive; parts for other storage services are allowed and not used.
    ///
    /// # Errors
    /// When a part is unknown, missing, given twice or malformed.
    pub fn parse(text: &str) -> Result<Self, ConnectionError> {
        let parts = Parts::split(text)?;
        if let Some(development) = parts.development {
            if !development.eq_ignore_ascii_case("true") {
                return Err(ConnectionError::new(
                    "UseDevelopmentStorage can only be true; leave it out otherwise",
                ));
            }
            return Self::emulator(parts.development_proxy);
        }
        let credential = parts.credential()?;
        let account = match (parts.account, &credential) {
            (Some(account), _) => account.to_owned(),
            // A signature names what it is for; only a key needs the account in the signed text.
            (None, Credential::SharedAccessSignature(_)) if parts.table_endpoint.is_some() => {
                String::new()
            }
            (None, _) => return Err(ConnectionError::new("AccountName is missing")),
        };
        let endpoint = match parts.table_endpoint {
            Some(endpoint) => endpoint_url("TableEndpoint", endpoint)?,
            None => parts.public_endpoint(&account)?,
        };
        Ok(Self {
            account,
            endpoint,
            credential,
        })
    }

    fn emulator(proxy: Option<&str>) -> Result<Self, ConnectionError> {
        let mut endpoint = match proxy {
            Some(proxy) => endpoint_url("DevelopmentStorageProxyUri", proxy)?,
            None => endpoint_url("UseDevelopmentStorage", "http://127.0.0.1")?,
        };
        endpoint
            .set_port(Some(EMULATOR_TABLE_PORT))
            .map_err(|()| ConnectionError::new("DevelopmentStorageProxyUri is not a base URL"))?;
        endpoint.set_path(EMULATOR_ACCOUNT);
        Ok(Self {
            account: EMULATOR_ACCOUNT.to_owned(),
            endpoint,
            credential: Credential::Emulator,
        })
    }

    /// Whether both lead to the same account, whatever their credentials.
    pub(crate) fn is_same_account_as(&self, other: &Self) -> bool {
        let address = |it: &Self| it.endpoint.as_str().trim_end_matches('/').to_owned();
        address(self) == address(other)
    }

    /// The location in the SDK's form.
    pub(super) fn location(&self) -> CloudLocation {
        CloudLocation::Custom {
            account: self.account.clone(),
            // The SDK appends path segments to this, and answers 400 to a double slash.
            uri: self.endpoint.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// The credentials in the SDK's form.
    ///
    /// # Errors
    /// When the signature is not a query string; its text is not in the error.
    pub(super) fn credentials(&self) -> Result<StorageCredentials, ConnectionError> {
        Ok(match &self.credential {
            Credential::Emulator => StorageCredentials::emulator(),
            Credential::AccountKey(key) => {
                StorageCredentials::access_key(self.account.clone(), Secret::new(key.clone()))
            }
            Credential::SharedAccessSignature(signature) => {
                StorageCredentials::sas_token(signature).map_err(|_| signature_error())?
            }
        })
    }
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, ConnectionError> {
        let mut parts = Self::default();
        let pairs = text.split(';').enumerate();
        for (index, pair) in pairs.filter(|(_, pair)| !pair.trim().is_empty()) {
            let place = index + 1;
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                ConnectionError::new(format!("part {place} is not of the form Name=Value"))
            })?;
            let (name, value) = (name.trim(), value.trim());
            let Some((known, slot)) = parts.slot(name) else {
                if OTHER_SERVICES
                    .iter()
                    .any(|other| other.eq_ignore_ascii_case(name))
                {
                    continue;
                }
                return Err(ConnectionError::new(format!(
                    "part {place} has an unknown name"
                )));
            };
            if value.is_empty() {
                return Err(ConnectionError::new(format!("{known} has no value")));
            }
            if slot.replace(value).is_some() {
                return Err(ConnectionError::new(format!("{known} is given twice")));
            }
        }
        Ok(parts)
    }

    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<&'a str>)> {
        [
            ("AccountName", &mut self.account),
            ("AccountKey", &mut self.key),
            ("SharedAccessSignature", &mut self.signature),
            ("DefaultEndpointsProtocol", &mut self.protocol),
            ("EndpointSuffix", &mut self.suffix),
            ("TableEndpoint", &mut self.table_endpoint),
            ("UseDevelopmentStorage", &mut self.development),
            ("DevelopmentStorageProxyUri", &mut self.development_proxy),
        ]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn credential(&self) -> Result<Credential, ConnectionError> {
        match (self.key, self.signature) {
            (Some(key), None) => match BASE64_STANDARD.decode(key) {
                Ok(bytes) if !bytes.is_empty() => Ok(Credential::AccountKey(key.to_owned())),
                _ => Err(ConnectionError::new("AccountKey is not base64")),
            },
            (None, Some(signature)) => {
                let signature = signature.trim_start_matches('?');
                let signed = url::form_urlencoded::parse(signature.as_bytes())
                    .any(|(name, value)| name == "sig" && !value.is_empty());
                if signed {
                    Ok(Credential::SharedAccessSignature(signature.to_owned()))
                } else {
                    Err(signature_error())
                }
            }
            (Some(_), Some(_)) => Err(ConnectionError::new(
                "AccountKey and SharedAccessSignature are both given; give one",
            )),
            (None, None) => Err(ConnectionError::new(
                "AccountKey or SharedAccessSignature is missing",
            )),
        }
    }

    fn public_endpoint(&self, account: &str) -> Result<Url, ConnectionError> {
        let valid = (3..=24).contains(&account.len())
            && account
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !valid {
            return Err(ConnectionError::new(
                "AccountName is not the name of a storage account (3 to 24 lower-case letters and digits)",
            ));
        }
        let protocol = match self.protocol {
            None => "https",
            Some(protocol) if protocol.eq_ignore_ascii_case("https") => "https",
            Some(protocol) if protocol.eq_ignore_ascii_case("http") => "http",
            Some(_) => {
                return Err(ConnectionError::new(
                    "DefaultEndpointsProtocol is neither https nor http",
                ));
            }
        };
        let suffix = self.suffix.unwrap_or("core.windows.net");
        let plain = suffix
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
        if !plain {
            return Err(ConnectionError::new("EndpointSuffix is not a host name"));
        }
        endpoint_url(
            "EndpointSuffix",
            &format!("{protocol}://{account}.table.{suffix}"),
        )
    }
}

fn endpoint_url(name: &str, text: &str) -> Result<Url, ConnectionError> {
    let expected = || ConnectionError::new(format!("{name} is not an http or https URL"));
    let url = Url::parse(text).map_err(|_| expected())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(expected());
    }
    let extras = [
        url.query().is_some(),
        url.fragment().is_some(),
        !url.username().is_empty(),
        url.password().is_some(),
    ];
    if extras.contains(&true) {
        return Err(ConnectionError::new(format!(
            "{name} holds more than a scheme, a host, a port and a path; a signature belongs in SharedAccessSignature"
        )));
    }
    Ok(url)
}

fn signature_error() -> ConnectionError {
    ConnectionError::new("SharedAccessSignature is not a query string with a sig parameter")
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = match self.credential {
            Credential::Emulator => "emulator",
            Credential::AccountKey(_) => "account key",
            Credential::SharedAccessSignature(_) => "shared access signature",
        };
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint.as_str())
            .field("credential", &credential)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
