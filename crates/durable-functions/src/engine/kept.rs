//! Kept instances: a turn costs as much as its new events, not as its whole history.
//!
//! The host sends the whole history with every turn. But within one execution the past events of a
//! request begin, byte for byte, with all events of the turn before. So the live orchestrator of a
//! finished turn is kept, together with the bytes that the next request must begin with. If it does, the
//! orchestrator gets only the rest, and the past costs one comparison of bytes. In every other case
//! (another execution, a shorter or different past after a redelivery, a rewind) the turn is replayed.
//!
//! Invariant: a kept orchestrator is in the state that a replay of the consumed bytes gives, because
//! replay is a function of those bytes. The decision looks only at bytes, never into an event, and an
//! uncertain case is replayed. A replay notices code that is not deterministic, and a kept instance
//! does not, so a share of the turns is run both ways and compared.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64_simd::STANDARD;

use super::{Execution, RequestError};
use crate::engine::OrchestratorFunction;
use crate::wire::Request;

/// The longest beginning, in bytes, whose memory is kept for the next instance.
const LARGEST_SPARE: usize = 1024 * 1024;

/// How many instances are kept between their turns, in place of a replay: [the guide](crate::guide::operating) says what
/// that is. Each limit is for the whole process, if it is served by an app or a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptLimits {
    /// How many instances at most; 0 keeps none and replays every turn in full.
    pub instances: usize,
    /// How many bytes at most, of histories and orchestrators together.
    pub bytes: usize,
    /// How long an instance is kept without a turn.
    pub idle: Duration,
    /// One in so many continued turns is also replayed in full and compared; 0 for none, 1 for all.
    pub verify_every: u64,
}

impl Default for KeptLimits {
    /// 1,000 instances, 64 MiB, five minutes; every turn is verified in debug builds, one in a
    /// thousand otherwise.
    fn default() -> Self {
        KeptLimits {
            instances: 1000,
            bytes: 64 * 1024 * 1024,
            idle: Duration::from_secs(300),
            verify_every: if cfg!(debug_assertions) { 1 } else { 1000 },
        }
    }
}

impl KeptLimits {
    /// Keeps nothing: every turn is a full replay.
    pub fn none() -> Self {
        KeptLimits {
            instances: 0,
            ..KeptLimits::default()
        }
    }

    /// How many instances at most.
    #[must_use]
    pub fn instances(mut self, instances: usize) -> Self {
        self.instances = instances;
        self
    }

    /// How many bytes at most.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How long an instance is kept without a turn.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Verifies one in `turns` continued turns; 0 for none, 1 for all.
    #[must_use]
    pub fn verify_every(mut self, turns: u64) -> Self {
        self.verify_every = turns;
        self
    }
}

/// Runs turns and keeps the orchestrators between them. Lives on one thread, as they do.
pub struct KeptInstances {
    limits: KeptLimits,
    entries: HashMap<String, Entry>,
    /// The weight of all entries.
    bytes: usize,
    /// The memory of the beginning of an instance that has ended. Returning half a megabyte to the
    /// system, page by page, takes three times as long as the last turn of its instance.
    spare: Vec<u8>,
    continued: u64,
}

/// A request as it arrives: a host sends base64, a sidecar the message itself.
///
/// A kept instance is compared in this form, so that its past is not decoded.
#[derive(Clone, Copy)]
pub(crate) enum Arrived<'a> {
    Base64(&'a str),
    #[cfg_attr(
        not(any(feature = "worker", feature = "testing")),
        allow(dead_code, reason = "no sidecar")
    )]
    Message(&'a [u8]),
}

impl<'a> Arrived<'a> {
    fn as_bytes(self) -> &'a [u8] {
        match self {
            Arrived::Base64(text) => text.as_bytes(),
            Arrived::Message(message) => message,
        }
    }

    /// The message from `start` on, which is an offset in the form that it arrived in.
    fn decode_from(self, start: usize) -> Result<Vec<u8>, String> {
        let behind = || "it is too short".to_owned();
        match self {
            Arrived::Base64(text) => STANDARD
                .decode_to_vec(text.get(start..).ok_or_else(behind)?)
                .map_err(|error| format!("it is not base64: {error}")),
            Arrived::Message(message) => Ok(message.get(start..).ok_or_else(behind)?.to_vec()),
        }
    }

    fn instance_id(self) -> Option<String> {
        match self {
            Arrived::Base64(text) => instance_id_of(text),
            Arrived::Message(message) => Request::instance_id_at(message).map(str::to_owned),
        }
    }
}

struct Entry {
    function: OrchestratorFunction,
    execution: Execution,
    /// How the next request must begin. Of base64, whole groups of three bytes.
    beginning: Vec<u8>,
    /// Of base64, the zero to two bytes that must follow.
    tail: Vec<u8>,
    /// Whether the beginning is base64.
    base64: bool,
    used: Instant,
    weight: usize,
}

impl KeptInstances {
    /// Keeps instances within `limits`.
    pub fn new(limits: KeptLimits) -> Self {
        KeptInstances {
            limits,
            entries: HashMap::new(),
            bytes: 0,
            spare: Vec::new(),
            continued: 0,
        }
    }

    /// How many instances are kept now.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no instance is kept now.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many turns were continued instead of replayed.
    pub fn continued(&self) -> u64 {
        self.continued
    }

    /// Runs one turn: a request in, the answer as an encoded `OrchestratorResponse` out.
    ///
    /// # Errors
    /// What is wrong with the request, if it is not an `OrchestratorRequest`, or the base64 of one.
    pub(crate) fn turn(
        &mut self,
        function: &OrchestratorFunction,
        arrived: Arrived<'_>,
        now: Instant,
    ) -> Result<Vec<u8>, String> {
        if self.limits.instances == 0 {
            let request = arrived.decode_from(0)?;
            return super::execute(function, request).map_err(|error| error.to_string());
        }
        let key = arrived.instance_id();
        let entry = key
            .as_ref()
            .and_then(|key| self.entries.remove(key))
            .inspect(|entry| self.bytes -= entry.weight)
            .filter(|entry| entry.function.is(function));
        let entry = match entry {
            None => None,
            Some(entry) if arrived.as_bytes().starts_with(&entry.beginning) => {
                if let Some(answer) = self.advance(entry, function, arrived, now) {
                    return Ok(answer);
                }
                None
            }
            other => other,
        };
        self.replay(entry, function, arrived, now)
    }

    /// Drops the instances that had no turn for the idle time. Without any instance, the memory that was
    /// kept for the next one is freed as well.
    pub fn forget_idle(&mut self, now: Instant) {
        let idle = self.limits.idle;
        let bytes = &mut self.bytes;
        self.entries.retain(|_, entry| {
            let keep = now.saturating_duration_since(entry.used) < idle;
            if !keep {
                *bytes -= entry.weight;
            }
            keep
        });
        if self.entries.is_empty() {
            self.spare = Vec::new();
        }
    }

    /// Gives a kept execution what it has not consumed yet. `None` means that the turn must be replayed.
    fn advance(
        &mut self,
        mut entry: Entry,
        function: &OrchestratorFunction,
        arrived: Arrived<'_>,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let bytes = Rc::new(arrived.decode_from(entry.beginning.len()).ok()?);
        let rest = bytes.strip_prefix(entry.tail.as_slice())?;
        let request = Request::read(rest).ok()?;
        let answer = entry.execution.resume(function, &request, &bytes).ok()??;
        self.continued += 1;
        if self.limits.verify_every > 0
            && self.continued.is_multiple_of(self.limits.verify_every)
            && !self.verified(function, arrived, &answer)
        {
            return None;
        }
        if entry.execution.has_ended() {
            self.recycle(entry.beginning);
        } else if let Some(past) = request.as_past() {
            let consumed = [entry.tail.as_slice(), &past].concat();
            self.keep(entry, &consumed, now);
        }
        Some(answer)
    }

    /// Whether a replay gives the same answer.
    fn verified(
        &self,
        function: &OrchestratorFunction,
        arrived: Arrived<'_>,
        answer: &[u8],
    ) -> bool {
        if replayed(function, arrived).is_ok_and(|replayed| replayed == answer) {
            return true;
        }
        tracing::error!(
            orchestrator = function.name(),
            instance = arrived.instance_id(),
            "a replay decides differently than the kept instance: the orchestrator depends on \
             something that changes from one run to the next (the clock, random numbers, the order \
             of a HashMap); the replay's answer is used"
        );
        false
    }

    /// Runs a turn from its whole history, and keeps the execution.
    fn replay(
        &mut self,
        entry: Option<Entry>,
        function: &OrchestratorFunction,
        arrived: Arrived<'_>,
        now: Instant,
    ) -> Result<Vec<u8>, String> {
        let bytes = Rc::new(arrived.decode_from(0)?);
        let invalid = |error| RequestError::from(error).to_string();
        let request = Request::read(&bytes).map_err(invalid)?;
        if request.lacks_history() {
            return self
                .without_state(entry, function, &request, &bytes, now)
                .map_err(invalid);
        }
        let mut execution = Execution::new(&request, &bytes);
        execution.run(function, &request).map_err(invalid)?;
        let answer = execution.answer();
        if !execution.has_ended()
            && let Some(past) = request.as_past()
        {
            let base64 = matches!(arrived, Arrived::Base64(_));
            let length = if base64 {
                past.len() / 3 * 4
            } else {
                past.len()
            };
            let entry = Entry {
                function: function.clone(),
                execution,
                beginning: self.buffer(length),
                tail: Vec::new(),
                base64,
                used: now,
                weight: 0,
            };
            self.keep(entry, &past, now);
        }
        Ok(answer)
    }

    /// A turn of a host that leaves out the history. If the instance is not kept, the host is asked for
    /// the history.
    fn without_state(
        &mut self,
        entry: Option<Entry>,
        function: &OrchestratorFunction,
        request: &Request<'_>,
        bytes: &Rc<Vec<u8>>,
        now: Instant,
    ) -> Result<Vec<u8>, crate::wire::WireError> {
        if let Some(mut entry) = entry
            && let Some(answer) = entry.execution.resume(function, request, bytes)?
        {
            if !entry.execution.has_ended() {
                // What the next request begins with is unknown. No request begins with this, so that
                // only one without history continues the instance.
                entry.beginning = vec![0];
                entry.tail.clear();
                self.keep(entry, &[], now);
            }
            return Ok(answer);
        }
        Ok(super::history_required(request.instance_id))
    }

    /// Keeps an execution that has consumed `consumed` after its beginning.
    fn keep(&mut self, mut entry: Entry, consumed: &[u8], now: Instant) {
        entry.execution.rest();
        if entry.base64 {
            let Some((groups, tail)) = consumed.split_at_checked(consumed.len() / 3 * 3) else {
                return;
            };
            STANDARD.encode_append(groups, &mut entry.beginning);
            entry.tail = tail.to_vec();
        } else {
            entry.beginning.extend_from_slice(consumed);
        }
        entry.used = now;
        entry.weight = entry.beginning.capacity() + entry.execution.weight();
        if entry.weight > self.limits.bytes {
            return;
        }
        let Some(key) = entry.execution.instance_id() else {
            return;
        };
        if self.bytes + entry.weight + self.spare.capacity() > self.limits.bytes {
            self.spare = Vec::new();
        }
        while self.entries.len() >= self.limits.instances
            || self.bytes + entry.weight > self.limits.bytes
        {
            if !self.forget_oldest() {
                return;
            }
        }
        self.bytes += entry.weight;
        if let Some(replaced) = self.entries.insert(key, entry) {
            self.bytes -= replaced.weight;
        }
    }

    /// Keeps the memory of a beginning that is no longer needed.
    fn recycle(&mut self, mut beginning: Vec<u8>) {
        let capacity = beginning.capacity();
        if capacity > self.spare.capacity() && capacity <= LARGEST_SPARE {
            beginning.clear();
            self.spare = beginning;
        }
    }

    /// Room for a text of `length` bytes, but no more than twice as much.
    fn buffer(&mut self, length: usize) -> Vec<u8> {
        match self.spare.capacity() {
            spare if spare / 2 <= length => std::mem::take(&mut self.spare),
            _ => Vec::new(),
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
        let Some(key) = oldest.map(|(key, _)| key.clone()) else {
            return false;
        };
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes -= entry.weight;
        }
        true
    }
}

/// The answer to a request that a kept execution has answered already. The code runs as replaying,
/// because it has logged what it had to log.
pub(crate) fn replayed(
    function: &OrchestratorFunction,
    arrived: Arrived<'_>,
) -> Result<Vec<u8>, String> {
    let bytes = Rc::new(arrived.decode_from(0)?);
    let invalid = |error| RequestError::from(error).to_string();
    let request = Request::read(&bytes).map_err(invalid)?;
    let mut execution = Execution::new(&request, &bytes);
    execution.rerun(function, &request).map_err(invalid)?;
    Ok(execution.answer())
}

/// The instance that a request is for, from its beginning alone.
pub(crate) fn instance_id_of(text: &str) -> Option<String> {
    // 256 characters of up to four bytes, and the field around them.
    const LONGEST: usize = (256 * 4 + 6) / 3 * 4;
    let start = text.get(..LONGEST.min(text.len()))?;
    let bytes = STANDARD.decode_to_vec(start).ok()?;
    Request::instance_id_at(&bytes).map(str::to_owned)
}
