//! Request headers as the envelope needs them.

use crate::header_names::spelling;
use http::HeaderMap;

/// The headers by name, in the order of their first appearance; values are UTF-8, other bytes are
/// replaced.
pub(super) fn collect(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    headers
        .keys()
        .map(|name| {
            let values = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            (spelling(name.as_str()), values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_canonical_and_repeated_values_stay_apart() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-custom", "1"),
            ("user-agent", "ua"),
            ("accept", "a"),
            ("accept", "b,c"),
            ("traceparent", "t"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let mut names: Vec<_> = collect(&headers);
        names.sort();
        let of = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names,
            [
                ("Accept".to_owned(), of(&["a", "b,c"])),
                ("User-Agent".to_owned(), of(&["ua"])),
                ("traceparent".to_owned(), of(&["t"])),
                ("x-custom".to_owned(), of(&["1"])),
            ]
        );
    }
}
