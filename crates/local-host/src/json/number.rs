//! Numbers in .NET's form: integers of any size keep their digits, everything else is a double.

/// A JSON number as .NET reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonNumber {
    /// An integer of any size, in decimal digits.
    Integer(String),
    /// Anything with a fraction or an exponent; also `NaN` and the infinities, which .NET's reader
    /// takes although JSON has no such numbers.
    Float(f64),
}

impl JsonNumber {
    /// Takes the text of a JSON number; `None` when it is not one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if !is_number(text) {
            None
        } else if text.contains(['.', 'e', 'E']) {
            text.parse().ok().map(Self::Float)
        } else {
            let digits = if text == "-0" { "0" } else { text };
            Some(Self::Integer(digits.to_owned()))
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

    /// As JSON: a float always has a fraction or an exponent (`1.0`), and a value that JSON does not have
    /// becomes a string (`"NaN"`).
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = self.to_text();
        match self {
            Self::Float(float) if !float.is_finite() => format!("\"{text}\""),
            Self::Float(_) if !text.contains(['.', 'E']) => format!("{text}.0"),
            _ => text,
        }
    }

    /// The value as an integer of 32 bits, also when written `201.0`.
    #[must_use]
    pub fn to_i32(&self) -> Option<i32> {
        self.to_text().parse().ok()
    }
}

/// The grammar of JSON numbers. .NET also reads `010`, as octal, and `1.`. No JSON library writes them, and a
/// user would not expect an octal number, so they are refused.
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

/// The shortest text that reads back as the same double, with .NET's exponents: none from
/// 0.0001 to below 1E+15, elsewhere `E`, a sign and at least two digits.
fn float_text(float: f64) -> String {
    if float.is_infinite() {
        let sign = if float < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    // "NaN" has no exponent.
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}E{sign}{:02}", exponent.unsigned_abs())
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
            ("-0", "0", "0"),
            ("-0.0", "-0", "-0.0"),
            ("0.1", "0.1", "0.1"),
            ("1.50", "1.5", "1.5"),
            ("1.0", "1", "1.0"),
            ("100.0", "100", "100.0"),
            ("1e3", "1000", "1000.0"),
            ("1e14", "100000000000000", "100000000000000.0"),
            ("1e15", "1E+15", "1E+15"),
            ("1e21", "1E+21", "1E+21"),
            (
                "1.2345678901234568e17",
                "1.2345678901234568E+17",
                "1.2345678901234568E+17",
            ),
            ("0.0001", "0.0001", "0.0001"),
            ("0.00001", "1E-05", "1E-05"),
            ("-2.5E-8", "-2.5E-08", "-2.5E-08"),
            ("1e400", "Infinity", "\"Infinity\""),
            ("-1e400", "-Infinity", "\"-Infinity\""),
            (
                "12345678901234567890",
                "12345678901234567890",
                "12345678901234567890",
            ),
        ] {
            let number = JsonNumber::from_text(text).unwrap();
            assert_eq!(
                (number.to_text().as_str(), number.to_json().as_str()),
                (plain, json)
            );
        }
        assert_eq!(JsonNumber::Float(f64::NAN).to_json(), "\"NaN\"");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", "-", "01", "1.", ".5", "1e", "1-2", "+1", "1x", "0x1"] {
            assert_eq!(JsonNumber::from_text(text), None, "{text}");
        }
    }
}
