//! Writing: compact, indented, and the plain text of a single value.

use super::{Json, JsonObject};

impl Json {
    /// JSON without white space.
    #[must_use]
    pub fn to_compact(&self) -> String {
        let mut out = String::new();
        write(self, None, &mut out);
        out
    }

    /// JSON with two spaces per level and a blank after each colon, as the host writes object
    /// bodies.
    #[must_use]
    pub fn to_indented(&self) -> String {
        let mut out = String::new();
        write(self, Some(0), &mut out);
        out
    }

    /// The text of the value as the host writes it outside JSON: strings bare, `True`, `5`, dates
    /// as `MM/dd/yyyy HH:mm:ss`, null empty, objects and arrays as indented JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Number(number) => number.to_text(),
            Self::Date(date) => date.to_text(),
            Self::String(text) => text.clone(),
            Self::Array(_) | Self::Object(_) => self.to_indented(),
        }
    }

    /// The same, but a string that looks like a date stays as it was written.
    #[must_use]
    pub fn to_text_as_written(&self) -> String {
        self.as_text().map_or_else(|| self.to_text(), str::to_owned)
    }
}

impl JsonObject {
    /// Appends the object as JSON without white space.
    pub fn write_compact(&self, out: &mut String) {
        write_object(self, None, out);
    }
}

/// Appends a member of an object: its name, a colon, its value.
pub(crate) fn write_member(name: &str, value: &Json, out: &mut String) {
    write_string(name, out);
    out.push(':');
    write(value, None, out);
}

fn write(value: &Json, level: Option<usize>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => out.push_str(&number.to_json()),
        Json::Date(date) => write_string(&date.to_iso(), out),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            write_members('[', items, ']', level, out);
        }
        Json::Object(object) => write_object(object, level, out),
    }
}

fn write_object(object: &JsonObject, level: Option<usize>, out: &mut String) {
    let members = object.iter().map(|(name, value)| (Some(name), value));
    write_members('{', members, '}', level, out);
}

fn write_members<'a>(
    open: char,
    members: impl Iterator<Item = (Option<&'a str>, &'a Json)>,
    close: char,
    level: Option<usize>,
    out: &mut String,
) {
    out.push(open);
    let inner = level.map(|level| level + 1);
    let mut any = false;
    for (name, value) in members {
        if any {
            out.push(',');
        }
        any = true;
        new_line(inner, out);
        if let Some(name) = name {
            write_string(name, out);
            out.push_str(if level.is_some() { ": " } else { ":" });
        }
        write(value, inner, out);
    }
    if any {
        new_line(level, out);
    }
    out.push(close);
}

fn new_line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some((at, sign)) = rest.char_indices().find(|(_, sign)| is_escaped(*sign)) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
        rest = escaped.get(sign.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
    out.push('"');
}

/// Besides the control characters, .NET escapes the line separators.
fn is_escaped(sign: char) -> bool {
    matches!(
        sign,
        '"' | '\\' | '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;

    #[test]
    fn indented_json_has_the_hosts_layout() {
        let json = parse_document(r#"{"a":1,"e":[1,2],"f":{},"g":[]}"#).unwrap();
        assert_eq!(
            json.to_indented(),
            "{\n  \"a\": 1,\n  \"e\": [\n    1,\n    2\n  ],\n  \"f\": {},\n  \"g\": []\n}"
        );
    }

    #[test]
    fn strings_are_escaped_as_dotnet_does() {
        for (text, compact) in [
            (r#""\u2028<é😀\u0001\/""#, "\"\\u2028<é😀\\u0001/\""),
            (
                r#""line\nbreak\ttab\u0000nul""#,
                r#""line\nbreak\ttab\u0000nul""#,
            ),
            (r#""\"quoted\" \\ \b\f\r""#, r#""\"quoted\" \\ \b\f\r""#),
        ] {
            assert_eq!(parse_document(text).unwrap().to_compact(), compact);
        }
    }
}
