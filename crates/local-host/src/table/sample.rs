//! The sample data: table `audit`, the same rows every time.
//!
//! | PartitionKey | rows |
//! |---|---|
//! | `2021-01-01` … `2021-01-31`, one per day | 200 each, 6,200 in all |
//! | `2020-12-31` and `2021-02-01` | 20 each, of people who appear nowhere else |
//! | `2022-01-01` … `2022-12-31`, one per day | 40 each, 14,600 in all, of the people of January 2021 |
//!
//! `RowKey` is the number of the row within its day, six digits. Columns: `identificationNumber`,
//! `CertNumber` (a number, the empty string, or absent), `eventType`, `amount` (`Edm.Int32`, cents),
//! `processed` (`Edm.Boolean`).
//!
//! Distinct `identificationNumber` values of the rows with `CertNumber ne ''`:
//!
//! | range, both days included | count |
//! |---|---|
//! | 2021-01-01 … 2021-01-31 | [`JANUARY`] = 119 |
//! | 2021-01-01 | [`FIRST_DAY`] = 67 |
//! | 2021-01-01 … 2021-01-07 | [`FIRST_WEEK`] = 91 |
//! | 2020-12-31 … 2021-02-01 | [`WITH_NEIGHBOURS`] = 159 |
//! | 2022-01-01 … 2022-12-31 | [`YEAR`] = 119 |
//! | 2022-01-01 | [`FIRST_DAY_OF_YEAR`] = 13 |
//!
//! Every tenth row belongs to one of 21 more people who never have a `CertNumber`: it is empty or
//! absent, and they are never counted. Everybody else has several rows a day, one in three of them
//! with an empty `CertNumber`.
//!
//! Only the days are kept. A row is made when it is read, so that a year of rows costs no memory and no
//! time at the start.

use super::entity::{Entity, Property};
use super::store::Keys;
use time::{Date, Duration, Month};

/// The table's name.
pub const TABLE: &str = "audit";
/// The count of January 2021.
pub const JANUARY: usize = 119;
/// The count of 2021-01-01.
pub const FIRST_DAY: usize = 67;
/// The count of the first seven days.
pub const FIRST_WEEK: usize = 91;
/// The count with the day before and the day after January.
pub const WITH_NEIGHBOURS: usize = 159;

/// The count of the year 2022.
pub const YEAR: usize = 119;
/// The count of 2022-01-01.
pub const FIRST_DAY_OF_YEAR: usize = 13;

/// A run of days with the same kind of rows.
struct Span {
    first: (i32, Month, u8),
    days: u32,
    rows: u32,
    /// The first person of a span that has people of its own.
    own_people: Option<u32>,
}

/// All days, in order.
const SPANS: [Span; 4] = [
    Span {
        first: (2020, Month::December, 31),
        days: 1,
        rows: 20,
        own_people: Some(200),
    },
    Span {
        first: (2021, Month::January, 1),
        days: 31,
        rows: 200,
        own_people: None,
    },
    Span {
        first: (2021, Month::February, 1),
        days: 1,
        rows: 20,
        own_people: Some(220),
    },
    Span {
        first: (2022, Month::January, 1),
        days: 365,
        rows: 40,
        own_people: None,
    },
];

/// People with a certificate.
const CERTIFIED: u32 = 119;
/// People who never have one.
const UNCERTIFIED: u32 = 21;
/// How far the people of a day are shifted from those of the day before.
const SHIFT: u32 = 4;

const EVENTS: [&str; 4] = ["created", "viewed", "changed", "closed"];

/// The rows of the table, in the order of their keys.
#[derive(Debug)]
pub(super) struct Sample {
    /// In the order of their keys.
    days: Vec<Day>,
}

/// One partition.
#[derive(Debug)]
struct Day {
    partition_key: String,
    /// Its number within its span.
    number: u32,
    rows: u32,
    own_people: Option<u32>,
}

impl Sample {
    pub(super) fn new() -> Self {
        let days = SPANS.iter().flat_map(|span| {
            (0..span.days).map(|number| Day {
                partition_key: date(span.first, number),
                number,
                rows: span.rows,
                own_people: span.own_people,
            })
        });
        Self {
            days: days.collect(),
        }
    }

    /// The rows from these keys on.
    pub(super) fn from(&self, keys: &Keys) -> impl Iterator<Item = Entity> {
        let (partition_key, row_key) = keys;
        let first = self
            .days
            .partition_point(|day| day.partition_key < *partition_key);
        self.days
            .iter()
            .skip(first)
            .flat_map(|day| (0..day.rows).map(|row| day.row(row)))
            .skip_while(move |entity| entity.keys() < (partition_key, row_key))
    }

    /// The row with these keys.
    pub(super) fn get(&self, keys: &Keys) -> Option<Entity> {
        self.from(keys)
            .next()
            .filter(|entity| entity.keys() == (&keys.0, &keys.1))
    }
}

impl Day {
    fn row(&self, row: u32) -> Entity {
        let (person, certificate) = if let Some(first) = self.own_people {
            let person = first + row;
            (person, Some(certificate(person)))
        } else if row % 10 == 9 {
            let person = CERTIFIED + (self.number + row / 10) % UNCERTIFIED;
            (person, (row / 10).is_multiple_of(2).then(String::new))
        } else {
            let person = (self.number * SHIFT + row / 3) % CERTIFIED;
            let certificate = if row % 3 == 2 {
                String::new()
            } else {
                certificate(person)
            };
            (person, Some(certificate))
        };
        entity(&self.partition_key, row, person, certificate)
    }
}

fn certificate(person: u32) -> String {
    format!("C-{:05}", 20_000 + person * 7)
}

fn entity(partition_key: &str, row: u32, person: u32, certificate: Option<String>) -> Entity {
    let mut properties = vec![(
        "identificationNumber".to_owned(),
        Property::String(format!("ID{:06}", 100_000 + person * 37)),
    )];
    if let Some(certificate) = certificate {
        properties.push(("CertNumber".to_owned(), Property::String(certificate)));
    }
    let event = EVENTS.iter().cycle().nth(row as usize % EVENTS.len());
    properties.extend([
        (
            "eventType".to_owned(),
            Property::String(event.copied().unwrap_or_default().to_owned()),
        ),
        (
            "amount".to_owned(),
            Property::Int32(i32::try_from(row * 25 % 9_975).unwrap_or_default()),
        ),
        (
            "processed".to_owned(),
            Property::Boolean(row.is_multiple_of(2)),
        ),
    ]);
    Entity {
        timestamp: format!("{partition_key}T00:{:02}:{:02}Z", row / 60, row % 60),
        partition_key: partition_key.to_owned(),
        row_key: format!("{row:06}"),
        properties,
    }
}

fn date((year, month, day): (i32, Month, u8), number: u32) -> String {
    let first = Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN);
    let date = first.saturating_add(Duration::days(i64::from(number)));
    format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashSet};

    fn entities() -> Vec<Entity> {
        let first = (String::new(), String::new());
        Sample::new().from(&first).collect()
    }

    /// Counts with its own reading of the rows, without the filter of the endpoint.
    fn count(from: &str, to: &str) -> usize {
        let mut people = HashSet::new();
        for entity in entities() {
            let text = |name: &str| {
                entity
                    .properties
                    .iter()
                    .find_map(|(known, value)| match value {
                        Property::String(text) if known == name => Some(text.clone()),
                        _ => None,
                    })
            };
            let in_range = (from..=to).contains(&entity.partition_key.as_str());
            if in_range && text("CertNumber").is_some_and(|number| !number.is_empty()) {
                people.insert(text("identificationNumber").unwrap());
            }
        }
        people.len()
    }

    #[test]
    fn the_documented_counts_are_right() {
        assert_eq!(count("2021-01-01", "2021-01-31"), JANUARY);
        assert_eq!(count("2021-01-01", "2021-01-01"), FIRST_DAY);
        assert_eq!(count("2021-01-01", "2021-01-07"), FIRST_WEEK);
        assert_eq!(count("2020-12-31", "2021-02-01"), WITH_NEIGHBOURS);
        assert_eq!(count("2022-01-01", "2022-12-31"), YEAR);
        assert_eq!(count("2022-01-01", "2022-01-01"), FIRST_DAY_OF_YEAR);
    }

    #[test]
    fn the_documented_rows_are_there() {
        let rows = entities();
        let keys: BTreeSet<_> = rows.iter().map(Entity::keys).collect();
        assert_eq!((rows.len(), keys.len()), (20_840, 20_840));
        for (days, total) in [("2021-01-", 6_200), ("2022-", 14_600)] {
            let rows = rows.iter().filter(|e| e.partition_key.starts_with(days));
            assert_eq!(rows.clone().count(), total, "{days}");
            let with = |certificate: Option<&str>| {
                let certificate = certificate.map(|text| Property::String(text.to_owned()));
                let wanted = |e: &&Entity| e.get("CertNumber") == certificate;
                rows.clone().filter(wanted).count()
            };
            // Every twentieth row has none, and more have an empty one.
            assert_eq!(with(None), total / 20, "{days}");
            assert!(with(Some("")) > total / 20, "{days}");
        }
        let in_year = rows.iter().filter(|e| e.partition_key.starts_with("2022-"));
        let partitions: BTreeSet<_> = in_year.map(|e| &e.partition_key).collect();
        assert_eq!(partitions.len(), 365);
    }

    #[test]
    fn a_read_from_any_key_gives_the_rest_in_order() {
        let all = entities();
        assert!(all.is_sorted_by(|a, b| a.keys() < b.keys()));
        for (partition, row) in [
            ("", ""),
            ("2020-12-31", "000019"),
            ("2020-12-31", "000020"),
            ("2021-01-15", "0001"),
            ("2021-01-15T00:00", "000007"),
            ("2021-06-01", ""),
            ("2022-12-31", "000039"),
            ("2023", ""),
        ] {
            let rest: Vec<_> = Sample::new()
                .from(&(partition.to_owned(), row.to_owned()))
                .collect();
            let expected: Vec<_> = all
                .iter()
                .filter(|entity| entity.keys() >= (partition, row))
                .cloned()
                .collect();
            assert_eq!(rest, expected, "{partition} {row}");
        }
    }

    #[test]
    fn a_row_is_found_by_its_keys_only() {
        let get =
            |partition: &str, row: &str| Sample::new().get(&(partition.to_owned(), row.to_owned()));
        let found = get("2022-12-31", "000039").unwrap();
        assert_eq!(found.keys(), ("2022-12-31", "000039"));
        assert_eq!(get("2022-12-31", "000040"), None);
        assert_eq!(get("2022-12-30", "0000"), None);
        assert_eq!(get("2021-12-31", "000000"), None);
    }
}
