//! The `Host` header: whether it is well-formed, and for which names local-host answers.
//!
//! A web page can make its own host name point at 127.0.0.1 (DNS rebinding); to the browser, the app is then
//! part of that page's site. `Host` still has that name. So only names that nobody else can own are accepted:
//! those of the loopback interface, the address that local-host listens on, and names that the user has
//! allowed.

use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use std::net::IpAddr;

/// The names that a host answers for.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Whether every IP address is accepted, because the host listens on all of them. Unlike a name, an
    /// address cannot be made to point elsewhere.
    every_address: bool,
    address: Option<IpAddr>,
    /// In lower case.
    names: Vec<String>,
}

/// Why a request is refused for its `Host`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    /// There is none, or an empty one.
    #[error("the request has no Host header, or an empty one")]
    Missing,
    /// There are several.
    #[error("the request has several Host headers")]
    Several,
    /// It is not `host` or `host:port`.
    #[error("the Host header is not a host name with an optional port")]
    Malformed,
    /// It names another host.
    #[error("the Host header names '{0}'")]
    Foreign(String),
}

impl Hosts {
    /// Only the names of the loopback interface.
    #[must_use]
    pub(crate) fn loopback() -> Self {
        Self::default()
    }

    /// The names for a host that listens on `address`, and `more` names.
    #[must_use]
    pub fn listening_on(address: IpAddr, more: &[String]) -> Self {
        Self {
            every_address: address.is_unspecified(),
            address: Some(address),
            names: more.iter().map(|name| name.to_lowercase()).collect(),
        }
    }

    /// Checks the `Host` of a request.
    ///
    /// # Errors
    /// [`HostError`]; a real host answers the first three with 400, too.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), HostError> {
        let mut values = headers.get_all(HOST).iter();
        let Some(value) = values.next().filter(|value| !value.is_empty()) else {
            return Err(HostError::Missing);
        };
        if values.next().is_some() {
            return Err(HostError::Several);
        }
        let host = value.to_str().ok().and_then(host_of);
        let host = host.ok_or(HostError::Malformed)?;
        if self.answers_for(&host) {
            Ok(())
        } else {
            Err(HostError::Foreign(host))
        }
    }

    /// Whether an `Origin` has one of these names. The origin `null` has not.
    #[must_use]
    pub(crate) fn is_own_origin(&self, origin: &HeaderValue) -> bool {
        let text = origin.to_str().unwrap_or_default();
        text.strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))
            .and_then(host_of)
            .is_some_and(|host| self.answers_for(&host))
    }

    /// `host` is in lower case, an IPv6 address without its brackets.
    fn answers_for(&self, host: &str) -> bool {
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || self.every_address || self.address == Some(address);
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        name == "localhost"
            || name.ends_with(".localhost")
            || self.names.iter().any(|known| known == name)
    }
}

/// The host of `host`, `host:port` or `[address]:port`, in lower case.
fn host_of(text: &str) -> Option<String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (
                address,
                if rest.is_empty() {
                    ""
                } else {
                    rest.strip_prefix(':')?
                },
            )
        }
        None => {
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(c);
            if host.is_empty() || !host.chars().all(is_host) {
                return None;
            }
            (host, port)
        }
    };
    let is_port = port.is_empty()
        || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    is_port.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &Hosts, values: &[&str]) -> Result<(), HostError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HOST, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        hosts.check(&headers)
    }

    #[test]
    fn only_one_well_formed_host_is_taken() {
        let hosts = Hosts::loopback();
        for (values, error) in [
            (&[][..], HostError::Missing),
            (&[""], HostError::Missing),
            (&["localhost", "localhost"], HostError::Several),
            (&["local host"], HostError::Malformed),
            (&["localhost:x"], HostError::Malformed),
            (&["localhost:70000"], HostError::Malformed),
            (&["localhost:+1"], HostError::Malformed),
            (&[":7071"], HostError::Malformed),
            (&["user@localhost"], HostError::Malformed),
            (&["localhost/x"], HostError::Malformed),
            (&["[::1"], HostError::Malformed),
            (&["[::1]x"], HostError::Malformed),
            (&["[localhost]"], HostError::Malformed),
            (&["locälhost"], HostError::Malformed),
        ] {
            assert_eq!(check(&hosts, values), Err(error), "{values:?}");
        }
    }

    #[test]
    fn only_loopback_names_are_accepted() {
        let hosts = Hosts::loopback();
        for host in [
            "localhost",
            "LocalHost:7071",
            "localhost.",
            "localhost:",
            "app.localhost:80",
            "127.0.0.1:7071",
            "127.1.2.3",
            "[::1]:7071",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(check(&hosts, &[host]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "192.168.1.5",
            "[2001:db8::1]",
        ] {
            let refused = check(&hosts, &[host]);
            assert!(matches!(refused, Err(HostError::Foreign(_))), "{host}");
        }
    }

    #[test]
    fn an_address_to_listen_on_adds_its_own_and_all_addresses_add_no_name() {
        let on = |address: &str| Hosts::listening_on(address.parse().unwrap(), &["Box".to_owned()]);
        let one = on("192.168.1.5");
        assert_eq!(check(&one, &["192.168.1.5:7071"]), Ok(()));
        assert_eq!(check(&one, &["box:7071"]), Ok(()));
        assert!(check(&one, &["192.168.1.6"]).is_err());
        for all in [on("0.0.0.0"), on("::")] {
            assert_eq!(check(&all, &["192.168.1.6:7071"]), Ok(()));
            assert_eq!(check(&all, &["[2001:db8::1]"]), Ok(()));
            assert!(check(&all, &["evil.example"]).is_err());
        }
    }

    #[test]
    fn origins_are_own_under_the_same_names() {
        let own = |origin: &'static str| {
            Hosts::loopback().is_own_origin(&HeaderValue::from_static(origin))
        };
        assert!(own("http://localhost:5173") && own("https://127.0.0.1"));
        assert!(!own("null") && !own("http://evil.example") && !own("file://localhost"));
    }
}
