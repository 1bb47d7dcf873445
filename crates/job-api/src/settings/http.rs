//! How the app is reached, and whom it believes about that.

use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::{
    SettingsError,
    hosts::AllowedHosts,
    of_the_process,
    reader::{Reader, true_or_false},
};

/// The settings of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// `PublicBaseUrl`: the address under which clients reach the functions, up to and with the route prefix and
    /// without a slash at the end. `None`: as in the request that is answered.
    pub public_base_url: Option<String>,
    /// `TrustedProxies`: the proxies whose `X-Forwarded-*` headers are believed. None by default.
    pub trusted_proxies: TrustedProxies,
    /// `AllowedHosts`: the hosts that may get into an address from a request. `None`: every one.
    pub allowed_hosts: Option<AllowedHosts>,
    /// `RelativeLocation`: whether addresses are paths without scheme and host.
    pub relative_location: bool,
    /// `ExposeHeaders`: whether pages of other sites may read the headers of an answer.
    pub expose_headers: bool,
}

impl HttpSettings {
    /// Reads these settings alone from the environment of the process.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        let mut reader = Reader::new(of_the_process);
        Self::read(&mut reader)
            .filter(|_| reader.errors.is_empty())
            .ok_or(SettingsError(reader.errors))
    }

    /// Reads them beside others. `None` when one is malformed.
    pub fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let public_base_url =
            reader.optional("PublicBaseUrl", "https://api.example.com/api", base_url);
        let trusted_proxies = reader
            .optional(
                "TrustedProxies",
                "10.0.0.0/24,203.0.113.7,fd00::/8",
                TrustedProxies::parse,
            )
            .unwrap_or_default();
        let allowed_hosts = reader.optional(
            "AllowedHosts",
            "api.example.com,*.example.net",
            AllowedHosts::parse,
        );
        let relative_location = reader.or_default("RelativeLocation", "false", true_or_false);
        let expose_headers = reader.or_default("ExposeHeaders", "false", true_or_false);
        Some(Self {
            public_base_url,
            trusted_proxies,
            allowed_hosts,
            relative_location: relative_location?,
            expose_headers: expose_headers?,
        })
    }
}

fn base_url(text: &str) -> Result<String, &'static str> {
    let expected = "expected an absolute http or https URL without query and fragment";
    let url = Url::parse(text).map_err(|_| expected)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(expected)
    }
}

/// IP addresses, single ones and ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let range = |entry: &str| {
            let single = || entry.parse::<IpAddr>().map(IpNet::from).ok();
            entry.parse::<IpNet>().ok().or_else(single)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(|entry| range(entry.trim())).collect();
        ranges
            .map(Self)
            .ok_or("expected IP addresses and CIDR ranges, separated by commas")
    }

    /// Whether the address is that of a trusted proxy. An IPv4 address that is written as an IPv6 address is the
    /// IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Whether no proxy is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_trusted_by_its_address_or_its_range() {
        let proxies = TrustedProxies::parse("10.0.0.0/24, 203.0.113.7,fd00::/8 ,::1").unwrap();
        for (address, expected) in [
            ("10.0.0.255", true),
            ("10.0.1.0", false),
            ("203.0.113.7", true),
            ("203.0.113.8", false),
            ("::ffff:10.0.0.1", true),
            ("fd12::1", true),
            ("fe80::1", false),
            ("::1", true),
            ("127.0.0.1", false),
        ] {
            let trusted = proxies.contains(address.parse().unwrap());
            assert_eq!(trusted, expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["10.0.0.0/33", "10.0.0", "proxy.example", "10.0.0.1,", "*"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
    }
}
