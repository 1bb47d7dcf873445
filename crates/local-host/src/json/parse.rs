//! The lenient parser.

use super::{Json, JsonDate, JsonNumber, JsonObject};

/// Deeper nesting is an error, as in the host (and keeps the recursion bounded).
const MAX_DEPTH: usize = 256;

/// Where and why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} Path '{path}', line {line}, position {position}.")]
pub struct JsonError {
    message: String,
    path: String,
    line: usize,
    position: usize,
}

/// Parses a text that holds one JSON value and nothing else but comments and white space.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub fn parse_document(text: &str) -> Result<Json, JsonError> {
    let mut parser = Parser::new(text);
    let value = parser.value(1)?;
    parser.skip_blank()?;
    match parser.peek() {
        None => Ok(value),
        Some(sign) => Err(parser.error(format!(
            "Additional text encountered after finished reading JSON content: {sign}."
        ))),
    }
}

/// Parses the first JSON value of a text and ignores what follows, as the host does with the
/// handler's answer.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub fn parse_prefix(text: &str) -> Result<Json, JsonError> {
    Parser::new(text).value(1)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: 0,
            path: Vec::new(),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let sign = self.peek()?;
        self.at += sign.len_utf8();
        Some(sign)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn error(&self, message: impl Into<String>) -> JsonError {
        let read = self.text.get(..self.at).unwrap_or_default();
        let last_line = read.rsplit('\n').next().unwrap_or_default();
        JsonError {
            message: message.into(),
            path: self.path.join("."),
            line: read.matches('\n').count() + 1,
            position: last_line.chars().count(),
        }
    }

    fn end(&self) -> JsonError {
        self.error("Unexpected end of content while loading JObject.")
    }

    fn unexpected(&self) -> JsonError {
        match self.peek() {
            Some(sign) => self.error(format!(
                "Unexpected character encountered while parsing value: {sign}."
            )),
            None => self.end(),
        }
    }

    fn skip_blank(&mut self) -> Result<(), JsonError> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if self.eat("//") {
                let rest = self.rest();
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if self.eat("/*") {
                match self.rest().find("*/") {
                    Some(length) => self.at += length + 2,
                    None => return Err(self.error("Unexpected end while parsing comment.")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.skip_blank()?;
        match self.peek() {
            Some('{' | '[') if depth > MAX_DEPTH => Err(self.error(format!(
                "The reader's MaxDepth of {MAX_DEPTH} has been exceeded."
            ))),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"' | '\'') => {
                let text = self.string()?;
                Ok(JsonDate::recognise(&text).map_or(Json::String(text), Json::Date))
            }
            Some('-' | '0'..='9') => self.number(),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            _ if self.eat("null") => Ok(Json::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.next();
        let mut object = JsonObject::new();
        loop {
            self.skip_blank()?;
            if self.eat("}") {
                return Ok(Json::Object(object));
            }
            let name = self.name()?;
            self.skip_blank()?;
            if !self.eat(":") {
                return Err(match self.peek() {
                    None => self.end(),
                    Some(sign) => self.error(format!(
                        "Invalid character after parsing property name. Expected ':' but got: {sign}."
                    )),
                });
            }
            self.path.push(name);
            let value = self.value(depth + 1)?;
            self.skip_blank()?;
            let more = self.eat(",");
            if !more && self.peek() != Some('}') {
                return Err(match self.peek() {
                    None => self.end(),
                    Some(sign) => self.error(format!(
                        "After parsing a value an unexpected character was encountered: {sign}."
                    )),
                });
            }
            if let Some(name) = self.path.pop() {
                object.insert(name, value);
            }
        }
    }

    fn name(&mut self) -> Result<String, JsonError> {
        match self.peek() {
            Some('"' | '\'') => self.string(),
            Some(sign) if is_name_sign(sign) => {
                let rest = self.rest();
                let end = rest.find(|c| !is_name_sign(c)).unwrap_or(rest.len());
                self.at += end;
                Ok(rest.get(..end).unwrap_or_default().to_owned())
            }
            Some(sign) => {
                Err(self.error(format!("Invalid property identifier character: {sign}.")))
            }
            None => Err(self.end()),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat("]") {
                return Ok(Json::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip_blank()?;
            if !self.eat(",") && self.peek() != Some(']') {
                return Err(match self.peek() {
                    None => self.end(),
                    Some(sign) => self.error(format!(
                        "After parsing a value an unexpected character was encountered: {sign}."
                    )),
                });
            }
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        // The standard library knows the grammar; it only has to be told apart from "1-2".
        if text.parse::<f64>().is_err() {
            return Err(self.error(format!("Input string '{text}' is not a valid number.")));
        }
        self.at += end;
        Ok(Json::Number(JsonNumber::from_text(text)))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let quote = self.next();
        let mut out = String::new();
        loop {
            match self.next() {
                None => {
                    return Err(self.error("Unterminated string. Expected delimiter."));
                }
                Some('\\') => self.escape(&mut out)?,
                sign if sign == quote => return Ok(out),
                Some(sign) => out.push(sign),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), JsonError> {
        let sign = match self.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let unit = self.hex()?;
                return self.unicode(unit, out);
            }
            Some(plain @ ('"' | '\'' | '\\' | '/')) => plain,
            Some(other) => {
                return Err(self.error(format!("Bad JSON escape sequence: \\{other}.")));
            }
            None => return Err(self.end()),
        };
        out.push(sign);
        Ok(())
    }

    /// A half of a surrogate pair without the other half becomes U+FFFD: that is what the client
    /// of a real host gets to see.
    fn unicode(&mut self, unit: u16, out: &mut String) -> Result<(), JsonError> {
        let mut units = vec![unit];
        if (0xd800..0xdc00).contains(&unit) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                units.push(second);
            } else {
                self.at = before;
            }
        }
        out.extend(
            char::decode_utf16(units).map(|sign| sign.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
        Ok(())
    }

    fn hex(&mut self) -> Result<u16, JsonError> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.error("Invalid Unicode escape sequence.")),
        }
    }
}

fn is_name_sign(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_real_host_tolerates_is_read() {
        for text in [
            "\u{feff}{\"a\":'x',}",
            "// c\n{ /* c */ \"a\" : \"x\" , }",
            "{a:\"x\"}",
            "  {\"a\":\"x\"}  // end",
        ] {
            assert_eq!(parse_document(text).unwrap().to_compact(), r#"{"a":"x"}"#);
        }
        assert_eq!(parse_document("[1,2,]").unwrap().to_compact(), "[1,2]");
        assert_eq!(parse_prefix("{} trailing").unwrap().to_compact(), "{}");
    }

    #[test]
    fn errors_name_the_place() {
        let error = parse_document("{\"bindings\": [").unwrap_err().to_string();
        assert_eq!(
            error,
            "Unexpected end of content while loading JObject. Path 'bindings', line 1, position 14."
        );
        for text in [
            "",
            "{",
            "[1",
            "{\"a\"}",
            "\"x",
            "{} x",
            "nul",
            "01x",
            "-",
            "\"\\q\"",
            "\"\\u12\"",
            "{,}",
        ] {
            assert!(parse_document(text).is_err(), "{text}");
        }
    }

    #[test]
    fn surrogates_are_joined_and_lone_ones_replaced() {
        assert_eq!(
            parse_document(r#""\ud83d\ude00 a\ud800b \ud800\u0041""#).unwrap(),
            Json::String("😀 a\u{fffd}b \u{fffd}A".to_owned())
        );
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_document(&nested(256)).is_ok());
        assert!(parse_document(&nested(257)).is_err());
    }
}
