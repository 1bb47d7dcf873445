//! Whether a request is signed with the emulator's key.
//!
//! As in the service: `SharedKey` and `SharedKeyLite` for tables, over the date and the path as they were
//! sent. With this check, a wrong key fails before production. A shared access signature must be present and
//! is not verified: that would need the rights and times of every kind of signature, for an endpoint that
//! only a developer uses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use sha2::Sha256;

use super::ACCOUNT;

/// The key of the emulator's account. It is public: every emulator has the same.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Whether a request has a shared access signature, or is signed with the account's key.
pub(super) fn is_authorized(request: &Parts, has_signature: bool) -> bool {
    let Some(authorization) = text(&request.headers, &AUTHORIZATION) else {
        return has_signature;
    };
    let Some((scheme, credential)) = authorization.split_once(' ') else {
        return false;
    };
    let Some((ACCOUNT, signature)) = credential.split_once(':') else {
        return false;
    };
    let (Some(signed), Ok(signature)) = (signed_text(request, scheme), STANDARD.decode(signature))
    else {
        return false;
    };
    let Ok(key) = STANDARD.decode(KEY) else {
        return false;
    };
    Hmac::<Sha256>::new_from_slice(&key)
        .is_ok_and(|mac| mac.chain_update(signed).verify_slice(&signature).is_ok())
}

/// The text that a client signs; none for a scheme that does not exist.
fn signed_text(request: &Parts, scheme: &str) -> Option<String> {
    let header = |name: &HeaderName| text(&request.headers, name).unwrap_or_default();
    let date = match header(&HeaderName::from_static("x-ms-date")) {
        "" => header(&DATE),
        date => date,
    };
    // The account appears twice: the emulator has it in the path as well, the service in its host name.
    let resource = format!("/{ACCOUNT}{}", request.uri.path());
    let method = &request.method;
    let md5 = header(&HeaderName::from_static("content-md5"));
    let content_type = header(&CONTENT_TYPE);
    match scheme {
        "SharedKey" => Some(format!(
            "{method}\n{md5}\n{content_type}\n{date}\n{resource}"
        )),
        "SharedKeyLite" => Some(format!("{date}\n{resource}")),
        _ => None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
