//! Route templates: `hello/{name?}`, `{id:int:min(1)}`, `{p=default}`, `{*rest}`,
//! `files/{name}.{ext?}`.
//!
//! Literals do not depend on case. A trailing slash of the request is ignored; an empty segment inside the
//! path matches nothing.

use super::constraint::Constraint;

/// A parsed route template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    segments: Vec<Vec<Part>>,
}

/// The values of a route's parameters in the template's order; `None` = an optional parameter that
/// was not given.
pub(crate) type Params = Vec<(String, Option<String>)>;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    Parameter(Parameter),
}

#[derive(Clone, Debug, PartialEq)]
struct Parameter {
    name: String,
    optional: bool,
    catch_all: bool,
    default: Option<String>,
    constraints: Vec<Constraint>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// Why the host could not create such a route, or which constraint local-host does not know.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self {
                segments: Vec::new(),
            });
        }
        let mut segments = Vec::new();
        for segment in split_segments(text) {
            if segment.is_empty() {
                return Err(
                    "The route template separator character '/' cannot appear consecutively or at the start."
                        .to_owned(),
                );
            }
            segments.push(parse_segment(&segment)?);
        }
        check(&segments)?;
        Ok(Self { segments })
    }

    /// Matches a decoded path (in which `%2F` alone is still escaped), with its leading slash.
    #[must_use]
    pub(crate) fn matches(&self, path: &str) -> Option<Params> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let mut given = if trimmed.is_empty() {
            Vec::new()
        } else {
            trimmed.split('/').collect::<Vec<_>>()
        }
        .into_iter()
        .peekable();
        let mut offset = 0;
        let mut params = Params::new();
        for segment in &self.segments {
            if let [Part::Parameter(parameter)] = segment.as_slice()
                && parameter.catch_all
            {
                let rest = path.get(offset..).unwrap_or_default();
                params.push(parameter.accept((!rest.is_empty()).then_some(rest))?);
                return Some(params);
            }
            match given.next() {
                Some(text) => {
                    if text.is_empty() {
                        return None;
                    }
                    offset += text.len() + 1;
                    match_segment(segment, text, &mut params)?;
                }
                None => match segment.as_slice() {
                    [Part::Parameter(parameter)] => params.push(parameter.accept(None)?),
                    _ => return None,
                },
            }
        }
        given.peek().is_none().then_some(params)
    }
}

impl Parameter {
    fn accept(&self, value: Option<&str>) -> Option<(String, Option<String>)> {
        let value = match value {
            Some(value) => Some(value.to_owned()),
            None if self.default.is_some() => self.default.clone(),
            None if self.optional || self.catch_all => None,
            None => return None,
        };
        let fits = |value: &String| self.constraints.iter().all(|c| c.allows(value));
        value
            .as_ref()
            .is_none_or(fits)
            .then(|| (self.name.clone(), value))
    }
}

/// Splits at slashes outside braces (a constraint's argument may hold one).
fn split_segments(text: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut depth = 0_usize;
    for sign in text.chars() {
        match sign {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if sign == '/' && depth == 0 {
            segments.push(String::new());
        } else if let Some(last) = segments.last_mut() {
            last.push(sign);
        }
    }
    segments
}

fn parse_segment(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some((literal, after)) = rest.split_once('{') else {
            parts.push(literal_part(rest)?);
            break;
        };
        if !literal.is_empty() {
            parts.push(literal_part(literal)?);
        }
        let Some((inside, tail)) = after.split_once('}') else {
            return Err(format!("The parameter in '{text}' has no closing brace."));
        };
        parts.push(Part::Parameter(parse_parameter(inside)?));
        rest = tail;
    }
    Ok(parts)
}

fn literal_part(text: &str) -> Result<Part, String> {
    if text.contains(['{', '}', '?']) {
        return Err(format!(
            "The literal section '{text}' is invalid. Literal sections cannot contain '{{', '}}' or '?'."
        ));
    }
    Ok(Part::Literal(text.to_owned()))
}

fn parse_parameter(text: &str) -> Result<Parameter, String> {
    let stars = text.len() - text.trim_start_matches('*').len();
    let mut rest = text.trim_start_matches('*');
    let optional = rest.ends_with('?');
    rest = rest.strip_suffix('?').unwrap_or(rest);
    let (rest, default) = match rest.split_once('=') {
        Some((rest, default)) => (rest, Some(default.to_owned())),
        None => (rest, None),
    };
    let mut pieces = rest.split(':');
    let name = pieces.next().unwrap_or_default();
    let bad_sign = |c: char| matches!(c, '/' | '{' | '}' | '?' | '*');
    if name.is_empty() || name.contains(bad_sign) || stars > 2 {
        return Err(format!("The route parameter name '{name}' is invalid."));
    }
    if optional && default.is_some() {
        return Err(format!(
            "The optional parameter '{name}' cannot have a default value."
        ));
    }
    if optional && stars > 0 {
        return Err("A catch-all parameter cannot be marked optional.".to_owned());
    }
    let constraints = pieces.map(Constraint::parse).collect::<Result<_, _>>()?;
    Ok(Parameter {
        name: name.to_owned(),
        optional,
        catch_all: stars > 0,
        default,
        constraints,
    })
}

fn check(segments: &[Vec<Part>]) -> Result<(), String> {
    let mut names: Vec<String> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        for (at, part) in segment.iter().enumerate() {
            let Part::Parameter(parameter) = part else {
                continue;
            };
            let name = parameter.name.to_lowercase();
            if names.contains(&name) {
                return Err(format!(
                    "The route parameter name '{}' appears more than one time.",
                    parameter.name
                ));
            }
            names.push(name);
            if parameter.catch_all && (segment.len() > 1 || index + 1 < segments.len()) {
                return Err("A catch-all parameter can only appear as the last segment.".to_owned());
            }
            if at > 0 && matches!(segment.get(at - 1), Some(Part::Parameter(_))) {
                return Err("Two parameters must be separated by a literal.".to_owned());
            }
            if parameter.optional && segment.len() > 1 {
                let after_dot = at > 0
                    && matches!(segment.get(at - 1), Some(Part::Literal(text)) if text == ".");
                if at + 1 < segment.len() || !after_dot {
                    return Err(format!(
                        "The optional parameter '{}' must stand alone or after a dot at the end of its segment.",
                        parameter.name
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Matches one segment of the request. Several parts are matched from the right, each parameter
/// taking as little as possible, as ASP.NET does: `report.tar.gz` gives `report.tar` and `gz`.
fn match_segment(parts: &[Part], text: &str, params: &mut Params) -> Option<()> {
    if let [.., Part::Literal(_), Part::Parameter(last)] = parts
        && last.optional
    {
        if let Some(found) = match_parts(parts, text) {
            params.extend(found);
            return Some(());
        }
        // Without the optional parameter, the dot before it is optional too.
        params.extend(match_parts(parts.get(..parts.len() - 2)?, text)?);
        params.push((last.name.clone(), None));
        return Some(());
    }
    params.extend(match_parts(parts, text)?);
    Some(())
}

fn match_parts(parts: &[Part], text: &str) -> Option<Params> {
    match parts {
        [] => text.is_empty().then(Params::new),
        [head @ .., Part::Literal(literal)] => {
            let at = text.len().checked_sub(literal.len())?;
            let tail = text.get(at..)?;
            tail.eq_ignore_ascii_case(literal)
                .then(|| match_parts(head, text.get(..at)?))?
        }
        [Part::Parameter(parameter)] => {
            (!text.is_empty()).then(|| Some(vec![parameter.accept(Some(text))?]))?
        }
        [
            head @ ..,
            Part::Literal(literal),
            Part::Parameter(parameter),
        ] => {
            let at = rfind_ignoring_case(text, literal)?;
            let value = text
                .get(at + literal.len()..)
                .filter(|value| !value.is_empty())?;
            let mut params = if head.is_empty() {
                (at == 0).then(Params::new)?
            } else {
                match_parts(head, text.get(..at)?)?
            };
            params.push(parameter.accept(Some(value))?);
            Some(params)
        }
        _ => None,
    }
}

fn rfind_ignoring_case(text: &str, literal: &str) -> Option<usize> {
    (0..=text.len().checked_sub(literal.len())?)
        .rev()
        .find(|at| {
            text.get(*at..at + literal.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(literal))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        let found = Template::parse(template).unwrap().matches(path)?;
        Some(
            found
                .into_iter()
                .map(|(name, value)| (name, value.unwrap_or_else(|| "-".to_owned())))
                .collect(),
        )
    }

    fn pairs(list: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(
            list.iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn parameters_take_their_segments() {
        assert_eq!(
            params("api/opt/{name?}", "/api/opt/Ada"),
            pairs(&[("name", "Ada")])
        );
        assert_eq!(
            params("api/opt/{name?}", "/API/Opt/"),
            pairs(&[("name", "-")])
        );
        assert_eq!(params("api/opt/{name?}", "/api/opt/a/b"), None);
        assert_eq!(params("api/opt/{name?}", "/api//opt/a"), None);
        assert_eq!(params("api/{p=dflt}", "/api"), pairs(&[("p", "dflt")]));
        assert_eq!(params("m/{a}/{b?}", "/m"), None);
        assert_eq!(params("lead/slash/", "/lead/slash"), pairs(&[]));
    }

    #[test]
    fn a_catch_all_takes_the_rest() {
        assert_eq!(
            params("e/{*rest}", "/e/a/b%2Fc/d"),
            pairs(&[("rest", "a/b%2Fc/d")])
        );
        assert_eq!(params("e/{*rest}", "/e"), pairs(&[("rest", "-")]));
        assert_eq!(params("{**rest}", "/x/y/"), pairs(&[("rest", "x/y/")]));
    }

    #[test]
    fn parts_of_a_segment_match_from_the_right() {
        let template = "files/{name}.{ext?}";
        assert_eq!(
            params(template, "/files/report.tar.gz"),
            pairs(&[("name", "report.tar"), ("ext", "gz")])
        );
        assert_eq!(
            params(template, "/files/report"),
            pairs(&[("name", "report"), ("ext", "-")])
        );
        assert_eq!(params("v{n:int}-x", "/V12-X"), pairs(&[("n", "12")]));
        assert_eq!(
            params("a{b}c{d}", "/a1c2c3"),
            pairs(&[("b", "1c2"), ("d", "3")])
        );
    }

    #[test]
    fn a_failed_constraint_is_no_match() {
        assert_eq!(params("t/{id:int:min(1)}", "/t/42"), pairs(&[("id", "42")]));
        assert_eq!(params("t/{id:int:min(1)}", "/t/0"), None);
        assert_eq!(params("t/{id:int:min(1)}", "/t/abc"), None);
    }

    #[test]
    fn templates_that_break_a_real_host_are_refused() {
        for text in [
            "api//x",
            "/x",
            "{a",
            "{*a}/b",
            "{a}{b}",
            "{a}/{A}",
            "x?",
            "{a?}-x",
            "{}",
            "{a:nosuch}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
