//! What a step does to the tables.

use durable_protocol::messages::ScheduleTaskAction;
use prost::Message as _;
use prost::bytes::Bytes;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use super::rows::{pack, phase_number, ticks, unpack};
use crate::changes::{
    Activity, CancelledTimers, Changes, EntityRecord, HistoryChange, InstanceChange, Message,
    Payload, Timer,
};

/// The statements of one step, in the open transaction.
pub(super) fn apply(connection: &Connection, changes: Changes) -> Result<()> {
    let step = Writer(connection);
    for id in &changes.purged {
        step.purge(id)?;
    }
    for cancelled in &changes.cancelled {
        step.cancel(cancelled)?;
    }
    for number in &changes.fired {
        step.run("DELETE FROM timers WHERE number = ?1", params![number])?;
    }
    for number in &changes.consumed {
        step.run("DELETE FROM messages WHERE number = ?1", params![number])?;
    }
    for number in &changes.finished {
        step.run("DELETE FROM activities WHERE number = ?1", params![number])?;
    }
    for change in &changes.instances {
        step.instance(change)?;
    }
    for entity in &changes.entities {
        step.entity(entity)?;
    }
    for message in &changes.sent {
        step.message(message)?;
    }
    for timer in &changes.timers {
        step.timer(timer)?;
    }
    for activity in changes.scheduled {
        step.activity(activity)?;
    }
    Ok(())
}

struct Writer<'a>(&'a Connection);

impl Writer<'_> {
    fn run(&self, sql: &str, values: &[&dyn ToSql]) -> Result<()> {
        self.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn purge(&self, id: &str) -> Result<()> {
        self.run("DELETE FROM messages WHERE target = ?1", params![id])?;
        self.run("DELETE FROM timers WHERE target = ?1", params![id])?;
        self.run("DELETE FROM entities WHERE id = ?1", params![id])?;
        let key: Option<i64> = self
            .0
            .prepare_cached("DELETE FROM instances WHERE id = ?1 RETURNING key")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if let Some(key) = key {
            self.run("DELETE FROM history WHERE instance = ?1", params![key])?;
            self.run("DELETE FROM inputs WHERE instance = ?1", params![key])?;
        }
        Ok(())
    }

    fn cancel(&self, timers: &CancelledTimers) -> Result<()> {
        self.run(
            "DELETE FROM timers WHERE target = ?1 AND execution = ?2",
            params![timers.target, timers.execution],
        )
    }

    fn instance(&self, change: &InstanceChange) -> Result<()> {
        let record = &change.record;
        let (sets_output, output) = match &change.output {
            Payload::Keep => (false, None),
            Payload::Set(output) => (true, output.as_deref()),
        };
        let key: i64 = self
            .0
            .prepare_cached(
                "INSERT INTO instances (id, execution, start, status, phase, created, updated, latest,
                     first_from, first_to, history, earlier, custom_status, output)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?15)
                 ON CONFLICT (id) DO UPDATE SET
                     execution = ?2, start = ?3, status = ?4, phase = ?5, created = ?6, updated = ?7,
                     latest = ?8, first_from = ?9, first_to = ?10, history = ?11, earlier = ?12,
                     custom_status = ?13, output = iif(?14, ?15, output)
                 RETURNING key",
            )?
            .query_row(
                params![
                    record.id,
                    record.execution,
                    record.start.encode_to_vec(),
                    i32::from(record.status),
                    phase_number(record.phase),
                    ticks(record.created),
                    ticks(record.updated),
                    ticks(record.latest),
                    record.first_turn.map(|first| first.from),
                    record.first_turn.map(|first| first.to),
                    record.history,
                    record.earlier,
                    record.custom_status,
                    sets_output,
                    output,
                ],
                |row| row.get(0),
            )?;
        match &change.input {
            Payload::Keep => {}
            Payload::Set(Some(input)) => self.run(
                "INSERT OR REPLACE INTO inputs (instance, input) VALUES (?1, ?2)",
                params![key, input],
            )?,
            Payload::Set(None) => {
                self.run("DELETE FROM inputs WHERE instance = ?1", params![key])?;
            }
        }
        self.history(key, record.history, &change.history)
    }

    /// `length` is that of the changed history.
    fn history(&self, key: i64, length: u64, change: &HistoryChange) -> Result<()> {
        if change.cleared {
            self.run("DELETE FROM history WHERE instance = ?1", params![key])?;
        }
        for (index, event) in &change.replaced {
            self.replace(key, *index, event)?;
        }
        if change.appended.is_empty() {
            return Ok(());
        }
        self.run(
            "INSERT INTO history (instance, position, events) VALUES (?1, ?2, ?3)",
            params![
                key,
                length.saturating_sub(change.appended.len() as u64),
                pack(&change.appended)
            ],
        )
    }

    fn replace(&self, key: i64, index: u64, event: &Bytes) -> Result<()> {
        let mut events = Vec::new();
        let position: Option<u64> = self
            .0
            .prepare_cached(
                "SELECT position, events FROM history WHERE instance = ?1 AND position <= ?2
                 ORDER BY position DESC LIMIT 1",
            )?
            .query_row(params![key, index], |row| {
                unpack(row, 1, &mut events)?;
                row.get(0)
            })
            .optional()?;
        let slot = position
            .and_then(|position| usize::try_from(index - position).ok())
            .and_then(|offset| events.get_mut(offset));
        let Some(slot) = slot else {
            return Ok(());
        };
        *slot = event.clone();
        self.run(
            "UPDATE history SET events = ?3 WHERE instance = ?1 AND position = ?2",
            params![key, position, pack(&events)],
        )
    }

    fn entity(&self, entity: &EntityRecord) -> Result<()> {
        self.run(
            "INSERT INTO entities (id, locked_by, modified, state) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET locked_by = ?2, modified = ?3, state = ?4",
            params![
                entity.id,
                entity.locked_by,
                entity.modified.map(ticks),
                entity.state
            ],
        )
    }

    fn message(&self, message: &Message) -> Result<()> {
        self.run(
            "INSERT INTO messages (number, target, execution, body) VALUES (?1, ?2, ?3, ?4)",
            params![
                message.number,
                message.target,
                message.execution,
                &message.body[..]
            ],
        )
    }

    fn timer(&self, timer: &Timer) -> Result<()> {
        let message = &timer.message;
        self.run(
            "INSERT INTO timers (number, due, target, execution, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                message.number,
                ticks(timer.due),
                message.target,
                message.execution,
                &message.body[..]
            ],
        )
    }

    fn activity(&self, activity: Activity) -> Result<()> {
        let task = ScheduleTaskAction {
            name: activity.name,
            version: activity.version,
            input: activity.input,
            tags: activity.tags,
            parent_trace_context: None,
        };
        self.run(
            "INSERT INTO activities (number, instance, execution, action, task)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                activity.number,
                activity.instance,
                activity.execution,
                activity.id,
                task.encode_to_vec()
            ],
        )
    }
}
