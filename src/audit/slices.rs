//! How a range of days is cut into slices, and a slice into parts.
//!
//! Invariant: the parts of a range cover each PartitionKey that the whole range covers exactly once. A part begins at
//! `ge` its first day. It ends at `lt` the day after its last one, and the last part of the range at `le` the last day, as
//! the whole range does. So a key that is no plain day, such as `2021-01-31T10:00` or `2021-01-1x`, is in the part of the
//! day that it sorts behind, and a key behind the last day is in none.

use serde::{Deserialize, Serialize};

use crate::{
    dates::{DateRange, Day},
    tables::{ContinuationToken, Filter, PropertyName},
};

/// The most days of a slice, as a rule. A range of two months is one slice: what it counts need not leave its activity.
const DAYS: u32 = 64;
/// The most slices of a range. A longer range has longer slices, not more: each slice is in the history of the job.
const MOST_SLICES: u32 = 64;
/// The most parts that a slice is read in. A long slice has parts of several days each, because a table without an
/// entity on most days would cost a request for each day.
const MOST_PARTS: u32 = 64;
/// A slice that was not finished in its time is cut in two as long as it has more parts than this. A service limits what a
/// partition gives in a second, so a slice with fewer parts would be a slower one.
const PARTS_TO_HALVE: usize = 8;

/// Days that are read one page after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The first day.
    pub start: Day,
    /// The last day, `start` or a later one.
    pub end: Day,
    /// Where an earlier slice has stopped. `None`: nothing of the part is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContinuationToken>,
}

/// What one invocation of `query-activity` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slice {
    parts: Vec<Part>,
}

impl Part {
    fn new(start: Day, end: Day) -> Self {
        Self {
            start,
            end,
            from: None,
        }
    }

    /// The number of its days.
    pub fn days(&self) -> u32 {
        DateRange::new(self.start, self.end).map_or(0, |days| days.days())
    }

    /// The entities of the part, as a part of this range.
    pub(super) fn filter(&self, range: &DateRange) -> Filter {
        let key = PropertyName::PARTITION_KEY;
        let first = Filter::ge(&key, self.start.to_string().as_str());
        if self.end < range.end() {
            let next = self.end.later(1);
            first.and(Filter::lt(&key, next.to_string().as_str()))
        } else {
            first.and(Filter::le(&key, range.end().to_string().as_str()))
        }
    }

    /// The same days in pieces of at most so many. A part that is begun stays whole: its continuation token belongs to
    /// its filter.
    fn split(self, days: u32) -> Vec<Self> {
        if self.from.is_some() {
            return vec![self];
        }
        let mut pieces = Vec::new();
        let mut start = self.start;
        while start <= self.end {
            let end = start.later(days.max(1) - 1).min(self.end);
            pieces.push(Self::new(start, end));
            if end == self.end {
                break;
            }
            start = end.later(1);
        }
        pieces
    }
}

impl Slice {
    /// The slices of a range, in order.
    pub fn of(range: &DateRange) -> Vec<Self> {
        let days = DAYS.max(range.days().div_ceil(MOST_SLICES));
        let whole = Part::new(range.start(), range.end());
        let slice = |part| Self { parts: vec![part] };
        whole.split(days).into_iter().map(slice).collect()
    }

    /// What is left of a slice, as one slice or two. None when nothing is left.
    pub fn of_rest(mut rest: Vec<Part>) -> Vec<Self> {
        if rest.is_empty() {
            return Vec::new();
        }
        if rest.len() <= PARTS_TO_HALVE {
            return vec![Self { parts: rest }];
        }
        let second = rest.split_off(rest.len() / 2);
        vec![Self { parts: rest }, Self { parts: second }]
    }

    /// A slice of these parts.
    pub fn of_parts(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// The number of its days.
    pub fn days(&self) -> u32 {
        days_of(&self.parts)
    }

    /// Whether it is the whole range, and nothing of it was read before.
    pub(super) fn is_all_of(&self, range: &DateRange) -> bool {
        self.parts == [Part::new(range.start(), range.end())]
    }

    /// The parts that are read at the same time.
    pub(super) fn parts(&self) -> Vec<Part> {
        let days = self.days().div_ceil(MOST_PARTS);
        let parts = self.parts.iter().cloned();
        parts.flat_map(|part| part.split(days)).collect()
    }
}

/// The number of days of these parts.
pub fn days_of(parts: &[Part]) -> u32 {
    let days = parts.iter().map(Part::days);
    days.fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn range(start: &str, end: &str) -> DateRange {
        DateRange::new(day(start), day(end)).unwrap()
    }

    /// Whether a filter of this module lets the key pass, read from its text.
    fn passes(filter: &Filter, key: &str) -> bool {
        let text = filter.to_string();
        text.split(" and ").all(|comparison| {
            let mut words = comparison.split(' ').skip(1);
            let (operator, value) = (words.next().unwrap(), words.next().unwrap());
            let value = value.trim_matches('\'');
            match operator {
                "ge" => key >= value,
                "lt" => key < value,
                "le" => key <= value,
                other => panic!("{other}"),
            }
        })
    }

    proptest! {
        #[test]
        fn each_key_of_the_range_is_in_one_part_and_no_other_key_is_in_any(
            start in 0_u32..800,
            days in 1_u32..2_000,
            day_of_key in 0_u32..3_000,
            rest in prop_oneof!["", "T[0-9]{2}", "x", "~"],
            cut in 8_usize..11,
        ) {
            let start = day("2020-01-01").later(start);
            let range = DateRange::new(start, start.later(days - 1)).unwrap();
            // Such as 2021-01-3, 2021-01-1x and 2021-01-31T10.
            let mut key = day("2020-01-01").later(day_of_key).to_string();
            key.truncate(cut);
            key.push_str(&rest);
            let whole = key >= range.start().to_string() && key <= range.end().to_string();
            let parts = Slice::of(&range).into_iter().flat_map(|slice| slice.parts());
            let found = parts.filter(|part| passes(&part.filter(&range), &key)).count();
            prop_assert_eq!(found, usize::from(whole), "{}", key);
        }

        #[test]
        fn a_range_has_few_slices_of_few_parts(days in 1_u32..3_652_059) {
            let start = day("0001-01-01");
            let range = DateRange::new(start, start.later(days - 1)).unwrap();
            let slices = Slice::of(&range);
            prop_assert!(slices.len() <= 64);
            prop_assert_eq!(slices.iter().map(Slice::days).sum::<u32>(), days);
            for slice in &slices {
                let parts = slice.parts();
                prop_assert!(parts.len() <= 64);
                prop_assert_eq!(days_of(&parts), slice.days());
            }
        }
    }

    #[test]
    fn two_months_are_a_slice_and_each_of_its_days_a_part() {
        let slices = Slice::of(&range("2022-01-01", "2022-12-31"));
        let days: Vec<_> = slices.iter().map(Slice::days).collect();
        assert_eq!(days, [64, 64, 64, 64, 64, 45]);
        assert!(
            slices
                .iter()
                .flat_map(Slice::parts)
                .all(|part| part.days() == 1)
        );
        assert_eq!(Slice::of(&range("2021-01-01", "2021-02-28")).len(), 1);
    }

    #[test]
    fn the_end_of_the_calendar_is_a_last_day_like_any_other() {
        let range = range("9999-12-25", "9999-12-31");
        let parts = Slice::of(&range)[0].parts();
        assert_eq!(parts.len(), 7);
        let last = parts[6].filter(&range).to_string();
        assert_eq!(
            last,
            "PartitionKey ge '9999-12-31' and PartitionKey le '9999-12-31'"
        );
    }

    #[test]
    fn what_is_left_is_halved_until_it_has_few_parts() {
        let begun = |number: u32| Part {
            from: Some(("p".to_owned(), Some("r".to_owned()))),
            ..Part::new(
                day("2021-01-01").later(number),
                day("2021-01-01").later(number),
            )
        };
        let lengths = |count: u32| -> Vec<_> {
            let rest = (0..count).map(begun).collect();
            Slice::of_rest(rest)
                .iter()
                .map(|slice| slice.parts().len())
                .collect()
        };
        assert_eq!(lengths(0), [0; 0]);
        assert_eq!(lengths(8), [8]);
        assert_eq!(lengths(9), [4, 5]);
    }

    #[test]
    fn a_part_that_is_begun_stays_whole() {
        let part = Part {
            from: Some(("p".to_owned(), None)),
            ..Part::new(day("2021-01-01"), day("2021-03-31"))
        };
        let slice = Slice::of_parts(vec![
            part.clone(),
            Part::new(day("2021-04-01"), day("2021-04-02")),
        ]);
        assert_eq!(slice.parts()[0], part);
        let text = serde_json::to_string(&slice).unwrap();
        assert_eq!(
            text,
            r#"[{"start":"2021-01-01","end":"2021-03-31","from":["p",null]},{"start":"2021-04-01","end":"2021-04-02"}]"#
        );
        assert_eq!(serde_json::from_str::<Slice>(&text).unwrap(), slice);
    }
}
