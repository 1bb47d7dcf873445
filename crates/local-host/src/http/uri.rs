//! Paths: decoding as Kestrel does, encoding as ASP.NET does.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 allows in a path.
const NOT_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Decodes the escapes of a path except `%2F`, and removes its dot segments. Escapes that are not
/// UTF-8 stay as written.
pub(super) fn decode_path(raw: &str) -> String {
    let decoded = decode(raw, |byte| byte != b'/');
    remove_dot_segments(&decoded)
}

/// Decodes a query component: `+` is a blank, broken escapes stay as written.
pub(crate) fn decode_component(raw: &str) -> String {
    decode(&raw.replace('+', " "), |_| true)
}

/// Escapes the characters that are not allowed in a path. Escapes that are already there stay.
pub(super) fn encode_path(path: &str) -> String {
    let mut out = String::new();
    for (index, part) in path.split('%').enumerate() {
        if index > 0 {
            out.push_str(if escaped_byte(part).is_some() {
                "%"
            } else {
                "%25"
            });
        }
        out.extend(utf8_percent_encode(part, NOT_IN_A_PATH));
    }
    out
}

/// Not with the crate, which decodes every escape: a real host keeps those that are not UTF-8.
fn decode(raw: &str, wanted: impl Fn(u8) -> bool) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let mut run = Vec::new();
        let mut after = rest;
        while let Some(byte) = after
            .strip_prefix('%')
            .and_then(escaped_byte)
            .filter(|byte| wanted(*byte))
        {
            run.push(byte);
            after = after.get(3..).unwrap_or_default();
        }
        match std::str::from_utf8(&run) {
            Ok(text) if !run.is_empty() => {
                out.push_str(text);
                rest = after;
            }
            // A run that is not UTF-8 is kept as written.
            Err(_) => {
                out.push_str(rest.get(..rest.len() - after.len()).unwrap_or_default());
                rest = after;
            }
            Ok(_) => {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(rest.get(..length).unwrap_or_default());
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
    out
}

/// The byte of an escape, from the text behind its `%`.
fn escaped_byte(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

fn remove_dot_segments(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path.split('/').skip(1) {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    if ends_in_folder {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_encoded_as_a_real_host_does() {
        for (raw, decoded, encoded) in [
            ("/a%2Fb", "/a%2Fb", "/a%2Fb"),
            ("/a%252Fb", "/a%2Fb", "/a%2Fb"),
            ("/x%20y%C3%A9+z", "/x yé+z", "/x%20y%C3%A9+z"),
            ("/%7B%22a%22%3A1%7D", "/{\"a\":1}", "/%7B%22a%22:1%7D"),
            ("/a%FFb", "/a%FFb", "/a%FFb"),
            ("/a/./b/../c/..", "/a/", "/a/"),
            ("/100%", "/100%", "/100%25"),
            (
                "/-._~!$&'()*+,;=:@\"<>^`|é",
                "/-._~!$&'()*+,;=:@\"<>^`|é",
                "/-._~!$&'()*+,;=:@%22%3C%3E%5E%60%7C%C3%A9",
            ),
        ] {
            assert_eq!(decode_path(raw), decoded);
            assert_eq!(encode_path(decoded), encoded);
        }
    }

    #[test]
    fn components_keep_broken_escapes() {
        assert_eq!(decode_component("%zz+%2B%C3%A9%"), "%zz +é%");
        assert_eq!(decode_component("%E9"), "%E9");
    }
}
