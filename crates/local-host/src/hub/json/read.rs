//! The reader.

use std::collections::HashMap;

use super::{Dates, Json, date};

/// Newtonsoft.Json's default limit, and the host's.
const MAX_DEPTH: usize = 64;

/// A text that the host cannot read as JSON. The text is that of the host where it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::hub) struct ReadError(String);

pub(super) fn read(text: &str, dates: Dates) -> Result<Json, ReadError> {
    let mut reader = Reader {
        text,
        at: 0,
        dates,
        depth: 0,
    };
    reader.space();
    if reader.at == text.len() {
        return Err(ReadError(
            "Error reading JToken from JsonReader. Path '', line 0, position 0.".to_owned(),
        ));
    }
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(c) => Err(reader.error(&format!(
            "Additional text encountered after finished reading JSON content: {c}."
        ))),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    dates: Dates,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn error(&self, what: &str) -> ReadError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let position = before.rsplit('\n').next().map_or(0, |l| l.chars().count());
        ReadError(format!("{what} Path '', line {line}, position {position}."))
    }

    fn unexpected(&self) -> ReadError {
        match self.peek() {
            None => self.error("Unexpected end of content."),
            Some(c) => self.error(&format!(
                "Unexpected character encountered while parsing value: {c}."
            )),
        }
    }

    fn value(&mut self) -> Result<Json, ReadError> {
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => {
                let text = self.string()?;
                Ok(match self.dates {
                    Dates::Keep => None,
                    Dates::Convert => date::parse(&text),
                }
                .map_or(Json::Text(text), Json::Date))
            }
            Some('t') if self.take("true") => Ok(Json::Bool(true)),
            Some('f') if self.take("false") => Ok(Json::Bool(false)),
            Some('n') if self.take("null") => Ok(Json::Null),
            Some('N') if self.take("NaN") => Ok(Json::Double(f64::NAN)),
            Some('I') if self.take("Infinity") => Ok(Json::Double(f64::INFINITY)),
            Some('-') if self.take("-Infinity") => Ok(Json::Double(f64::NEG_INFINITY)),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected()),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Json, ReadError>,
    ) -> Result<Json, ReadError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(&format!(
                "The reader's MaxDepth of {MAX_DEPTH} has been exceeded."
            )));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Json, ReadError> {
        let mut items = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(Json::Array(items));
        }
        loop {
            self.space();
            items.push(self.value()?);
            self.space();
            if self.take("]") {
                return Ok(Json::Array(items));
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }

    fn object(&mut self) -> Result<Json, ReadError> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.space();
        if self.take("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some('"') {
                return Err(self.unexpected());
            }
            let name = self.string()?;
            self.space();
            if !self.take(":") {
                return Err(self.unexpected());
            }
            self.space();
            let value = self.value()?;
            match places.get(&name).and_then(|place| members.get_mut(*place)) {
                Some(member) => member.1 = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
            self.space();
            if self.take("}") {
                return Ok(Json::Object(members));
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }

    /// The caller saw the opening quote.
    fn string(&mut self) -> Result<String, ReadError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(['"', '\\'])
                .ok_or_else(|| self.error("Unterminated string."))?;
            let run = rest.get(..plain).unwrap_or_default();
            if let Some(control) = run.find(|c: char| c < ' ') {
                self.at += control;
                return Err(self.error("Unescaped control character in a string."));
            }
            out.push_str(run);
            self.at += plain;
            if self.take("\"") {
                return Ok(out);
            }
            self.at += 1;
            out.push(self.escape()?);
        }
    }

    /// The caller passed the backslash.
    fn escape(&mut self) -> Result<char, ReadError> {
        let Some(c) = self.peek() else {
            return Err(self.unexpected());
        };
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                self.at += 1;
                let unit = self.hex()?;
                return Ok(self.scalar(unit));
            }
            _ => return Err(self.error("Bad JSON escape sequence.")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn hex(&mut self) -> Result<u32, ReadError> {
        let unit = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("Invalid Unicode escape sequence."))?;
        self.at += 4;
        Ok(unit)
    }

    /// The character of a UTF-16 unit and, for half a pair, of the escape behind it. A half without
    /// its other half becomes U+FFFD, as it does on its way out of the host.
    fn scalar(&mut self, unit: u32) -> char {
        let mark = self.at;
        if (0xD800..0xDC00).contains(&unit) && self.take("\\u") {
            match self.hex() {
                Ok(low) if (0xDC00..0xE000).contains(&low) => {
                    let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                    return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                }
                _ => self.at = mark,
            }
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn number(&mut self) -> Result<Json, ReadError> {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..len).unwrap_or_default();
        if !is_number(text) {
            return Err(self.error(&format!("Input string '{text}' is not a valid number.")));
        }
        self.at += len;
        if text.contains(['.', 'e', 'E']) {
            return match text.parse() {
                Ok(double) => Ok(Json::Double(double)),
                Err(_) => Err(self.error(&format!("Input string '{text}' is not a valid double."))),
            };
        }
        Ok(Json::Integer(
            if text == "-0" { "0" } else { text }.to_owned(),
        ))
    }
}

/// The grammar of JSON numbers.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}
