//! Lists: pages of instances and entities in the order of their ids.
//!
//! Invariant: the work for a page does not depend on how the matching rows lie among the others. A list
//! first follows the ids. When few of them match, it reads the index of status and time instead, which has
//! all matching rows together, and keeps the lowest ids. Neither is right for all lists, so each gets a limit,
//! and then a larger one.

use std::collections::BinaryHeap;

use rusqlite::{Connection, Result, Row, params};

use super::rows::{self, ENTITY, INSTANCE, ticks, ticks_up, time};
use crate::changes::EntityRecord;
use crate::instance::InstanceRecord;
use crate::query::{EntityFilter, InstanceFilter, Page, PageRequest};

/// How many rows that do not match are read along the ids, and how many rows of the other index after that. A
/// row along the ids costs about 0.5 us, a row of the index a fifth of that.
const ATTEMPTS: [(usize, usize); 2] = [(1_000, 10_000), (10_000, usize::MAX)];

/// All statuses, for filters without one.
const STATUSES: std::ops::Range<i32> = 0..8;

/// Where a page begins.
struct Start<'a> {
    id: &'a str,
    is_included: bool,
}

impl<'a> Start<'a> {
    fn new(prefix: &'a str, page: &'a PageRequest) -> Self {
        match page.after.as_deref().filter(|after| *after >= prefix) {
            Some(id) => Self {
                id,
                is_included: false,
            },
            None => Self {
                id: prefix,
                is_included: true,
            },
        }
    }

    fn admits(&self, id: &str) -> bool {
        id > self.id || (self.is_included && id == self.id)
    }

    fn comparison(&self) -> &'static str {
        if self.is_included { ">=" } else { ">" }
    }
}

/// Rows of a page, and whether there are more.
struct Rows<T> {
    limit: usize,
    rows: Vec<T>,
    has_more: bool,
}

impl<T> Rows<T> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            rows: Vec::new(),
            has_more: false,
        }
    }

    fn has_space(&mut self) -> bool {
        self.has_more = self.rows.len() >= self.limit;
        !self.has_more
    }

    fn page(self, id: impl Fn(&T) -> &str) -> Page<T> {
        let last = self.rows.last().filter(|_| self.has_more);
        Page {
            next: last.map(|row| id(row).to_owned()),
            rows: self.rows,
        }
    }
}

pub(super) fn instances(
    connection: &Connection,
    filter: &InstanceFilter,
    page: &PageRequest,
) -> Result<Page<InstanceRecord>> {
    let mut last: String;
    let mut start = Start::new(&filter.prefix, page);
    let mut found = Rows::new(page.limit);
    for (misses, matches) in ATTEMPTS {
        match walk(connection, filter, &start, misses, &mut found)? {
            None => break,
            Some(id) => last = id,
        }
        start = Start {
            id: &last,
            is_included: false,
        };
        if gather(connection, filter, &start, matches, &mut found)? {
            break;
        }
    }
    Ok(found.page(|record| &record.id))
}

/// Follows the ids. Returns the last id that was read when too many did not match.
fn walk(
    connection: &Connection,
    filter: &InstanceFilter,
    start: &Start<'_>,
    mut misses: usize,
    found: &mut Rows<InstanceRecord>,
) -> Result<Option<String>> {
    let sql = format!(
        "SELECT {INSTANCE} FROM instances WHERE id {} ?1 ORDER BY id",
        start.comparison()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([start.id])?;
    while let Some(row) = rows.next()? {
        let id = text(row, 0)?;
        if !id.starts_with(&filter.prefix) {
            break;
        }
        let status = rows::status(row.get(3)?)?;
        if filter.accepts(status, time(row.get(5)?)) {
            if !found.has_space() {
                break;
            }
            found.rows.push(rows::instance(row)?);
        } else if misses == 0 {
            return Ok(Some(id.to_owned()));
        } else {
            misses -= 1;
        }
    }
    Ok(None)
}

/// Reads the index of status and time. `false`: more rows than `limit` match there, and none was taken.
fn gather(
    connection: &Connection,
    filter: &InstanceFilter,
    start: &Start<'_>,
    mut limit: usize,
    found: &mut Rows<InstanceRecord>,
) -> Result<bool> {
    let wanted = found
        .limit
        .saturating_sub(found.rows.len())
        .saturating_add(1);
    // The lowest ids that match, the highest of them on top.
    let mut lowest: BinaryHeap<(String, i64)> = BinaryHeap::new();
    let mut statement = connection.prepare_cached(
        "SELECT id, key FROM instances INDEXED BY instances_by_status
         WHERE status = ?1 AND created BETWEEN ?2 AND ?3",
    )?;
    let from = filter.created_from.map_or(i64::MIN, ticks_up);
    let to = filter.created_to.map_or(i64::MAX, ticks);
    let statuses = STATUSES.filter(|status| {
        let mut chosen = filter.statuses.iter().map(|it| i32::from(*it));
        filter.statuses.is_empty() || chosen.any(|it| it == *status)
    });
    for status in statuses {
        let mut rows = statement.query(params![status, from, to])?;
        while let Some(row) = rows.next()? {
            if limit == 0 {
                return Ok(false);
            }
            limit -= 1;
            let id = text(row, 0)?;
            let is_low = lowest.len() < wanted || lowest.peek().is_some_and(|top| *id < *top.0);
            if !is_low || !start.admits(id) || !id.starts_with(&filter.prefix) {
                continue;
            }
            if lowest.len() == wanted {
                lowest.pop();
            }
            lowest.push((id.to_owned(), row.get(1)?));
        }
    }
    let sql = format!("SELECT {INSTANCE} FROM instances WHERE key = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    for (_, key) in lowest.into_sorted_vec() {
        if !found.has_space() {
            break;
        }
        found.rows.push(statement.query_row([key], rows::instance)?);
    }
    Ok(true)
}

pub(super) fn entities(
    connection: &Connection,
    filter: &EntityFilter,
    page: &PageRequest,
) -> Result<Page<EntityRecord>> {
    let start = Start::new(&filter.prefix, page);
    let mut found = Rows::new(page.limit);
    let sql = format!(
        "SELECT {ENTITY}, state IS NOT NULL FROM entities WHERE id {} ?1 ORDER BY id",
        start.comparison()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([start.id])?;
    while let Some(row) = rows.next()? {
        if !text(row, 0)?.starts_with(&filter.prefix) {
            break;
        }
        let modified = row.get::<_, Option<i64>>(2)?.map(time);
        if filter.accepts(row.get(4)?, modified) {
            if !found.has_space() {
                break;
            }
            found.rows.push(rows::entity(row)?);
        }
    }
    Ok(found.page(|record| &record.id))
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}
