//! What the front end of Azure does to a request on its way to the host.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::SocketAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Appends the address of the client's connection to `X-Forwarded-For`, so that its last entry is the peer, whatever
/// the client has sent.
pub(super) fn append_peer(headers: &mut HeaderMap, peer: SocketAddr) {
    let mut value = Vec::new();
    for line in headers.get_all(&FORWARDED_FOR) {
        value.extend_from_slice(line.as_bytes());
        value.extend_from_slice(b", ");
    }
    value.extend_from_slice(peer.to_string().as_bytes());
    // All of it was a valid value before.
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        headers.insert(FORWARDED_FOR, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_the_last_entry_of_one_line() {
        let peer = "127.0.0.1:4711".parse().unwrap();
        let mut headers = HeaderMap::new();
        append_peer(&mut headers, peer);
        assert_eq!(headers[FORWARDED_FOR], "127.0.0.1:4711");
        headers.append(FORWARDED_FOR, "10.0.0.1, 10.0.0.2".parse().unwrap());
        append_peer(&mut headers, "[::1]:1".parse().unwrap());
        assert_eq!(headers.get_all(FORWARDED_FOR).iter().count(), 1);
        assert_eq!(
            headers[FORWARDED_FOR],
            "127.0.0.1:4711, 10.0.0.1, 10.0.0.2, [::1]:1"
        );
    }
}
