//! What a proxy says of the client's request: `X-Forwarded-Proto`, `X-Forwarded-Host`, `X-Forwarded-Prefix`.
//!
//! Any client can send these headers. They count only when the nearest peer is one of `TrustedProxies`. A handler does
//! not see that peer: the front end of Azure appends its address to `X-Forwarded-For`, so it is the last one there.
//! Without such a front end the client itself writes the last one, and `TrustedProxies` must be empty.
//!
//! The addresses are walked from the right, as ASP.NET's `ForwardedHeaders` does: each trusted one is a proxy that
//! has given one value of each header. The header `Forwarded` of RFC 7239 is not read: proxies that know only
//! `X-Forwarded-*` pass it on as the client wrote it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::settings::{Authority, TrustedProxies};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What the outermost trusted proxy says. A value that is not well-formed is left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    pub(super) scheme: Option<&'static str>,
    /// `Err` for a host that is none.
    pub(super) host: Option<Result<Authority, ()>>,
    /// A path with a slash in front and none at the end, or nothing.
    pub(super) prefix: String,
}

impl Forwarded {
    pub(super) fn read(headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        if trusted.is_empty() {
            return Self::default();
        }
        let hops = values(headers, &FOR)
            .iter()
            .rev()
            .take_while(|peer| address(peer).is_some_and(|address| trusted.contains(address)))
            .count();
        let said = |name| outermost(&values(headers, name), hops);
        Self {
            scheme: said(&PROTO).and_then(scheme),
            host: said(&HOST).map(|host| Authority::parse(host).ok_or(())),
            prefix: said(&PREFIX).and_then(prefix).unwrap_or_default(),
        }
    }
}

/// All values of a list, which may be on several lines.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter();
    // A line that is not ASCII is one value that means nothing.
    lines
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect()
}

/// The value of the last of these hops. A proxy that does not append replaces the list, which is then shorter.
fn outermost<'a>(values: &[&'a str], hops: usize) -> Option<&'a str> {
    values.iter().rev().take(hops).next_back().copied()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || {
        let inner = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        inner.unwrap_or(text).parse().ok()
    };
    text.parse::<SocketAddr>()
        .map(|peer| peer.ip())
        .ok()
        .or_else(bare)
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text))
}

/// A path of segments that a URL can hold as they are.
fn prefix(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=:@".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    let path = text.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').all(is_segment).then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{HttpSettings, Reader};

    /// `scheme host prefix`, `-` for what is not given and `!` for a host that is none.
    fn read(trusted: &str, headers: &[(&'static str, &str)]) -> String {
        let mut reader =
            Reader::new(|name: &str| (name == "TrustedProxies").then(|| trusted.to_owned()));
        let settings = HttpSettings::read(&mut reader).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let found = Forwarded::read(&map, &settings.trusted_proxies);
        let host = match found.host {
            None => "-".to_owned(),
            Some(Err(())) => "!".to_owned(),
            Some(Ok(host)) => host.to_string(),
        };
        let scheme = found.scheme.unwrap_or("-");
        let prefix = if found.prefix.is_empty() {
            "-"
        } else {
            &found.prefix
        };
        format!("{scheme} {host} {prefix}")
    }

    const NOTHING: &str = "- - -";

    fn said(peers: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("x-forwarded-for", peers),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "public.example"),
            ("x-forwarded-prefix", "/tickets/v1"),
        ]
    }

    #[test]
    fn headers_count_only_when_the_nearest_peer_is_trusted() {
        let all = "https public.example /tickets/v1";
        for (peers, expected) in [
            ("10.0.0.1", all),
            ("10.0.0.1:4711", all),
            ("203.0.113.9, 10.0.0.1", all),
            ("[fd00::1]:4711", all),
            ("[fd00::1]", all),
            ("fd00::1", all),
            ("[::ffff:10.0.0.1]:4711", all),
            // A client that names a proxy does not become one.
            ("10.0.0.1, 203.0.113.9", NOTHING),
            ("203.0.113.9", NOTHING),
            ("", NOTHING),
            ("10.0.0.1,", NOTHING),
            ("unknown", NOTHING),
            ("10.0.0.1 10.0.0.1", NOTHING),
        ] {
            let found = read("10.0.0.0/8,fd00::/8", &said(peers));
            assert_eq!(found, expected, "{peers}");
        }
        assert_eq!(read("", &said("10.0.0.1")), NOTHING);
        assert_eq!(read("10.0.0.0/8", &said("10.0.0.1")[1..]), NOTHING);
    }

    #[test]
    fn each_trusted_hop_stands_for_one_value() {
        let headers = |peers| {
            [
                ("x-forwarded-for", peers),
                ("x-forwarded-host", "evil.example, outer.example"),
                ("x-forwarded-host", "inner.example"),
                ("x-forwarded-proto", "https"),
            ]
        };
        let found = |peers| read("10.0.0.0/8", &headers(peers));
        assert_eq!(found("203.0.113.9, 10.0.0.1"), "https inner.example -");
        assert_eq!(
            found("203.0.113.9, 10.0.0.2, 10.0.0.1"),
            "https outer.example -"
        );
        // The client has written the first address, and the first host.
        assert_eq!(
            found("10.0.0.9, 203.0.113.9, 10.0.0.2, 10.0.0.1"),
            "https outer.example -"
        );
    }

    #[test]
    fn a_value_that_is_not_well_formed_is_left_out() {
        for (name, value, expected) in [
            ("x-forwarded-proto", "javascript", NOTHING),
            ("x-forwarded-proto", "HTTPS", "https - -"),
            ("x-forwarded-host", "user@evil.example", "- ! -"),
            ("x-forwarded-host", "", "- ! -"),
            ("x-forwarded-host", "a/b", "- ! -"),
            ("x-forwarded-prefix", "tickets", NOTHING),
            ("x-forwarded-prefix", "/", NOTHING),
            ("x-forwarded-prefix", "//evil.example", NOTHING),
            ("x-forwarded-prefix", "/../x", NOTHING),
            ("x-forwarded-prefix", "/a?b", NOTHING),
            ("x-forwarded-prefix", "/a#b", NOTHING),
            ("x-forwarded-prefix", "/a b", NOTHING),
            ("x-forwarded-prefix", "/%2e%2e", NOTHING),
            ("x-forwarded-prefix", "/a/", "- - /a"),
        ] {
            let headers = [("x-forwarded-for", "10.0.0.1"), (name, value)];
            assert_eq!(read("10.0.0.1", &headers), expected, "{name}: {value}");
        }
    }
}
