//! The entities of the table `audit`: a short description of many, or each by itself.
//!
//! Invariant: a description always means the same entities, and none of them is kept in memory.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json, json};
use time::{Date, Duration};

use super::{
    faults::share,
    filter::{Cell, Comparison},
    store::Keys,
};

/// The rows of a table.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Computed when they are asked for.
    Generated(Generated),
    /// These.
    Explicit(Vec<Row>),
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) partition_key: String,
    pub(crate) row_key: String,
    /// A string, a number of 32 bits, [`int64`], or `null`. `None`: the property is absent.
    pub(crate) identification_number: Option<Json>,
    /// `None`: the property is absent.
    pub(crate) cert_number: Option<String>,
}

/// A number that the service keeps as `Edm.Int64`.
pub(crate) fn int64(number: i64) -> Json {
    json!({ "Edm.Int64": number.to_string() })
}

/// As many rows on each of these days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generated {
    pub(crate) first_day: Date,
    pub(crate) days: u32,
    pub(crate) rows_per_day: u32,
    /// How many values the rows share, no more than 10^9. The days share them, too. With as many rows as values each
    /// value comes, unless the row has no `CertNumber`.
    pub(crate) distinct: u64,
    /// The share of rows with an empty `CertNumber`, which are scanned and not returned.
    pub(crate) empty_cert_share: f64,
}

impl Rows {
    /// The entities of explicit rows, as a client inserts them.
    pub(crate) fn members(&self) -> Vec<Map<String, Json>> {
        match self {
            Self::Generated(_) => Vec::new(),
            Self::Explicit(rows) => entities(rows).into_values().collect(),
        }
    }

    /// The distinct values, and the rows with a `CertNumber`, from this partition key to that one, both included. Counted
    /// row by row, without what answers queries.
    pub(crate) fn expected(&self, from: &str, to: &str) -> (u64, u64) {
        match self {
            Self::Generated(generated) => generated.expected(from, to),
            Self::Explicit(rows) => {
                let mut values = HashSet::new();
                let mut counted = 0;
                for row in rows {
                    let is_inside =
                        from <= row.partition_key.as_str() && row.partition_key.as_str() <= to;
                    let has_cert = row
                        .cert_number
                        .as_ref()
                        .is_some_and(|cert| !cert.is_empty());
                    if is_inside && has_cert {
                        counted += 1;
                        match &row.identification_number {
                            None | Some(Json::Null) => {}
                            Some(Json::String(text)) => {
                                values.insert(text.clone());
                            }
                            Some(Json::Object(int64)) => {
                                values.insert(int64["Edm.Int64"].as_str().unwrap().to_owned());
                            }
                            Some(other) => {
                                values.insert(other.to_string());
                            }
                        }
                    }
                }
                (values.len() as u64, counted)
            }
        }
    }
}

/// The entities of the rows, as the service keeps them.
pub(super) fn entities(rows: &[Row]) -> BTreeMap<Keys, Map<String, Json>> {
    let entity = |row: &Row| {
        let mut members = Map::new();
        let mut set = |name: &str, value: Json| members.insert(name.to_owned(), value);
        set("PartitionKey", json!(row.partition_key));
        set("RowKey", json!(row.row_key));
        match &row.identification_number {
            None => {}
            Some(Json::Object(int64)) => {
                set("identificationNumber@odata.type", json!("Edm.Int64"));
                set("identificationNumber", int64["Edm.Int64"].clone());
            }
            Some(value) => {
                set("identificationNumber", value.clone());
            }
        }
        if let Some(cert) = &row.cert_number {
            set("CertNumber", json!(cert));
        }
        (Keys::new(&row.partition_key, &row.row_key), members)
    };
    rows.iter().map(entity).collect()
}

impl Generated {
    /// The partition key of the day with this number.
    pub(crate) fn day(&self, number: u32) -> String {
        let day = self.first_day + Duration::days(i64::from(number));
        let (year, month, day) = day.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }

    pub(super) fn row(&self, day: u32, number: u32) -> GeneratedRow {
        let index = u64::from(day) * u64::from(self.rows_per_day) + u64::from(number);
        GeneratedRow {
            number,
            // A prime, so that neighbours are far apart and each value comes once before one comes again.
            value: (index % self.distinct) * 982_451_653 % self.distinct,
            has_cert: self.empty_cert_share == 0.0 || share(1, index) >= self.empty_cert_share,
        }
    }

    fn expected(&self, from: &str, to: &str) -> (u64, u64) {
        let mut values = vec![false; self.distinct as usize];
        let mut counted = 0;
        for day in 0..self.days {
            let key = self.day(day);
            if from <= key.as_str() && key.as_str() <= to {
                for number in 0..self.rows_per_day {
                    let row = self.row(day, number);
                    if row.has_cert {
                        counted += 1;
                        values[row.value as usize] = true;
                    }
                }
            }
        }
        let distinct = values.iter().filter(|is_there| **is_there).count();
        (distinct as u64, counted)
    }
}

/// One of the generated rows.
pub(super) struct GeneratedRow {
    number: u32,
    value: u64,
    has_cert: bool,
}

impl GeneratedRow {
    /// Its properties are texts; `None` for one that it does not have.
    pub(super) fn write(&self, property: &str, day: &str, to: &mut Vec<u8>) -> Option<()> {
        match property {
            "PartitionKey" => to.extend_from_slice(day.as_bytes()),
            "RowKey" => digits(u64::from(self.number), 10, to),
            // As long as the number of an identity document.
            "identificationNumber" => digits(8_000_000_000_000 + self.value, 13, to),
            "CertNumber" if self.has_cert => to.extend_from_slice(b"C-1"),
            "CertNumber" => {}
            _ => return None,
        }
        Some(())
    }

    /// Whether it passes. `text` is memory to work in.
    pub(super) fn passes(&self, day: &str, comparisons: &[Comparison], text: &mut Vec<u8>) -> bool {
        comparisons.iter().all(|comparison| {
            text.clear();
            let found = self.write(&comparison.property, day, text);
            let cell = found.map(|()| Cell::Text(std::str::from_utf8(text).unwrap()));
            comparison.passes(cell.as_ref())
        })
    }
}

/// The row key of a row, and its number.
pub(super) fn row_key(number: u32) -> String {
    format!("{number:010}")
}

pub(super) fn row_number(key: &str) -> Option<u32> {
    key.parse().ok()
}

/// Several times faster than `write!`. The benchmark measures on the same processors.
fn digits(mut number: u64, count: usize, to: &mut Vec<u8>) {
    let from = to.len();
    to.resize(from + count, b'0');
    for digit in to[from..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
