//! The base64 trap: a string output that happens to be base64 is replaced by the decoded bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes, if .NET would take the text for base64: white space is ignored, the length is a
/// multiple of four, padding is required.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_short_words_are_base64_and_others_are_not() {
        for hit in ["test", "1234", "order123", "true", "", "aGVs bG8="] {
            assert!(decode(hit).is_some(), "{hit}");
        }
        for safe in ["hello", "aGVsbG8", "a b-", "=abc"] {
            assert!(decode(safe).is_none(), "{safe}");
        }
    }
}
