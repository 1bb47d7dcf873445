//! Strings and their escapes.

use super::parse::{JsonError, Parser};

impl Parser<'_> {
    /// Reads a string; the next character is the opening quote, single or double.
    pub(super) fn string(&mut self) -> Result<String, JsonError> {
        let quote = self.next().unwrap_or('"');
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(plain) = rest.find([quote, '\\']) else {
                self.at = self.at.saturating_add(rest.len());
                return Err(self.error("Unterminated string. Expected delimiter."));
            };
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            if self.next() == Some(quote) {
                return Ok(out);
            }
            self.escape(&mut out)?;
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

    /// Half of a surrogate pair without the other half becomes U+FFFD, as in what a real host writes.
    fn unicode(&mut self, unit: u16, out: &mut String) -> Result<(), JsonError> {
        let mut units = vec![unit];
        let before = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.eat("\\u") {
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
