//! Timers.

use std::time::{Duration, SystemTime};

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Event, OrchestrationContext, Result};
use futures::future::{Either, join_all, select};
use serde::Deserialize;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcDateTime};

use super::{Json, bound};

pub(super) fn functions() -> Vec<OrchestratorFunction> {
    vec![
        bound("timer", timer),
        bound("timerAt", timer_at),
        bound("timerRace", race),
        bound("timerRaceLong", race_of_an_hour),
        bound("timers", odd),
    ]
}

/// The recorded worker's clock had milliseconds.
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

const GO: Event<Json> = Event::new("Go");

#[derive(Deserialize)]
struct Delay {
    ms: u64,
}

async fn timer(ctx: OrchestrationContext, input: Delay) -> Result<String> {
    ctx.sleep(Duration::from_millis(input.ms)).await;
    Ok(UtcDateTime::from(ctx.now()).format(MILLISECONDS)?)
}

#[derive(Deserialize)]
struct Time {
    at: String,
}

async fn timer_at(ctx: OrchestrationContext, input: Time) -> Result<()> {
    let time = OffsetDateTime::parse(&input.at, &Rfc3339)?;
    ctx.sleep_until(time.into()).await;
    Ok(())
}

async fn race(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let timer = ctx.sleep(Duration::from_millis(1500));
    match select(ctx.wait_for(GO), timer).await {
        Either::Left(_) => Ok("event"),
        Either::Right(_) => Ok("timer"),
    }
}

async fn race_of_an_hour(ctx: OrchestrationContext, (): ()) -> Result<Json> {
    let hour = Duration::from_secs(60 * 60);
    Ok(ctx.timeout(hour, ctx.wait_for(GO)).await??)
}

/// In the past, with nanoseconds, at the epoch.
async fn odd(ctx: OrchestrationContext, (): ()) -> Result<&'static str> {
    let now = ctx.now().duration_since(SystemTime::UNIX_EPOCH)?;
    let below_milliseconds = Duration::from_nanos(u64::from(now.subsec_nanos() % 1_000_000));
    let in_a_second = ctx.now() - below_milliseconds + Duration::from_nanos(1_000_456_789);
    let new_year = OffsetDateTime::parse("2020-01-01T00:00:00Z", &Rfc3339)?;
    let times = [new_year.into(), in_a_second, SystemTime::UNIX_EPOCH];
    join_all(times.map(|time| ctx.sleep_until(time))).await;
    Ok("fired")
}
