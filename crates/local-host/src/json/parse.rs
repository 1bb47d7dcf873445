//! The lenient parser.

use super::{Json, JsonDate, JsonNumber, JsonObject};

/// The nesting limit of the host's own files and of the handler's answers. It also limits the recursion.
const MAX_DEPTH: usize = 256;

/// The nesting limit of payloads: the default of .NET's JSON library.
const MAX_PAYLOAD_DEPTH: usize = 64;

/// Where and why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} Path '{path}', line {line}, position {position}.")]
pub struct JsonError {
    message: String,
    path: String,
    line: usize,
    position: usize,
    place: (usize, usize),
}

impl JsonError {
    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Line and column, both from 1, as editors count. The line of the message is .NET's, which
    /// counts from 0 until the first value has begun.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        self.place
    }
}

/// Line and column, from 1, of the value at the path `members`. Names do not depend on case; of equal names
/// the last counts. `None` when there is no such value, or the text is not JSON.
#[must_use]
pub(crate) fn place_of(text: &str, members: &[&str]) -> Option<(usize, usize)> {
    let mut parser = Parser::new(text, MAX_DEPTH);
    parser.sought = Some(members);
    parser.root().ok()?;
    parser.found
}

/// Parses a text that holds one JSON value and nothing else but comments and white space.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub fn parse_document(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, MAX_DEPTH).document()
}

/// Parses a document and calls `member` for each member of the object, without building it. For other
/// documents, it calls nothing. `member` may have been called before an error is found.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub(crate) fn parse_members(text: &str, member: impl FnMut(String, Json)) -> Result<(), JsonError> {
    let mut parser = Parser::new(text, MAX_DEPTH);
    parser.skip_blank()?;
    if parser.peek() != Some('{') {
        return Ok(());
    }
    parser.members(1, member)?;
    parser.end_of_document()
}

/// Parses the payload of an orchestration, a document that may nest only 64 levels deep.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub(crate) fn parse_payload(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, MAX_PAYLOAD_DEPTH).document()
}

/// Parses the first JSON value of a text and ignores what follows, as the host does with the
/// handler's answer.
///
/// # Errors
/// [`JsonError`] with the place at which the text stops being JSON.
pub(crate) fn parse_prefix(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, MAX_DEPTH).root()
}

pub(super) struct Parser<'a> {
    text: &'a str,
    pub(super) at: usize,
    max_depth: usize,
    path: Vec<Step>,
    /// Whether the root value has begun: .NET counts lines from there.
    begun: bool,
    /// The member whose place is wanted.
    sought: Option<&'a [&'a str]>,
    found: Option<(usize, usize)>,
}

/// A step from a value to one inside it.
enum Step {
    Member(String),
    Item(usize),
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, max_depth: usize) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: 0,
            max_depth,
            path: Vec::new(),
            begun: false,
            sought: None,
            found: None,
        }
    }

    fn document(mut self) -> Result<Json, JsonError> {
        let value = self.root()?;
        self.end_of_document()?;
        Ok(value)
    }

    fn end_of_document(&mut self) -> Result<(), JsonError> {
        self.skip_blank()?;
        match self.peek() {
            None => Ok(()),
            Some(sign) => Err(self.error(format!(
                "Additional text encountered after finished reading JSON content: {sign}."
            ))),
        }
    }

    fn root(&mut self) -> Result<Json, JsonError> {
        self.skip_blank()?;
        if self.peek().is_none() {
            return Err(self.error("Error reading JToken from JsonReader."));
        }
        self.value(1)
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let sign = self.peek()?;
        self.at += sign.len_utf8();
        Some(sign)
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn error(&self, message: impl Into<String>) -> JsonError {
        let read = self.text.get(..self.at).unwrap_or_default();
        let last_line = read.rsplit('\n').next().unwrap_or_default();
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Item(index) => path.push_str(&format!("[{index}]")),
                Step::Member(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
            }
        }
        JsonError {
            message: message.into(),
            path,
            line: read.matches('\n').count() + usize::from(self.begun),
            position: last_line.chars().count(),
            place: self.place(),
        }
    }

    fn place(&self) -> (usize, usize) {
        let read = self.text.get(..self.at).unwrap_or_default();
        let last_line = read.rsplit('\n').next().unwrap_or_default();
        (
            read.matches('\n').count() + 1,
            last_line.chars().count() + 1,
        )
    }

    fn is_sought(&self) -> bool {
        self.sought.is_some_and(|sought| {
            sought.len() == self.path.len()
                && sought
                    .iter()
                    .zip(&self.path)
                    .all(|(name, step)| match step {
                        Step::Member(member) => member.to_lowercase() == name.to_lowercase(),
                        Step::Item(_) => false,
                    })
        })
    }

    pub(super) fn end(&self) -> JsonError {
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

    /// Reads what follows a value in an array or object: a comma, or the closing bracket.
    fn separator(&mut self, close: char) -> Result<(), JsonError> {
        self.skip_blank()?;
        match self.peek() {
            _ if self.eat(",") => Ok(()),
            Some(sign) if sign == close => Ok(()),
            Some(sign) => Err(self.error(format!(
                "After parsing a value an unexpected character was encountered: {sign}."
            ))),
            None => Err(self.end()),
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

    /// The caller skipped blanks.
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if self.is_sought() {
            self.found = Some(self.place());
        }
        let value = match self.peek() {
            Some('{' | '[') if depth > self.max_depth => {
                return Err(self.error(format!(
                    "The reader's MaxDepth of {} has been exceeded.",
                    self.max_depth
                )));
            }
            Some('{') => return self.object(depth),
            Some('[') => return self.array(depth),
            Some('"' | '\'') => {
                let text = self.string()?;
                JsonDate::recognise(text)
                    .map_or_else(Json::String, |date| Json::Date(Box::new(date)))
            }
            _ if self.eat("true") => Json::Bool(true),
            _ if self.eat("false") => Json::Bool(false),
            _ if self.eat("null") => Json::Null,
            _ if self.eat("NaN") => Json::Number(JsonNumber::Float(f64::NAN)),
            _ if self.eat("Infinity") => Json::Number(JsonNumber::Float(f64::INFINITY)),
            _ if self.eat("-Infinity") => Json::Number(JsonNumber::Float(f64::NEG_INFINITY)),
            Some('-' | '0'..='9') => self.number()?,
            _ => return Err(self.unexpected()),
        };
        self.begun = true;
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut object = JsonObject::new();
        self.members(depth, |name, value| object.insert(name, value))?;
        Ok(Json::Object(object))
    }

    fn members(
        &mut self,
        depth: usize,
        mut member: impl FnMut(String, Json),
    ) -> Result<(), JsonError> {
        self.next();
        self.begun = true;
        loop {
            self.skip_blank()?;
            if self.eat("}") {
                return Ok(());
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
            self.path.push(Step::Member(name));
            self.skip_blank()?;
            let value = self.value(depth + 1)?;
            self.separator('}')?;
            if let Some(Step::Member(name)) = self.path.pop() {
                member(name, value);
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
                if self.peek().is_none() {
                    return Err(self.error("Unexpected end while parsing unquoted property name."));
                }
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
        self.begun = true;
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat("]") {
                return Ok(Json::Array(items));
            }
            if self.peek().is_none() {
                return Err(self.end());
            }
            self.path.push(Step::Item(items.len()));
            items.push(self.value(depth + 1)?);
            self.separator(']')?;
            self.path.pop();
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        let Some(number) = JsonNumber::from_text(text) else {
            return Err(self.error(format!("Input string '{text}' is not a valid number.")));
        };
        self.at += end;
        Ok(Json::Number(number))
    }
}

fn is_name_sign(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '$'
}

#[cfg(test)]
mod tests;
