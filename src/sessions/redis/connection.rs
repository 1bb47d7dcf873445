//! Where Redis is, and how the app proves who it is: the setting `RedisConnection`.
//!
//! Two forms are read: a URL, and what the Azure portal shows as the connection string of a cache, which is the form of
//! StackExchange.Redis. The redis crate reads the first one only, and its errors quote it; so the parsing is our own.
//! Invariant: no error and no `Debug` text holds a value, because any of them may be the password.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};
use url::Url;

const DEFAULT_PORT: u16 = 6379;
/// StackExchange.Redis's default for TLS. Azure Cache for Redis listens there.
const DEFAULT_TLS_PORT: u16 = 6380;

/// Options of StackExchange.Redis that say how that client behaves, and nothing about where Redis is.
const NOT_USED: [&str; 16] = [
    "abortConnect",
    "allowAdmin",
    "asyncTimeout",
    "checkCertificateRevocation",
    "connectRetry",
    "connectTimeout",
    "keepAlive",
    "name",
    "protocol",
    "resolveDns",
    "responseTimeout",
    "setlib",
    "sslProtocols",
    "syncTimeout",
    "tieBreaker",
    "version",
];

/// A Redis server and the credentials for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConnection {
    host: String,
    port: u16,
    tls: bool,
    user: Option<String>,
    password: Option<String>,
    database: u16,
}

/// What is wrong with a connection; the text names the part and never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RedisConnectionError(String);

impl RedisConnectionError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl RedisConnection {
    /// Reads a URL, `rediss://user:password@host:port/database` (`redis://` without TLS), or the connection string that the
    /// Azure portal shows, `host:port,password=…,ssl=True`. Everything but the host may be left out.
    ///
    /// # Errors
    /// When a part is unknown, missing, given twice or malformed.
    pub fn parse(text: &str) -> Result<Self, RedisConnectionError> {
        let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => Self::from_url(scheme, text),
            _ => Self::from_options(text),
        }
    }

    fn from_url(scheme: &str, text: &str) -> Result<Self, RedisConnectionError> {
        let tls = match scheme {
            scheme if scheme.eq_ignore_ascii_case("redis") => false,
            scheme if scheme.eq_ignore_ascii_case("rediss") => true,
            _ => {
                return Err(RedisConnectionError::new(
                    "the scheme of the URL is neither redis nor rediss",
                ));
            }
        };
        let url = Url::parse(text).map_err(|_| {
            RedisConnectionError::new(
                "it is not a valid URL; characters such as / ? # @ % in the password must be percent-encoded",
            )
        })?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| RedisConnectionError::new("the URL has no host"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RedisConnectionError::new(
                "the URL has a query or a fragment; is a ? or # of the password not percent-encoded?",
            ));
        }
        let database = url.path().trim_start_matches('/');
        let database = match database {
            "" => 0,
            text => database_number("the path of the URL", text)?,
        };
        Ok(Self {
            host: host_without_brackets(host).to_owned(),
            // The scheme is not one of those whose port the `url` crate knows.
            port: url.port().unwrap_or(DEFAULT_PORT),
            tls,
            user: decoded("the user of the URL", url.username())?,
            password: decoded(
                "the password of the URL",
                url.password().unwrap_or_default(),
            )?,
            database,
        })
    }

    fn from_options(text: &str) -> Result<Self, RedisConnectionError> {
        let mut endpoint = None;
        let mut options = Options::default();
        let parts = text.split(',').map(str::trim).enumerate();
        for (index, part) in parts.filter(|(_, part)| !part.is_empty()) {
            let place = index + 1;
            match part.split_once('=') {
                Some((name, value)) => options.set(place, name.trim(), value.trim())?,
                None if endpoint.is_none() => endpoint = Some(part),
                None => {
                    return Err(RedisConnectionError::new(format!(
                        "part {place} is a second host; one is used"
                    )));
                }
            }
        }
        let endpoint = endpoint.ok_or_else(|| {
            RedisConnectionError::new("the host is missing (the first part, host:port)")
        })?;
        let tls = match options.ssl {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err(RedisConnectionError::new("ssl is neither true nor false")),
        };
        let default_port = match tls {
            true => DEFAULT_TLS_PORT,
            false => DEFAULT_PORT,
        };
        let (host, port) = host_and_port(endpoint, default_port)?;
        let database = match options.database {
            Some(text) => database_number("defaultDatabase", text)?,
            None => 0,
        };
        Ok(Self {
            host,
            port,
            tls,
            user: options.user.map(str::to_owned),
            password: options.password.map(str::to_owned),
            database,
        })
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn database(&self) -> u16 {
        self.database
    }

    /// The address in the form of the redis crate. User, password and database are left out: the crate takes every error
    /// during a login for a wrong password, also that there are too many clients.
    pub(super) fn address(&self) -> Result<ConnectionInfo, RedisError> {
        let (host, port) = (self.host.clone(), self.port);
        let address = match self.tls {
            true => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            },
            false => ConnectionAddr::Tcp(host, port),
        };
        // Before Redis 7.2 each connection would begin with two errors.
        let plain = RedisConnectionInfo::default().set_skip_set_lib_name();
        Ok(address.into_connection_info()?.set_redis_settings(plain))
    }
}

#[derive(Default)]
struct Options<'a> {
    user: Option<&'a str>,
    password: Option<&'a str>,
    ssl: Option<&'a str>,
    ssl_host: Option<&'a str>,
    database: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn set(
        &mut self,
        place: usize,
        name: &str,
        value: &'a str,
    ) -> Result<(), RedisConnectionError> {
        let slots = [
            ("user", &mut self.user),
            ("password", &mut self.password),
            ("ssl", &mut self.ssl),
            ("sslHost", &mut self.ssl_host),
            ("defaultDatabase", &mut self.database),
        ];
        let slot = slots
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((known, slot)) = slot else {
            return match NOT_USED
                .iter()
                .any(|other| other.eq_ignore_ascii_case(name))
            {
                true => Ok(()),
                // A comma in a password ends it, so that what follows may be a part of the password.
                false => Err(RedisConnectionError::new(format!(
                    "part {place} has an unknown name"
                ))),
            };
        };
        match value {
            "" => Err(RedisConnectionError::new(format!("{known} has no value"))),
            _ if known == "sslHost" => Err(RedisConnectionError::new(
                "sslHost is not supported: the certificate must be one for the host itself",
            )),
            value if slot.replace(value).is_some() => {
                Err(RedisConnectionError::new(format!("{known} is given twice")))
            }
            _ => Ok(()),
        }
    }
}

fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), RedisConnectionError> {
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = host_without_brackets(host);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(RedisConnectionError::new(
            "the first part is not of the form host:port",
        ));
    }
    let port = match port {
        None => default_port,
        Some(port) => port.parse().map_err(|_| {
            RedisConnectionError::new("the port of the first part is not a number up to 65535")
        })?,
    };
    Ok((host.to_owned(), port))
}

fn host_without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host)
}

fn database_number(part: &str, text: &str) -> Result<u16, RedisConnectionError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| RedisConnectionError::new(format!("{part} is not the number of a database")))
}

fn decoded(part: &str, text: &str) -> Result<Option<String>, RedisConnectionError> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| RedisConnectionError::new(format!("{part} is not UTF-8")))?;
    Ok(Some(decoded.into_owned()).filter(|text| !text.is_empty()))
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection")
            .field("tls", &self.tls)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
