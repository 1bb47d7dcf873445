//! Words, literals and parentheses of a filter.

use super::expression::FilterError;
use crate::table::entity::{self, Property};
use crate::table::moment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Word(String),
    Literal(Property),
}

/// The tokens with the index of their first character (counted in characters, from 0).
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(sign) = signs.get(at) {
        let start = at;
        let token = match sign {
            ' ' => {
                at += 1;
                continue;
            }
            '(' => {
                at += 1;
                Token::Open
            }
            ')' => {
                at += 1;
                Token::Close
            }
            '\'' => {
                let (text, end) = quoted(&signs, at)?;
                at = end;
                Token::Literal(Property::String(text))
            }
            sign if is_word_sign(*sign) => {
                while signs.get(at).is_some_and(|sign| is_word_sign(*sign)) {
                    at += 1;
                }
                let word: String = signs.iter().take(at).skip(start).collect();
                if signs.get(at) == Some(&'\'') {
                    let (text, end) = quoted(&signs, at)?;
                    at = end;
                    Token::Literal(typed(&word, text).ok_or_else(|| unexpected(start, &word))?)
                } else {
                    word_or_number(word, start)?
                }
            }
            sign => return Err(unexpected(at, &sign.to_string())),
        };
        tokens.push((start, token));
    }
    Ok(tokens)
}

fn is_word_sign(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '-' | '+' | '.')
}

fn quoted(signs: &[char], start: usize) -> Result<(String, usize), FilterError> {
    let mut text = String::new();
    let mut at = start + 1;
    loop {
        match (signs.get(at), signs.get(at + 1)) {
            (Some('\''), Some('\'')) => {
                text.push('\'');
                at += 2;
            }
            (Some('\''), _) => return Ok((text, at + 1)),
            (Some(sign), _) => {
                text.push(*sign);
                at += 1;
            }
            (None, _) => {
                return Err(FilterError {
                    at: start,
                    message: "the text has no closing quote".to_owned(),
                });
            }
        }
    }
}

fn typed(prefix: &str, text: String) -> Option<Property> {
    match prefix.to_ascii_lowercase().as_str() {
        "datetime" => moment::read(&text).map(|_| Property::DateTime(text)),
        "guid" => entity::guid(&text).map(Property::Guid),
        "binary" | "x" => hex(&text).map(|bytes| Property::Binary(STANDARD.encode(bytes))),
        _ => None,
    }
}

/// Bytes from pairs of hexadecimal digits.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|sign| sign.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high * 16 + low).ok();
    rest.is_empty()
        .then(|| pairs.iter().filter_map(byte).collect())
}

fn word_or_number(word: String, at: usize) -> Result<Token, FilterError> {
    let literal = match word.as_str() {
        "true" => Property::Boolean(true),
        "false" => Property::Boolean(false),
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            parse_number(number).ok_or_else(|| unexpected(at, number))?
        }
        _ => return Ok(Token::Word(word)),
    };
    Ok(Token::Literal(literal))
}

fn parse_number(text: &str) -> Option<Property> {
    if let Some(digits) = text.strip_suffix(['L', 'l']) {
        return digits.parse().ok().map(Property::Int64);
    }
    if text.contains(['.', 'e', 'E']) {
        return text.parse().ok().map(Property::Double);
    }
    text.parse().ok().map(Property::Int32)
}

fn unexpected(at: usize, what: &str) -> FilterError {
    FilterError {
        at,
        message: format!("unexpected '{what}'"),
    }
}
