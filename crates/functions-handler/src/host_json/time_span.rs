//! .NET's time spans, in the forms that its configuration takes.

use std::time::Duration;

/// Reads a time span as .NET's `TimeSpan.Parse` does: `[d.]hh:mm[:ss[.fffffff]]`,
/// `d:hh:mm:ss[.fffffff]`, `d:hh:mm` with more than 23 days, or `d` (days, hours, minutes, seconds), with
/// white space around it. `None` for anything else, also for negative spans.
pub fn parse(text: &str) -> Option<Duration> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (days, hours, minutes, seconds) = match *parts.as_slice() {
        [days] => (days, "0", "0", "0"),
        [hours, minutes] => on_days(hours, minutes, "0"),
        // .NET takes `24:00:00` for 24 days, not for the one that was meant.
        [days, hours, minutes] if number(days, 23).is_none() && !days.contains('.') => {
            (days, hours, minutes, "0")
        }
        [hours, minutes, seconds] => on_days(hours, minutes, seconds),
        [days, hours, minutes, seconds] => (days, hours, minutes, seconds),
        _ => return None,
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.is_empty() || fraction.len() > 7 {
        return None;
    }
    let clock = number(hours, 23)? * 3600 + number(minutes, 59)? * 60 + number(seconds, 59)?;
    // The longest time span has some 10.7 million days.
    let whole = number(days, 10_675_199)? * 86_400 + clock;
    let nanos = number(&format!("{fraction:0<9}"), 999_999_999)?;
    Some(Duration::new(whole, u32::try_from(nanos).ok()?))
}

/// Days may stand in front of the hours, with a dot.
fn on_days<'a>(
    hours: &'a str,
    minutes: &'a str,
    seconds: &'a str,
) -> (&'a str, &'a str, &'a str, &'a str) {
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    (days, hours, minutes, seconds)
}

/// A number of digits only. `str::parse` alone would accept a plus sign, too.
fn number(digits: &str, most: u64) -> Option<u64> {
    let number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())??;
    (number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_net_is_read() {
        for (text, seconds) in [
            ("00:05:00", 300.0),
            ("0:5:0", 300.0),
            ("01:30", 5_400.0),
            ("1.00:00:01", 86_401.0),
            ("1.01:00", 90_000.0),
            ("1:02:03:04", 93_784.0),
            ("00:00:02.5", 2.5),
            ("00:00:02.0000001", 2.000_000_1),
            ("7", 604_800.0),
            ("24:00:00", 2_073_600.0),
            ("25:00:00", 2_160_000.0),
            ("24:23:59", 2_159_940.0),
            (" 00:05:00\t", 300.0),
        ] {
            assert_eq!(
                parse(text).map(|span| span.as_secs_f64()),
                Some(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            ":",
            "abc",
            "-1",
            "+1",
            "1h",
            "24:00",
            "24:24:00",
            "24:00:60",
            "24:00:00.5",
            "1.24:00:00",
            "x:00:00",
            "00:60:00",
            "00:00:60",
            "1.5",
            "00:00:1.12345678",
            "1:2:3:4:5",
            "00 :05:00",
            "99999999999999999999",
            "10675200.00:00:00",
            "00:00:05s",
            "00:00:05.",
            "+5",
            "5 0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9.:+ -]{0,30}|.*") {
            let _ = parse(&text);
        }
    }
}
