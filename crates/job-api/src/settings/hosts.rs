//! Hosts as they stand in addresses, and the list of those that a request may bring into one.

use std::net::Ipv6Addr;

/// A host with an optional port, as after `https://`. The host is in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// `None` unless it is a name or an IP address with an optional port. User information, an empty name and
    /// every character that means something else in a URL are refused, because a client writes this text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':')?),
                };
                (format!("[{address}]"), port)
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                is_name(name).then(|| (name.to_owned(), port))?
            }
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// Labels of letters, digits, `-` and `_`. A dot at the end is allowed, as in DNS.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253
        && name
            .strip_suffix('.')
            .unwrap_or(name)
            .split('.')
            .all(is_label)
}

/// The hosts that may get into an address from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Pattern>);

/// One host, or with `*.` in front every host below it. Without a port every port is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    below: bool,
    authority: Authority,
}

impl AllowedHosts {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let pattern = |entry: &str| {
            let (below, host) = match entry.strip_prefix("*.") {
                Some(host) => (true, host),
                None => (false, entry),
            };
            let authority = Authority::parse(host)?;
            Some(Pattern { below, authority })
        };
        let patterns: Option<Vec<_>> = text.split(',').map(|entry| pattern(entry.trim())).collect();
        patterns.map(Self).ok_or(
            "expected host names with an optional port, separated by commas; *.example.com is every name below \
             example.com",
        )
    }

    pub(crate) fn contains(&self, authority: &Authority) -> bool {
        self.0.iter().any(|pattern| {
            let known = &pattern.authority;
            let host = match pattern.below {
                false => authority.host == known.host,
                true => authority
                    .host
                    .strip_suffix(&known.host)
                    .is_some_and(|rest| rest.ends_with('.')),
            };
            host && (known.port.is_none() || known.port == authority.port)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        for (text, expected) in [
            ("Api.Example.com", "api.example.com"),
            ("localhost:7071", "localhost:7071"),
            ("app_1.example.", "app_1.example."),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]", "[::1]"),
            ("[FD00::1]:7071", "[fd00::1]:7071"),
        ] {
            let found = Authority::parse(text).unwrap();
            assert_eq!(found.to_string(), expected);
        }
        for text in [
            "",
            ".",
            ":80",
            "a..b",
            "user@example.com",
            "example.com:",
            "example.com:+1",
            "example.com:65536",
            "example.com:80:80",
            "example.com/x",
            "example.com?x",
            "example.com#x",
            "example.com\\x",
            "example.com,evil.example",
            "exa mple.com",
            "\"><script>",
            "ex%61mple.com",
            "exämple.com",
            "[::1",
            "[::1]x",
            "[::1%25eth0]",
            "[example.com]",
            "::1",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_is_allowed_by_its_name_or_by_what_it_is_below() {
        let hosts = AllowedHosts::parse("api.example.com, *.example.net,box:7071").unwrap();
        for (host, expected) in [
            ("api.example.com", true),
            ("API.example.com:8443", true),
            ("example.com", false),
            ("evil-api.example.com", false),
            ("a.example.net", true),
            ("a.b.example.net", true),
            ("example.net", false),
            ("evilexample.net", false),
            ("box:7071", true),
            ("box", false),
            ("box:7072", false),
        ] {
            let allowed = hosts.contains(&Authority::parse(host).unwrap());
            assert_eq!(allowed, expected, "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["https://api.example.com", "a,", "*", "*.", "a b", "a/b"] {
            assert!(AllowedHosts::parse(text).is_err(), "{text}");
        }
    }
}
