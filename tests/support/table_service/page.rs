//! Pages of entities.
//!
//! Invariant: the pages of a query, one after the other, hold each entity that passes the filter once, in the order of its
//! keys; a page without a token is the last one.

use std::{collections::BTreeMap, ops::Bound};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value as Json;

use super::{
    data::{Generated, row_key, row_number},
    filter::Filter,
    store::{Entity, Keys},
};

/// A page ends at this size.
const MAX_PAGE: usize = 4 * 1024 * 1024;

const ETAG: &str = r#""odata.etag":"W/\"datetime'2026-11-21T00%3A00%3A00.0000000Z'\"""#;

/// How much the client wants to know beside the entities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    None,
    Minimal,
    Full,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) partition: String,
    /// `None`: with the first row of the partition.
    pub(super) row: Option<String>,
    /// Whether the page before was empty and began here, too.
    pub(super) is_after_empty: bool,
}

/// How a page differs from a full one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Full,
    /// No entity, and a token.
    Empty,
    /// It ends with the partition. The token has no row key then.
    OnePartition,
}

pub(super) struct Query<'q> {
    pub(super) table: &'q str,
    pub(super) filter: &'q Filter,
    /// `None`: all properties.
    pub(super) select: Option<&'q [String]>,
    pub(super) metadata: Metadata,
    pub(super) most: usize,
    pub(super) from: Option<Position>,
    pub(super) shape: Shape,
}

pub(super) struct Page {
    pub(super) body: Vec<u8>,
    /// How many entities of which partitions.
    pub(super) entities: Vec<(String, u64)>,
    pub(super) next: Option<Position>,
}

impl Position {
    /// The two parts of the token.
    pub(super) fn token(&self) -> (String, Option<String>) {
        let kind = if self.is_after_empty { 2 } else { 1 };
        let part = |text: &str| {
            let text = BASE64_STANDARD.encode(text).replace('=', "-");
            format!("{kind}!{}!{text}", text.len())
        };
        (part(&self.partition), self.row.as_deref().map(part))
    }

    pub(super) fn parse(partition: &str, row: Option<&str>) -> Option<Self> {
        let part = |token: &str| {
            let mut parts = token.splitn(3, '!');
            let kind = parts.next()?.to_owned();
            let length = parts.next()?.parse::<usize>().ok()?;
            let text = parts.next().filter(|text| text.len() == length)?;
            let text = BASE64_STANDARD.decode(text.replace('-', "=")).ok()?;
            Some((kind, String::from_utf8(text).ok()?))
        };
        let (kind, partition) = part(partition)?;
        let row = match row {
            None => None,
            Some(row) => Some(part(row)?.1),
        };
        Some(Self {
            partition,
            row,
            is_after_empty: kind == "2",
        })
    }
}

impl Query<'_> {
    /// The key of the partition that the page begins in.
    pub(super) fn first_partition(&self) -> &str {
        let of_filter = self.filter.first_partition();
        let from = self.from.as_ref();
        from.map_or(of_filter, |from| from.partition.as_str().max(of_filter))
    }

    /// The first row of the page in this partition.
    fn first_row(&self, partition: &str) -> &str {
        let from = self
            .from
            .as_ref()
            .filter(|from| from.partition == partition);
        from.and_then(|from| from.row.as_deref()).unwrap_or("")
    }

    fn begin(&self) -> Writer {
        let mut body = Vec::with_capacity(64 * 1024);
        body.push(b'{');
        if self.metadata != Metadata::None {
            let metadata = format!(
                r#""odata.metadata":"http://fake/fake/$metadata#{}","#,
                self.table
            );
            body.extend_from_slice(metadata.as_bytes());
        }
        body.extend_from_slice(br#""value":["#);
        Writer {
            body,
            entities: Vec::new(),
            count: 0,
            most: if self.shape == Shape::Empty {
                0
            } else {
                self.most
            },
        }
    }

    /// What a page holds that is cut off before this row.
    fn next(&self, partition: &str, row: Option<&str>) -> Position {
        Position {
            partition: partition.to_owned(),
            row: row.map(str::to_owned),
            is_after_empty: self.shape == Shape::Empty,
        }
    }

    /// A page of generated rows. `days` are the keys of their partitions.
    pub(super) fn generated(&self, generated: &Generated, days: &[String]) -> Page {
        const ALL: [&str; 4] = [
            "PartitionKey",
            "RowKey",
            "identificationNumber",
            "CertNumber",
        ];
        let mut columns: Vec<String> = ALL.map(str::to_owned).to_vec();
        if let Some(select) = self.select {
            columns.retain(|column| select.contains(column));
        }
        let mut writer = self.begin();
        let mut memory = Vec::new();
        let first = days.partition_point(|day| day.as_str() < self.first_partition());
        for (number, day) in days.iter().enumerate().skip(first) {
            if self.filter.ends_before(day) {
                break;
            }
            if !self.filter.takes_partition(day) {
                continue;
            }
            if self.shape == Shape::OnePartition && writer.count > 0 {
                return writer.end(Some(self.next(day, None)));
            }
            let first_row = row_number(self.first_row(day)).unwrap_or(0);
            for row in first_row..generated.rows_per_day {
                if writer.is_full() {
                    return writer.end(Some(self.next(day, Some(&row_key(row)))));
                }
                let entity = generated.row(number as u32, row);
                if !entity.passes(day, self.filter.others(), &mut memory) {
                    continue;
                }
                writer.begin_entity(self.metadata, ETAG, self.table, day, || row_key(row));
                for column in &columns {
                    writer.name(column);
                    writer.body.push(b'"');
                    entity.write(column, day, &mut writer.body);
                    writer.body.push(b'"');
                }
                writer.end_entity(day);
            }
        }
        writer.end(None)
    }

    /// A page of stored entities.
    pub(super) fn stored(&self, entities: &BTreeMap<Keys, Entity>) -> Page {
        let mut writer = self.begin();
        let first = self.first_partition();
        let first = Keys::new(first, self.first_row(first));
        let mut last: Option<&str> = None;
        for (keys, entity) in entities.range((Bound::Included(first), Bound::Unbounded)) {
            let partition = keys.partition.as_str();
            if self.filter.ends_before(partition) {
                break;
            }
            if !self.filter.takes_partition(partition) {
                continue;
            }
            let is_other = last.is_some_and(|last| last != partition);
            last = Some(partition);
            if self.shape == Shape::OnePartition && is_other && writer.count > 0 {
                return writer.end(Some(self.next(partition, None)));
            }
            if writer.is_full() {
                return writer.end(Some(self.next(partition, Some(&keys.row))));
            }
            if !self.filter.takes(&entity.members) {
                continue;
            }
            let etag = format!(r#""odata.etag":{}"#, Json::from(entity.etag.as_str()));
            writer.begin_entity(self.metadata, &etag, self.table, partition, || {
                keys.row.clone()
            });
            for (name, value) in &entity.members {
                let (property, annotation) = match name.split_once('@') {
                    Some((property, _)) => (property, true),
                    None => (name.as_str(), false),
                };
                let is_selected = self
                    .select
                    .is_none_or(|select| select.iter().any(|it| it == property));
                if is_selected && !(annotation && self.metadata == Metadata::None) {
                    writer.name(name);
                    serde_json::to_writer(&mut writer.body, value).unwrap();
                }
            }
            writer.end_entity(partition);
        }
        writer.end(None)
    }
}

struct Writer {
    body: Vec<u8>,
    entities: Vec<(String, u64)>,
    count: usize,
    most: usize,
}

impl Writer {
    fn is_full(&self) -> bool {
        self.count >= self.most || self.body.len() > MAX_PAGE
    }

    fn begin_entity(
        &mut self,
        metadata: Metadata,
        etag: &str,
        table: &str,
        partition: &str,
        row: impl Fn() -> String,
    ) {
        self.body
            .extend_from_slice(if self.count > 0 { b",{" } else { b"{" });
        match metadata {
            Metadata::None => {}
            Metadata::Minimal => self.body.extend_from_slice(etag.as_bytes()),
            Metadata::Full => {
                let link = format!("{table}(PartitionKey='{partition}',RowKey='{}')", row());
                let whole = format!(
                    r#""odata.type":"fake.{table}","odata.id":"http://fake/fake/{link}",{etag},"odata.editLink":"{link}""#
                );
                self.body.extend_from_slice(whole.as_bytes());
            }
        }
    }

    fn name(&mut self, name: &str) {
        if self.body.last() != Some(&b'{') {
            self.body.push(b',');
        }
        self.body.push(b'"');
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(br#"":"#);
    }

    fn end_entity(&mut self, partition: &str) {
        self.body.push(b'}');
        self.count += 1;
        match self.entities.last_mut() {
            Some((key, count)) if key == partition => *count += 1,
            _ => self.entities.push((partition.to_owned(), 1)),
        }
    }

    fn end(mut self, next: Option<Position>) -> Page {
        self.body.extend_from_slice(b"]}");
        Page {
            body: self.body,
            entities: self.entities,
            next,
        }
    }
}
