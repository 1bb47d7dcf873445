//! Doubles as .NET writes them.

/// The shortest text that reads back as the same double: `1.5`, `1000`, `1E-07`, `1E+15`.
pub(super) fn invariant(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        // .NET changes to the exponent form here, with at least two digits and always a sign.
        Ok(exponent) if !(-4..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}E{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{number}"),
    }
}

/// The JSON text: a double always shows that it is one (`1000.0`).
pub(super) fn json(number: f64) -> String {
    let mut text = invariant(number);
    if !text.contains(['.', 'E']) {
        text.push_str(".0");
    }
    text
}
