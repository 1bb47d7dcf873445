//! The sample data: table `audit`, the same rows every time.
//!
//! | PartitionKey | rows |
//! |---|---|
//! | `2021-01-01` … `2021-01-31`, one per day | 200 each, 6,200 in all |
//! | `2020-12-31` and `2021-02-01` | 20 each, of people who appear nowhere else |
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
//!
//! Every tenth row belongs to one of 21 more people who never have a `CertNumber`: it is empty or
//! absent, and they are never counted. Everybody else has several rows a day, one in three of them
//! with an empty `CertNumber`.

use super::entity::{Entity, Property};
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

const DAYS: u32 = 31;
const ROWS_PER_DAY: u32 = 200;
const NEIGHBOUR_ROWS: u32 = 20;
/// People with a certificate.
const CERTIFIED: u32 = 119;
/// People who never have one.
const UNCERTIFIED: u32 = 21;
/// How far the people of a day are shifted from those of the day before.
const SHIFT: u32 = 4;

const EVENTS: [&str; 4] = ["created", "viewed", "changed", "closed"];

/// All rows, ordered by day and number.
pub(super) fn entities() -> impl Iterator<Item = Entity> {
    let january = (0..DAYS).flat_map(|day| (0..ROWS_PER_DAY).map(move |row| january(day, row)));
    let before = (0..NEIGHBOUR_ROWS).map(|row| neighbour(-1, row, 200));
    let after = (0..NEIGHBOUR_ROWS).map(|row| neighbour(i64::from(DAYS), row, 220));
    before.chain(january).chain(after)
}

fn january(day: u32, row: u32) -> Entity {
    let (person, certificate) = if row % 10 == 9 {
        let person = CERTIFIED + (day + row / 10) % UNCERTIFIED;
        (person, (row / 10).is_multiple_of(2).then(String::new))
    } else {
        let person = (day * SHIFT + row / 3) % CERTIFIED;
        let certificate = if row % 3 == 2 {
            String::new()
        } else {
            certificate(person)
        };
        (person, Some(certificate))
    };
    entity(i64::from(day), row, person, certificate)
}

fn neighbour(day: i64, row: u32, first_person: u32) -> Entity {
    let person = first_person + row;
    entity(day, row, person, Some(certificate(person)))
}

fn certificate(person: u32) -> String {
    format!("C-{:05}", 20_000 + person * 7)
}

fn entity(day: i64, row: u32, person: u32, certificate: Option<String>) -> Entity {
    let partition_key = date(day);
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
        partition_key,
        row_key: format!("{row:06}"),
        properties,
    }
}

fn date(day: i64) -> String {
    let first = Date::from_calendar_date(2021, Month::January, 1).unwrap_or(Date::MIN);
    let date = first.saturating_add(Duration::days(day));
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
    use std::collections::HashSet;

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
    }

    #[test]
    fn the_documented_rows_are_there() {
        let rows: Vec<Entity> = entities().collect();
        let keys: HashSet<_> = rows
            .iter()
            .map(|e| (&e.partition_key, &e.row_key))
            .collect();
        assert_eq!((rows.len(), keys.len()), (6_240, 6_240));
        let in_january = rows
            .iter()
            .filter(|e| e.partition_key.starts_with("2021-01-"));
        assert_eq!(in_january.clone().count(), 6_200);
        let certificate = |e: &&Entity| e.get("CertNumber");
        let absent = in_january
            .clone()
            .filter(|e| certificate(e).is_none())
            .count();
        let empty = in_january
            .filter(|e| certificate(e) == Some(Property::String(String::new())))
            .count();
        assert_eq!(absent, 310);
        assert!(empty > 310);
    }
}
