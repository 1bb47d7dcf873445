//! Hides credentials in a text, as a real host does: from a name such as `AccountKey=` to the next
//! `<`, `"` or `'`.
//!
//! The names are those of the newest host; older ones look for fewer. Some versions also hide URLs
//! with a password, each with a rule of its own; here they stay.
//!
//! It hides what is easy to recognise. It does not make a log safe: a key without a name in front of it
//! stays.

use std::borrow::Cow;

const HIDDEN: &str = "[Hidden Credential]";

/// Compared without case.
const NAMES: &[&str] = &[
    "token=",
    "defaultendpointsprotocol=http",
    "accountkey=",
    "data source=",
    "server=",
    "password=",
    "pwd=",
    "&amp;sig=",
    "&sig=",
    "?sig=",
    "sharedaccesskey=",
    "&amp;code=",
    "&code=",
    "?code=",
    "/code=",
    "key=",
];

/// Part of the name of a .NET assembly, and no credential.
const HARMLESS: &str = "PublicKeyToken=";
/// Of the same length, and part of none of the names.
const MASK: &str = "###############";

/// The text with `[Hidden Credential]` in place of what looks like a credential.
///
/// For the texts of failures in a log. What follows on the same line is hidden as well, up to a quote or
/// a `<`: hide a text before it is put in front of others.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    // Every name contains it.
    if !text.contains('=') {
        return Cow::Borrowed(text);
    }
    let lower = text.to_ascii_lowercase();
    let mut text = Cow::Borrowed(text);
    for name in NAMES.iter().filter(|name| lower.contains(**name)) {
        if let Some(hidden) = without(name, &text) {
            text = Cow::Owned(hidden);
        }
    }
    text
}

fn without(name: &str, text: &str) -> Option<String> {
    // The same length in bytes as the text, so that positions are the same.
    let mut searched = text.replace(HARMLESS, MASK);
    searched.make_ascii_lowercase();
    let mut hidden = String::new();
    let mut copied = 0;
    while let Some(found) = searched.get(copied..).and_then(|rest| rest.find(name)) {
        let start = copied + found;
        hidden.push_str(text.get(copied..start)?);
        hidden.push_str(HIDDEN);
        copied = text
            .get(start..)?
            .find(['<', '"', '\''])
            .map_or(text.len(), |end| start + end);
    }
    if hidden.is_empty() {
        return None;
    }
    hidden.push_str(text.get(copied..)?);
    Some(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_up_to_a_quote_or_a_bracket() {
        for (text, expected) in [
            ("nothing", "nothing"),
            ("a=b; Käse", "a=b; Käse"),
            ("Busy: AccountKey=abc; x", "Busy: [Hidden Credential]"),
            (
                "accountkey=a 'b' PWD=c <d",
                "[Hidden Credential]'b' [Hidden Credential]<d",
            ),
            (
                "Password=Ä\"Password=Ö",
                "[Hidden Credential]\"[Hidden Credential]",
            ),
            ("PublicKeyToken=31bf", "PublicKeyToken=31bf"),
            ("Token=31bf", "[Hidden Credential]"),
            (
                "https://h/?a=1&sig=2#3",
                "https://h/?a=1[Hidden Credential]",
            ),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }
}
