//! One history event as a view on the request.

use durable_protocol::Timestamp;

use super::reader::{Reader, WireError, bytes_field, is_bytes, varint_field};

#[inline(always)]
fn read_timestamp(message: &[u8]) -> Result<Timestamp, WireError> {
    let mut reader = Reader::new(message);
    let mut timestamp = Timestamp::default();
    loop {
        match reader.tag() {
            0 => break,
            tag if tag == varint_field(1) => timestamp.seconds = reader.varint() as i64,
            tag if tag == varint_field(2) => timestamp.nanos = reader.int32(),
            tag => reader.skip(tag),
        }
    }
    reader.finish()?;
    timestamp.nanos = timestamp.nanos.clamp(0, 999_999_999);
    Ok(timestamp)
}

/// The kinds of events that a replay looks at; the number is the field of the protocol's `oneof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    ExecutionStarted,
    ExecutionTerminated,
    TaskScheduled,
    TaskCompleted,
    TaskFailed,
    SubOrchestrationCreated,
    SubOrchestrationCompleted,
    SubOrchestrationFailed,
    TimerCreated,
    TimerFired,
    OrchestratorStarted,
    EventSent,
    EventRaised,
    ExecutionSuspended,
    ExecutionResumed,
    /// A rewind puts these in the place of other events.
    Generic,
    /// Everything that changes nothing in a replay: bookends, unknown kinds.
    Other,
}

impl EventKind {
    /// The kinds by their fields. A table, because a jump per event cannot be predicted.
    const BY_FIELD: [EventKind; 23] = {
        let mut kinds = [EventKind::Other; 23];
        kinds[3] = EventKind::ExecutionStarted;
        kinds[5] = EventKind::ExecutionTerminated;
        kinds[6] = EventKind::TaskScheduled;
        kinds[7] = EventKind::TaskCompleted;
        kinds[8] = EventKind::TaskFailed;
        kinds[9] = EventKind::SubOrchestrationCreated;
        kinds[10] = EventKind::SubOrchestrationCompleted;
        kinds[11] = EventKind::SubOrchestrationFailed;
        kinds[12] = EventKind::TimerCreated;
        kinds[13] = EventKind::TimerFired;
        kinds[14] = EventKind::OrchestratorStarted;
        kinds[16] = EventKind::EventSent;
        kinds[17] = EventKind::EventRaised;
        kinds[18] = EventKind::Generic;
        kinds[21] = EventKind::ExecutionSuspended;
        kinds[22] = EventKind::ExecutionResumed;
        kinds
    };

    fn from_field(number: u32) -> Self {
        Self::BY_FIELD
            .get(number as usize)
            .copied()
            .unwrap_or(EventKind::Other)
    }

    /// Whether the event confirms an action of an earlier turn.
    pub(crate) fn confirms(self) -> bool {
        matches!(
            self,
            EventKind::TaskScheduled
                | EventKind::SubOrchestrationCreated
                | EventKind::TimerCreated
                | EventKind::EventSent
        )
    }
}

/// One history event: its id, its kind, and where its parts are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) id: i32,
    pub(crate) kind: EventKind,
    timestamp: &'a [u8],
    body: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads the event that is the next field of `outer`, which keeps the error. It is inlined and
    /// returns no `Result`, because writing five words to memory took longer than reading the event.
    #[inline(always)]
    pub(super) fn read(outer: &mut Reader<'a>) -> Self {
        let mut reader = Reader::new(outer.bytes());
        let mut event = Event {
            id: 0,
            kind: EventKind::Other,
            timestamp: &[],
            body: &[],
        };
        let mut kind = 0;
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == varint_field(1) => event.id = reader.int32(),
                tag if tag == bytes_field(2) => event.timestamp = reader.bytes(),
                tag if is_bytes(tag) => {
                    kind = tag >> 3;
                    event.body = reader.bytes();
                }
                tag => reader.skip(tag),
            }
        }
        event.kind = EventKind::from_field(kind);
        outer.close(&reader);
        event
    }

    /// An event of which only kind and body were kept.
    pub(crate) fn of(kind: EventKind, body: &'a [u8]) -> Self {
        Event {
            id: -1,
            kind,
            timestamp: &[],
            body,
        }
    }

    /// What [`Event::of`] needs to make the event again.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(crate) fn timestamp(&self) -> Result<Timestamp, WireError> {
        read_timestamp(self.timestamp)
    }

    /// The action whose end this event reports, if it reports one.
    pub(crate) fn ended(&self) -> Result<Option<i32>, WireError> {
        Ok(match self.kind {
            EventKind::TimerFired => Some(self.timer_id()?),
            EventKind::TaskCompleted | EventKind::SubOrchestrationCompleted => {
                Some(self.completion()?.0)
            }
            EventKind::TaskFailed | EventKind::SubOrchestrationFailed => Some(self.failure()?.0),
            _ => None,
        })
    }

    /// `TimerFired.timerId`.
    pub(crate) fn timer_id(&self) -> Result<i32, WireError> {
        let mut id = 0;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == varint_field(2) => id = reader.int32(),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(id)
    }

    /// `TimerCreated.fireAt`.
    pub(crate) fn fire_at(&self) -> Result<Option<Timestamp>, WireError> {
        let mut fire_at = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(1) => fire_at = Some(read_timestamp(reader.bytes())?),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(fire_at)
    }

    /// A completion: the id of the task (0 is left out on the wire) and its result.
    #[inline(always)]
    pub(crate) fn completion(&self) -> Result<(i32, Option<&'a [u8]>), WireError> {
        let mut id = 0;
        let mut result = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == varint_field(1) => id = reader.int32(),
                tag if tag == bytes_field(2) => result = Some(reader.wrapped_bytes()),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok((id, result))
    }

    /// A failure: the task id and the encoded `TaskFailureDetails`, which can be absent.
    pub(crate) fn failure(&self) -> Result<(i32, Option<&'a [u8]>), WireError> {
        let mut id = 0;
        let mut details = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == varint_field(1) => id = reader.int32(),
                tag if tag == bytes_field(2) => details = Some(reader.bytes()),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok((id, details))
    }

    /// `TaskScheduled.name`, `SubOrchestrationInstanceCreated.name` or `EventSent.name`.
    #[inline]
    pub(crate) fn name(&self) -> Result<&'a str, WireError> {
        self.first_string(if self.kind == EventKind::TaskScheduled {
            1
        } else {
            2
        })
    }

    /// The same without the check that it is UTF-8, for a comparison.
    #[inline(always)]
    pub(crate) fn name_bytes(&self) -> Result<&'a [u8], WireError> {
        let number = if self.kind == EventKind::TaskScheduled {
            1
        } else {
            2
        };
        let mut reader = Reader::new(self.body);
        let mut name: &[u8] = &[];
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(number) => {
                    name = reader.bytes();
                    break;
                }
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(name)
    }

    /// `EventSent.instanceId` or `SubOrchestrationInstanceCreated.instanceId`.
    pub(crate) fn target(&self) -> Result<&'a str, WireError> {
        self.first_string(1)
    }

    /// `EventSent.input`.
    pub(crate) fn sent(&self) -> Result<Option<&'a str>, WireError> {
        let mut input = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(3) => input = Some(reader.wrapped_string()),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(input)
    }

    #[inline(always)]
    fn first_string(&self, number: u32) -> Result<&'a str, WireError> {
        let mut reader = Reader::new(self.body);
        let mut text = "";
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(number) => {
                    text = reader.string();
                    break;
                }
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(text)
    }

    /// `EventRaised`: name and payload.
    pub(crate) fn raised(&self) -> Result<(&'a str, Option<&'a [u8]>), WireError> {
        let mut name = "";
        let mut input = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(1) => name = reader.string(),
                tag if tag == bytes_field(2) => input = Some(reader.wrapped_bytes()),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok((name, input))
    }

    /// `ExecutionTerminated.input`: the reason.
    pub(crate) fn reason(&self) -> Result<Option<&'a str>, WireError> {
        let mut reason = None;
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(1) => reason = Some(reader.wrapped_string()),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(reason)
    }

    /// `ExecutionStarted`: who this execution is.
    pub(crate) fn identity(&self) -> Result<Identity<'a>, WireError> {
        let mut identity = Identity::default();
        let mut reader = Reader::new(self.body);
        loop {
            match reader.tag() {
                0 => break,
                tag if tag == bytes_field(1) => identity.name = reader.string(),
                tag if tag == bytes_field(2) => identity.version = Some(reader.wrapped_string()),
                tag if tag == bytes_field(3) => identity.input = Some(reader.wrapped_bytes()),
                tag if tag == bytes_field(4) => {
                    identity.execution_id = field(reader.bytes(), 2, Reader::wrapped_string)?;
                }
                tag if tag == bytes_field(5) => identity.parent = Some(parent(reader.bytes())?),
                tag => reader.skip(tag),
            }
        }
        reader.finish()?;
        Ok(identity)
    }
}

/// What `ExecutionStarted` says about an execution.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) input: Option<&'a [u8]>,
    pub(crate) execution_id: Option<&'a str>,
    pub(crate) parent: Option<ParentInstance<'a>>,
}

/// The orchestration that started this one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ParentInstance<'a> {
    pub(crate) name: &'a str,
    pub(crate) instance_id: &'a str,
}

/// One text of a message that has others.
fn field<'a>(
    message: &'a [u8],
    number: u32,
    read: impl Fn(&mut Reader<'a>) -> &'a str,
) -> Result<Option<&'a str>, WireError> {
    let mut text = None;
    let mut reader = Reader::new(message);
    loop {
        match reader.tag() {
            0 => break,
            tag if tag == bytes_field(number) => text = Some(read(&mut reader)),
            tag => reader.skip(tag),
        }
    }
    reader.finish()?;
    Ok(text)
}

fn parent(message: &[u8]) -> Result<ParentInstance<'_>, WireError> {
    let mut parent = ParentInstance::default();
    let mut reader = Reader::new(message);
    loop {
        match reader.tag() {
            0 => break,
            tag if tag == bytes_field(2) => parent.name = reader.wrapped_string(),
            tag if tag == bytes_field(4) => {
                let instance_id = field(reader.bytes(), 1, Reader::string)?;
                parent.instance_id = instance_id.unwrap_or("");
            }
            tag => reader.skip(tag),
        }
    }
    reader.finish()?;
    Ok(parent)
}
