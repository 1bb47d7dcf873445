//! From tokens to an expression: `not` binds tighter than `and`, `and` tighter than `or`.

use super::expression::{Comparison, Expression, FilterError, Operand};
use super::lexer::{Token, tokens};

/// Deeper nesting is refused, which limits the recursion.
const MAX_DEPTH: usize = 100;

pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        end: text.chars().count(),
    };
    let expression = parser.or(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.error("expected 'and', 'or' or the end")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn error(&self, message: &str) -> FilterError {
        FilterError {
            at: self.tokens.get(self.next).map_or(self.end, |(at, _)| *at),
            message: message.to_owned(),
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(known)) if known == word);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let first = self.and(depth)?;
        let mut parts = vec![first];
        while self.eat("or") {
            parts.push(self.and(depth)?);
        }
        Ok(chain(parts, Expression::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let first = self.not(depth)?;
        let mut parts = vec![first];
        while self.eat("and") {
            parts.push(self.not(depth)?);
        }
        Ok(chain(parts, Expression::And))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.error("the filter is nested too deep"));
        }
        if self.eat("not") {
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inner = self.or(depth + 1)?;
            if self.peek() != Some(&Token::Close) {
                return Err(self.error("expected ')'"));
            }
            self.next += 1;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, FilterError> {
        let left = self.operand()?;
        let Some(comparison) = self.operator() else {
            return match self.peek() {
                None | Some(Token::Close) => Ok(Expression::Truth(left)),
                Some(Token::Word(word)) if matches!(word.as_str(), "and" | "or") => {
                    Ok(Expression::Truth(left))
                }
                Some(_) => Err(self.error("expected a comparison: eq, ne, gt, ge, lt or le")),
            };
        };
        Ok(Expression::Compare(left, comparison, self.operand()?))
    }

    fn operator(&mut self) -> Option<Comparison> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        let comparison = match word.as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            _ => return None,
        };
        self.next += 1;
        Some(comparison)
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        let operand = match self.peek() {
            Some(Token::Word(word)) if !is_keyword(word) => Operand::Name(word.clone()),
            Some(Token::Literal(value)) => Operand::Literal(value.clone()),
            _ => return Err(self.error("expected a property or a value")),
        };
        self.next += 1;
        Ok(operand)
    }
}

/// A single part needs no chain.
fn chain(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// Whether the word cannot be the name of a property. `null` is one of them: the service has no such value.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "null" | "and" | "or" | "not" | "eq" | "ne" | "gt" | "ge" | "lt" | "le"
    )
}
