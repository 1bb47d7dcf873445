//! Inline constraints of route parameters.

/// A constraint such as `int` or `min(1)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constraint {
    Int,
    Long,
    Bool,
    Float,
    Guid,
    Alpha,
    Required,
    Min(i64),
    Max(i64),
    Range(i64, i64),
    Length(usize, usize),
}

impl Constraint {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(arguments) => (name, arguments),
                None => {
                    return Err(format!(
                        "The constraint '{text}' has no closing parenthesis."
                    ));
                }
            },
            None => (text, ""),
        };
        let list: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let constraint = match (name.to_ascii_lowercase().as_str(), list.as_slice()) {
            ("int", [""]) => Self::Int,
            ("long", [""]) => Self::Long,
            ("bool", [""]) => Self::Bool,
            ("float" | "double" | "decimal", [""]) => Self::Float,
            ("guid", [""]) => Self::Guid,
            ("alpha", [""]) => Self::Alpha,
            ("required", [""]) => Self::Required,
            ("min", [min]) => Self::Min(number(text, min)?),
            ("max", [max]) => Self::Max(number(text, max)?),
            ("range", [min, max]) => Self::Range(number(text, min)?, number(text, max)?),
            ("minlength", [min]) => Self::Length(number(text, min)?, usize::MAX),
            ("maxlength", [max]) => Self::Length(0, number(text, max)?),
            ("length", [length]) => {
                let length = number(text, length)?;
                Self::Length(length, length)
            }
            ("length", [min, max]) => Self::Length(number(text, min)?, number(text, max)?),
            ("regex" | "datetime" | "file" | "nonfile", _) => {
                return Err(format!(
                    "local-host does not evaluate the constraint '{text}' (a real host does). \
                     Check the value in the function instead."
                ));
            }
            _ => {
                return Err(format!(
                    "The constraint reference '{text}' could not be resolved to a type."
                ));
            }
        };
        Ok(constraint)
    }

    pub(super) fn allows(&self, value: &str) -> bool {
        match self {
            Self::Int => value.parse::<i32>().is_ok(),
            Self::Long => value.parse::<i64>().is_ok(),
            Self::Bool => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            Self::Float => value.parse::<f64>().is_ok(),
            Self::Guid => uuid::Uuid::try_parse(value).is_ok(),
            Self::Alpha => value.chars().all(|c| c.is_ascii_alphabetic()),
            Self::Required => !value.is_empty(),
            Self::Min(min) => value.parse::<i64>().is_ok_and(|number| number >= *min),
            Self::Max(max) => value.parse::<i64>().is_ok_and(|number| number <= *max),
            Self::Range(min, max) => value
                .parse::<i64>()
                .is_ok_and(|number| (*min..=*max).contains(&number)),
            Self::Length(min, max) => (*min..=*max).contains(&value.encode_utf16().count()),
        }
    }
}

fn number<T: std::str::FromStr>(constraint: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("The constraint '{constraint}' expects a number, got '{text}'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_allow_what_they_name() {
        for (constraint, good, bad) in [
            ("int", "-5", "3000000000"),
            ("long", "3000000000", "x"),
            ("bool", "True", "1"),
            ("double", "1.5", "x"),
            ("guid", "0F8FAD5B-D9CB-469F-A165-70867728950E", "1"),
            ("alpha", "abC", "a1"),
            ("min(2)", "2", "1"),
            ("max(2)", "2", "3"),
            ("range(2,4)", "3", "5"),
            ("length(2)", "ab", "a"),
            ("length(1,2)", "ab", "abc"),
            ("minlength(2)", "ab", "a"),
            ("maxlength(2)", "ab", "abc"),
        ] {
            let parsed = Constraint::parse(constraint).unwrap();
            assert!(parsed.allows(good) && !parsed.allows(bad), "{constraint}");
        }
    }

    #[test]
    fn unknown_and_unsupported_constraints_are_refused_by_name() {
        for text in [
            "regex(^a$)",
            "datetime",
            "nosuch",
            "min(x)",
            "int(",
            "min()",
        ] {
            let error = Constraint::parse(text).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
