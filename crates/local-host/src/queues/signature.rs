//! The signature of a request: `SharedKey` of the storage services.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::Method;
use sha2::Sha256;
use url::Url;

use super::connection::Connection;

/// What is signed beside the account.
pub(super) struct Signed<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) content_length: usize,
    pub(super) content_type: &'a str,
    /// The `x-ms-` headers, sorted by name.
    pub(super) headers: &'a [(&'static str, String)],
}

/// The value of `Authorization`; `None` for a key that cannot be one.
pub(super) fn authorization(connection: &Connection, signed: &Signed<'_>) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(&connection.key).ok()?;
    let text = text_to_sign(&connection.account, signed);
    let signature = STANDARD.encode(mac.chain_update(text).finalize().into_bytes());
    Some(format!("SharedKey {}:{signature}", connection.account))
}

fn text_to_sign(account: &str, signed: &Signed<'_>) -> String {
    let length = match signed.content_length {
        0 => String::new(),
        length => length.to_string(),
    };
    // Encoding, language, length, MD5, type, date, four conditions, range.
    let mut text = format!(
        "{}\n\n\n{length}\n\n{}\n\n\n\n\n\n\n",
        signed.method, signed.content_type
    );
    for (name, value) in signed.headers {
        text += &format!("{name}:{value}\n");
    }
    text += &format!("/{account}{}", signed.url.path());
    let mut query: Vec<_> = signed.url.query_pairs().collect();
    query.sort();
    for (name, value) in query {
        text += &format!("\n{name}:{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_has_the_parts_of_the_documentation() {
        let url = "http://127.0.0.1:10001/acct/q/messages/id?popreceipt=a%2Bb&visibilitytimeout=0"
            .parse()
            .unwrap();
        let signed = Signed {
            method: &Method::PUT,
            url: &url,
            content_length: 0,
            content_type: "",
            headers: &[
                ("x-ms-date", "D".to_owned()),
                ("x-ms-version", "V".to_owned()),
            ],
        };
        assert_eq!(
            text_to_sign("acct", &signed),
            "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:D\nx-ms-version:V\n/acct/acct/q/messages/id\npopreceipt:a+b\nvisibilitytimeout:0"
        );
    }
}
