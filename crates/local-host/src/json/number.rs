//! Numbers in .NET's form: integers of any size keep their digits, everything else is a double.

use serde_json::{Number, Value};

/// A JSON number as .NET reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonNumber {
    /// An integer of any size, in decimal digits.
    Integer(String),
    /// Anything with a fraction or an exponent.
    Float(f64),
}

impl JsonNumber {
    /// Takes the text of a JSON number.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(float) if text.contains(['.', 'e', 'E']) => Self::Float(float),
            _ => Self::Integer(text.to_owned()),
        }
    }

    /// As plain text: `1.0` is `1`, `1e21` is `1E+21`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Integer(digits) => digits.clone(),
            Self::Float(float) => float_text(*float),
        }
    }

    /// As JSON: a float always shows that it is one (`1.0`).
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = self.to_text();
        match self {
            Self::Float(_) if !text.contains(['.', 'E']) => format!("{text}.0"),
            _ => text,
        }
    }

    /// The value as an integer of 32 bits, also when written `201.0`.
    #[must_use]
    pub fn to_i32(&self) -> Option<i32> {
        self.to_text().parse().ok()
    }

    pub(super) fn to_serde(&self) -> Value {
        let number = match self {
            Self::Integer(digits) => digits
                .parse::<i64>()
                .map(Number::from)
                .or_else(|_| digits.parse::<u64>().map(Number::from))
                .ok()
                .or_else(|| digits.parse().ok().and_then(Number::from_f64)),
            Self::Float(float) => Number::from_f64(*float),
        };
        number.map_or(Value::Null, Value::Number)
    }
}

/// The shortest text that reads back as the same double, with .NET's exponents: none from
/// 0.0001 to below 1E+15, elsewhere `E`, a sign and at least two digits.
fn float_text(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}E{sign}{:02}", exponent.abs())
        }
        _ => format!("{float}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_dotnet_form() {
        for (text, plain, json) in [
            ("5", "5", "5"),
            ("1.50", "1.5", "1.5"),
            ("1.0", "1", "1.0"),
            ("1e3", "1000", "1000.0"),
            ("1e21", "1E+21", "1E+21"),
            ("0.0001", "0.0001", "0.0001"),
            ("0.00001", "1E-05", "1E-05"),
            (
                "12345678901234567890",
                "12345678901234567890",
                "12345678901234567890",
            ),
        ] {
            let number = JsonNumber::from_text(text);
            assert_eq!(
                (number.to_text().as_str(), number.to_json().as_str()),
                (plain, json)
            );
        }
    }
}
