//! U+FFFE and U+FFFF, the two characters that no text may bring to the host.
//!
//! The extension's messages travel through storage queues as XML, which has no such characters, and
//! the queue service refuses a message that holds one. Then the work behind it is done again and
//! again, and all instances of the task hub slow down to one turn in ten seconds. (With
//! `"queueClientMessageEncoding": "Base64"` in host.json's `storageProvider` they are harmless; an app
//! that lacks it must not take its hub down.)
//!
//! A worker lets whatever it hands to the host pass here. In JSON they become escapes, which mean the
//! same. A name or an id that holds one is refused, while the caller can still correct it. In a text for
//! people, where refusing would lose a failure, they become U+FFFD.

use std::borrow::Cow;

use serde::Serialize;

/// In UTF-8 EF BF BE and EF BF BF.
const NONCHARS: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// The error of [`check`].
const REASON: &str =
    "it must not contain U+FFFE or U+FFFF, which take down a task hub in Azure Storage";

/// Writes a value as JSON for the host.
///
/// # Errors
/// The value's `Serialize` failed, or a map has keys that JSON cannot have.
pub fn to_json(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escaped)
}

/// JSON text with the escapes in place of the characters.
fn escaped(json: String) -> String {
    if !are_in(&json) {
        return json;
    }
    // In JSON they stand inside strings only, and never behind a backslash.
    json.replace('\u{fffe}', "\\ufffe")
        .replace('\u{ffff}', "\\uffff")
}

/// A text that is no JSON and must not fail, with U+FFFD in place of the characters.
#[must_use]
pub fn replaced(text: &str) -> Cow<'_, str> {
    match are_in(text) {
        true => Cow::Owned(text.replace(NONCHARS, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// Checks a name or an id.
///
/// # Errors
/// What it must be, as the end of a message.
pub fn check(text: &str) -> Result<(), &'static str> {
    match are_in(text) {
        true => Err(REASON),
        false => Ok(()),
    }
}

/// The name of the first of the characters in a text, such as `U+FFFE`.
#[must_use]
pub fn find(text: &str) -> Option<&'static str> {
    match text.chars().find(|char| NONCHARS.contains(char)) {
        Some('\u{fffe}') => Some("U+FFFE"),
        Some(_) => Some("U+FFFF"),
        None => None,
    }
}

/// The first byte is rare, and looking for one byte is fast: megabytes pass in the time of a copy.
fn are_in(text: &str) -> bool {
    text.as_bytes().contains(&0xef) && text.contains(NONCHARS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_and_look_alikes_stay() {
        for text in [
            "",
            "a",
            "\u{fffd}",
            "\u{fdd0}",
            "\u{1ffff}",
            "ｆｕｌｌ",
            "\\uffff",
        ] {
            assert_eq!(escaped(text.to_owned()), text);
            assert_eq!(replaced(text), text);
            assert_eq!(check(text), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn json_means_the_same_without_the_characters(
            texts in proptest::collection::btree_map("[\u{fffc}-\u{ffff}\\\\\"a]{0,9}", "[\u{fffd}-\u{ffff}b]{0,9}", 0..4),
        ) {
            let json = to_json(&texts).unwrap();
            prop_assert!(!json.contains(NONCHARS));
            let read: std::collections::BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn a_text_without_them_passes_the_check(text in "[\u{fffc}-\u{ffff}a]{0,9}") {
            let replaced = replaced(&text);
            prop_assert_eq!(check(&replaced), Ok(()));
            prop_assert_eq!(replaced.chars().count(), text.chars().count());
            prop_assert_eq!(check(&text).is_ok(), replaced == text);
        }
    }
}
