//! The options of a query and its continuation.

use super::entity::Entity;
use super::filter::Filter;
use super::store::Keys;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashSet;

/// The most entities of one page.
pub(super) const PAGE_SIZE: usize = 1_000;

/// A query's options.
pub(super) struct Options {
    pub(super) filter: Option<Filter>,
    pub(super) select: HashSet<String>,
    pub(super) limit: usize,
    /// An entity before these keys does not pass or has been sent.
    pub(super) start: Keys,
    /// No entity of this partition or of one after it passes.
    pub(super) end: Option<String>,
}

impl Options {
    /// Whether an entity passes the filter.
    pub(super) fn passes(&self, entity: &Entity) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(entity))
    }

    /// Reads the options with `get`.
    ///
    /// # Errors
    /// The option that cannot be read.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let filter = get("$filter")
            .filter(|text| !text.trim().is_empty())
            .map(|text| Filter::parse(&text).map_err(|error| error.to_string()))
            .transpose()?;
        let select = get("$select").map_or_else(HashSet::new, |list| {
            list.split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty() && name != "*")
                .collect()
        });
        let limit = match get("$top") {
            None => PAGE_SIZE,
            Some(text) => match text.parse::<usize>() {
                Ok(top @ 1..) => top.min(PAGE_SIZE),
                _ => return Err(format!("$top: expected a number above 0, got '{text}'.")),
            },
        };
        let partitions = filter.as_ref().map(Filter::partitions).unwrap_or_default();
        let first = (partitions.start, String::new());
        let start = match get("NextPartitionKey") {
            None => first,
            Some(partition) => {
                let row = get("NextRowKey").map_or(Some(String::new()), |token| decode(&token));
                let next = decode(&partition).zip(row).ok_or(
                    "NextPartitionKey or NextRowKey: not a continuation token of this endpoint.",
                )?;
                next.max(first)
            }
        };
        Ok(Self {
            filter,
            select,
            limit,
            start,
            end: partitions.end,
        })
    }
}

/// A key as a token that is allowed in a header and a query: `1!<length>!<base64>`.
pub(super) fn encode(key: &str) -> String {
    let text = URL_SAFE_NO_PAD.encode(key);
    format!("1!{}!{text}", text.len())
}

fn decode(token: &str) -> Option<String> {
    let (length, text) = token.strip_prefix("1!")?.split_once('!')?;
    if length.parse() != Ok(text.len()) {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_carry_any_key() {
        for key in ["", "2021-01-01", "a/é 'x'"] {
            assert_eq!(decode(&encode(key)).as_deref(), Some(key));
        }
        assert_eq!(decode("2021-01-01"), None);
        assert_eq!(decode("1!9!abc"), None);
    }
}
