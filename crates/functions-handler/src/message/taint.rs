//! Which properties of a message its text has replaced. In doubt, a property counts as replaced: one that is missing makes
//! a function fail, one that is forged makes it do wrong.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// For each of these names, whether the text has replaced the property.
pub(super) fn replaced<const N: usize>(text: &str, names: &[&str; N]) -> [bool; N] {
    // A host takes no text for an object that does not begin like one, after what is not seen.
    if text.chars().find(char::is_ascii_graphic) != Some('{') {
        return [false; N];
    }
    let names = names.map(folded);
    let mut found = [false; N];
    let members = Members {
        names: &names,
        found: &mut found,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    if json
        .deserialize_map(members)
        .and_then(|()| json.end())
        .is_ok()
    {
        return found;
    }
    let may_hide_a_name = text.contains('\\');
    let text = folded(text);
    names.map(|name| may_hide_a_name || is_named(&text, &name))
}

/// Whether the name stands in the text as a whole: `id` does not in `sessionId`.
fn is_named(text: &str, name: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(name).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + found.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(of_a_name) && !after.is_some_and(of_a_name)
    })
}

/// Letters that any rule of comparison without case takes for the same become the same.
fn folded(text: &str) -> String {
    let upper = text.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

struct Members<'a> {
    /// Folded.
    names: &'a [String],
    found: &'a mut [bool],
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(member), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
            // A null replaces nothing.
            if value.get() == "null" {
                continue;
            }
            let member = folded(&member);
            let mut known = self.names.iter().zip(self.found.iter_mut());
            if let Some((_, found)) = known.find(|(name, _)| **name == member) {
                *found = true;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["MessageId", "SessionId"];

    #[test]
    fn members_of_an_object_replace_properties_in_any_case() {
        for (text, expected) in [
            ("plain MessageId", [false, false]),
            ("", [false, false]),
            (r#""MessageId""#, [false, false]),
            (r#"["MessageId"]"#, [false, false]),
            (r#"{}"#, [false, false]),
            (r#"{"a":"MessageId"}"#, [false, false]),
            (r#"{"a":{"MessageId":1}}"#, [false, false]),
            (r#"{"MessageId":"x"}"#, [true, false]),
            (r#" {"messageid":5,"SESSIONID":{}} "#, [true, true]),
            (r#"{"\u004dessageId":"x"}"#, [true, false]),
            (r#"{"MessageId":null}"#, [false, false]),
            (r#"{"MessageId":"x","MessageId":null}"#, [true, false]),
            // A long s is an s to some.
            ("{\"me\u{17f}sageId\":\"x\"}", [true, false]),
        ] {
            assert_eq!(replaced(text, &NAMES), expected, "{text}");
        }
    }

    #[test]
    fn what_only_a_lenient_parser_reads_replaces_what_it_names() {
        for (text, expected) in [
            ("{MessageId:'x'}", [true, false]),
            ("{'messageID':'x',}", [true, false]),
            ("{/**/ 'sessionid' : 1}", [false, true]),
            (r"{'\u004dessageId':'x'}", [true, true]),
            (r#"{"a":"#, [false, false]),
            (r#"{"a":1}{"MessageId":1}"#, [true, false]),
            // Another name that ends or begins alike.
            (r#"{"AMessageId":"x","#, [false, false]),
            (r#"{"MessageIds":"x","sessionId":"x","#, [false, true]),
        ] {
            assert_eq!(replaced(text, &NAMES), expected, "{text}");
        }
    }
}
