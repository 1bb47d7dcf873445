//! The header `Accept`: what a client can read, and how gladly (RFC 9110, section 12.5.1).
//!
//! Invariant: every header can be read. A part that makes no sense is as if it were not there.

use axum::http::{HeaderMap, header};

/// How gladly a client takes a media type, in thousandths: 0 not at all, 1000 as gladly as any.
pub type Quality = u16;

/// The media ranges of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept(Vec<Range>);

/// One media range, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    /// Such as `text/html`, `text/*` or `*/*`.
    essence: String,
    /// Those before the weight.
    parameters: Vec<(String, String)>,
    quality: Quality,
}

impl Accept {
    /// Those of these headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        Self(
            texts
                .flat_map(|text| split(text, ','))
                .filter_map(range)
                .collect(),
        )
    }

    /// The quality of this type if the client names it, parameters and all. `None` if at most a wildcard covers it.
    #[must_use]
    pub fn named(&self, essence: &str, parameter: Option<(&str, &str)>) -> Option<Quality> {
        let is_it = |range: &&Range| {
            let parameters = range.parameters.iter();
            range.essence == essence
                && parameters
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    // A character set says nothing of the form, and all our texts are UTF-8.
                    .filter(|(name, _)| *name != "charset")
                    .eq(parameter)
        };
        self.0.iter().filter(is_it).map(|range| range.quality).max()
    }

    /// The quality of this type without parameters: that of the most precise range which covers it. Without a header
    /// every type is as good as any.
    #[must_use]
    pub fn quality(&self, essence: &str) -> Quality {
        if self.0.is_empty() {
            return 1000;
        }
        let kind = essence.split('/').next().unwrap_or_default();
        let wildcard = format!("{kind}/*");
        [essence, &wildcard, "*/*"]
            .iter()
            .find_map(|range| self.named(range, None))
            .unwrap_or_default()
    }
}

/// The parts between the separators, those within quotes left alone.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let ends = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
}

fn range(text: &str) -> Option<Range> {
    let mut parts = split(text, ';').map(str::trim);
    let essence = parts.next().filter(|essence| is_media_range(essence))?;
    let mut range = Range {
        essence: essence.to_ascii_lowercase(),
        parameters: Vec::new(),
        quality: 1000,
    };
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == "q" {
            // What follows the weight was once an extension, and is none of the type's parameters.
            range.quality = quality(value)?;
            break;
        }
        let value = value.trim_matches('"').to_ascii_lowercase();
        range.parameters.push((name, value));
    }
    Some(range)
}

fn is_media_range(text: &str) -> bool {
    let is_token = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !text.is_empty() && text.chars().all(allowed)
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// `0`, `1`, or one of them with up to three decimals, not above 1.
fn quality(text: &str) -> Option<Quality> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !digits(decimals) {
        return None;
    }
    let thousandths = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn accept(text: &str) -> Accept {
        let value = HeaderValue::from_str(text).unwrap();
        Accept::of(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn the_most_precise_range_counts() {
        let browser = accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        assert_eq!(browser.quality("text/html"), 1000);
        assert_eq!(browser.quality("application/json"), 800);
        let partly = accept("text/*;q=0.3, text/plain;q=0, */*;q=0.5");
        assert_eq!(partly.quality("text/html"), 300);
        assert_eq!(partly.quality("text/plain"), 0);
        assert_eq!(partly.quality("application/json"), 500);
        assert_eq!(accept("text/html").quality("application/json"), 0);
    }

    #[test]
    fn without_a_header_every_type_is_as_good_as_any() {
        assert_eq!(Accept::default().quality("text/html"), 1000);
        assert_eq!(Accept::default().named("text/html", None), None);
    }

    #[test]
    fn a_wildcard_names_no_type() {
        let any = accept("*/*, application/*");
        assert_eq!(any.named("application/problem+json", None), None);
        assert_eq!(any.quality("application/problem+json"), 1000);
    }

    #[test]
    fn parameters_belong_to_the_name_and_case_and_spaces_do_not_count() {
        let object = accept("Application/JSON ; Error = \"Object\" ; Q=0.25 ; x=y");
        let error = Some(("error", "object"));
        assert_eq!(object.named("application/json", error), Some(250));
        assert_eq!(object.named("application/json", None), None);
        let utf8 = accept("application/json; charset=utf-8");
        assert_eq!(utf8.named("application/json", None), Some(1000));
    }

    #[test]
    fn a_part_that_makes_no_sense_is_left_out() {
        for nonsense in [
            "text",
            "text/",
            "/html",
            "text/html;q=2",
            "a b/c",
            ";",
            "text/html;q=-1",
        ] {
            let both = accept(&format!("{nonsense}, application/json;q=0.5"));
            assert_eq!(both.0.len(), 1, "{nonsense}");
            assert_eq!(both.quality("application/json"), 500, "{nonsense}");
        }
    }

    #[test]
    fn a_comma_within_quotes_separates_nothing() {
        let quoted = accept(r#"text/plain;a="x,y;q=0\"," , text/html"#);
        assert_eq!(quoted.0.len(), 2);
        assert_eq!(quoted.quality("text/html"), 1000);
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        for value in ["text/html;q=0.1", "application/json;q=0.2"] {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        let both = Accept::of(&headers);
        assert_eq!(both.quality("text/html"), 100);
        assert_eq!(both.quality("application/json"), 200);
    }

    proptest! {
        #[test]
        fn no_header_ends_in_a_panic_or_a_quality_above_one(text in "[ -~]{0,80}") {
            let accept = accept(&text);
            for essence in ["text/html", "application/json", "application/problem+json"] {
                prop_assert!(accept.quality(essence) <= 1000);
            }
        }

        #[test]
        fn what_a_client_writes_is_read(
            ranges in proptest::collection::vec(("[a-z]{1,8}/[a-z+]{1,8}", 0_u16..=1000), 1..6)
        ) {
            let texts = ranges.iter().map(|(essence, quality)| {
                format!("{essence};q={}.{:03}", quality / 1000, quality % 1000)
            });
            let accept = accept(&texts.collect::<Vec<_>>().join(", "));
            for (essence, _) in &ranges {
                let same = ranges.iter().filter(|(other, _)| other == essence);
                let most = same.map(|(_, quality)| *quality).max();
                prop_assert_eq!(accept.named(essence, None), most);
            }
        }
    }
}
