//! Continuation tokens: where a page begins.
//!
//! A token is the base64 text of the id behind which the page begins, and a space, as with the Azure Storage
//! provider. Clients must send it back as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The token for the page behind `id`.
pub(in crate::hub) fn write(id: &str) -> String {
    format!("{} ", STANDARD.encode(id))
}

/// The id in a token. `None` for a text that is no token: a real host answers with an empty page.
pub(in crate::hub) fn read(token: &str) -> Option<String> {
    let bytes = STANDARD.decode(token.trim_end()).ok()?;
    String::from_utf8(bytes).ok().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_be_read_also_without_its_space_and_other_texts_cannot() {
        let token = write("grpc-query.2");
        assert_eq!(token, "Z3JwYy1xdWVyeS4y ");
        assert_eq!(read(&token).as_deref(), Some("grpc-query.2"));
        assert_eq!(read(token.trim_end()).as_deref(), Some("grpc-query.2"));
        for text in ["nonsense", "a", "%", " "] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
