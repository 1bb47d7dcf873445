//! Rows: how values become columns and back.
//!
//! Invariant: what is written comes back the same.

use std::sync::Arc;

use durable_protocol::Timestamp;
use durable_protocol::messages::{ExecutionStartedEvent, OrchestrationStatus, ScheduleTaskAction};
use prost::bytes::{Buf as _, Bytes};
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Result, Row};

use crate::changes::{Activity, EntityRecord, Message, Timer};
use crate::instance::{FirstTurn, InstanceRecord, Phase};

/// The columns of [`instance`].
pub(super) const INSTANCE: &str = "id, execution, start, status, phase, created, updated, latest, \
     first_from, first_to, history, earlier, custom_status";

/// The columns of [`message`].
pub(super) const MESSAGE: &str = "number, target, execution, body";

/// The columns of [`entity`].
pub(super) const ENTITY: &str = "id, locked_by, modified, state";

const TICKS: i64 = 10_000_000;

/// Steps of 100 ns since 1970. The hub's times are whole steps. A time further than 29,000 years away becomes
/// the furthest that a column holds.
pub(super) fn ticks(time: Timestamp) -> i64 {
    time.seconds
        .saturating_mul(TICKS)
        .saturating_add(i64::from(time.nanos) / 100)
}

/// The first step at `time` or later.
pub(super) fn ticks_up(time: Timestamp) -> i64 {
    ticks(time).saturating_add(i64::from(time.nanos % 100 != 0))
}

pub(super) fn time(ticks: i64) -> Timestamp {
    Timestamp {
        seconds: ticks.div_euclid(TICKS),
        nanos: (ticks.rem_euclid(TICKS) * 100) as i32,
    }
}

pub(super) fn phase_number(phase: Phase) -> i64 {
    match phase {
        Phase::Scheduled => 0,
        Phase::Begun => 1,
        Phase::Ended => 2,
    }
}

fn phase(number: i64) -> FromSqlResult<Phase> {
    match number {
        0 => Ok(Phase::Scheduled),
        1 => Ok(Phase::Begun),
        2 => Ok(Phase::Ended),
        _ => Err(FromSqlError::OutOfRange(number)),
    }
}

pub(super) fn status(number: i64) -> FromSqlResult<OrchestrationStatus> {
    i32::try_from(number)
        .ok()
        .and_then(|number| OrchestrationStatus::try_from(number).ok())
        .ok_or(FromSqlError::OutOfRange(number))
}

/// A column that is decoded.
fn read<T>(
    row: &Row<'_>,
    column: usize,
    decode: impl FnOnce(ValueRef<'_>) -> FromSqlResult<T>,
) -> Result<T> {
    let value = row.get_ref(column)?;
    decode(value).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), Box::new(error))
    })
}

fn decoded<M: prost::Message + Default>(row: &Row<'_>, column: usize) -> Result<M> {
    read(row, column, |value| {
        M::decode(value.as_blob()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    })
}

fn bytes(row: &Row<'_>, column: usize) -> Result<Bytes> {
    Ok(Bytes::from(row.get::<_, Vec<u8>>(column)?))
}

pub(super) fn instance(row: &Row<'_>) -> Result<InstanceRecord> {
    let first_from: Option<u64> = row.get(8)?;
    let first_to: Option<u64> = row.get(9)?;
    Ok(InstanceRecord {
        id: row.get(0)?,
        execution: row.get(1)?,
        start: Arc::new(decoded::<ExecutionStartedEvent>(row, 2)?),
        status: read(row, 3, |value| status(value.as_i64()?))?,
        phase: read(row, 4, |value| phase(value.as_i64()?))?,
        created: time(row.get(5)?),
        updated: time(row.get(6)?),
        latest: time(row.get(7)?),
        first_turn: first_from
            .zip(first_to)
            .map(|(from, to)| FirstTurn { from, to }),
        history: row.get(10)?,
        earlier: row.get(11)?,
        custom_status: row.get(12)?,
    })
}

pub(super) fn message(row: &Row<'_>) -> Result<Message> {
    Ok(Message {
        number: row.get(0)?,
        target: row.get(1)?,
        execution: row.get(2)?,
        body: bytes(row, 3)?,
    })
}

/// The columns of a message, then the time.
pub(super) fn timer(row: &Row<'_>) -> Result<Timer> {
    Ok(Timer {
        message: message(row)?,
        due: time(row.get(4)?),
    })
}

/// Instance, execution, action, task.
pub(super) fn activity(number: u64, row: &Row<'_>) -> Result<Activity> {
    let task: ScheduleTaskAction = decoded(row, 3)?;
    Ok(Activity {
        number,
        instance: row.get(0)?,
        execution: row.get(1)?,
        id: row.get(2)?,
        name: task.name,
        version: task.version,
        input: task.input,
        tags: task.tags,
    })
}

pub(super) fn entity(row: &Row<'_>) -> Result<EntityRecord> {
    Ok(EntityRecord {
        id: row.get(0)?,
        locked_by: row.get(1)?,
        modified: row.get::<_, Option<i64>>(2)?.map(time),
        state: row.get(3)?,
    })
}

/// The events of one row of the history.
pub(super) fn pack(events: &[Bytes]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(events.iter().map(|event| event.len() + 5).sum());
    for event in events {
        prost::encoding::encode_varint(event.len() as u64, &mut packed);
        packed.extend_from_slice(event);
    }
    packed
}

/// Adds the events of the column to `events`.
pub(super) fn unpack(row: &Row<'_>, column: usize, events: &mut Vec<Bytes>) -> Result<()> {
    let mut packed = bytes(row, column)?;
    while packed.has_remaining() {
        let length = prost::encoding::decode_varint(&mut packed)
            .ok()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= packed.remaining());
        let Some(length) = length else {
            return Err(rusqlite::Error::FromSqlConversionFailure(
                column,
                rusqlite::types::Type::Blob,
                "the events of a history are cut off".into(),
            ));
        };
        events.push(packed.split_to(length));
    }
    Ok(())
}
