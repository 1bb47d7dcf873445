//! The messages of a test, whichever queue delivers them.

use std::sync::Mutex;

use serde_json::{Value, json};
use time::{Date, Duration, Month, OffsetDateTime};

use super::super::support::random::Random;

/// How many sessions the messages belong to.
const SESSIONS: u64 = 3;

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its place among all that were sent.
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) session: String,
    /// The day that its job counts. No other message has it, so that a job shows its message.
    pub(super) day: String,
    /// In whole seconds. No other message has it.
    pub(super) sent: OffsetDateTime,
    pub(super) is_done: bool,
}

impl Message {
    /// The text without the session.
    pub(super) fn days(&self) -> Value {
        json!({ "start": self.day, "end": self.day })
    }
}

/// All messages.
pub(super) struct Messages {
    sessions: Vec<String>,
    begin: OffsetDateTime,
    sent: Mutex<Sent>,
}

struct Sent {
    random: Random,
    /// In the order in which they were sent.
    messages: Vec<Message>,
    is_closed: bool,
}

impl Messages {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut random = random.split();
        let sessions = (0..SESSIONS).map(|_| format!("session-{}", random.id()));
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        Self {
            sessions: sessions.collect(),
            begin: now - Duration::HOUR,
            sent: Mutex::new(Sent {
                random,
                messages: Vec::new(),
                is_closed: false,
            }),
        }
    }

    /// The ids of the sessions.
    pub(super) fn sessions(&self) -> &[String] {
        &self.sessions
    }

    /// Those that were sent, in that order.
    pub(super) fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().messages.clone()
    }

    /// No more are sent.
    pub(super) fn close(&self) {
        self.sent.lock().unwrap().is_closed = true;
    }

    /// Sends a new one; `None` when no more are sent.
    pub(super) fn send(&self) -> Option<Message> {
        let mut sent = self.sent.lock().unwrap();
        if sent.is_closed {
            return None;
        }
        let number = sent.messages.len();
        let count = i64::try_from(number).unwrap();
        let first_day = Date::from_calendar_date(1970, Month::January, 1).unwrap();
        let session = sent.random.below(SESSIONS);
        let message = Message {
            number,
            id: sent.random.id(),
            session: self.sessions[usize::try_from(session).unwrap()].clone(),
            day: (first_day + Duration::days(count)).to_string(),
            sent: self.begin + Duration::seconds(count),
            is_done: false,
        };
        sent.messages.push(message.clone());
        Some(message)
    }

    /// The queue will not deliver this one again.
    pub(super) fn done(&self, message: &Message) {
        self.sent.lock().unwrap().messages[message.number].is_done = true;
    }

    /// A number below `end`.
    pub(super) fn random(&self, end: u64) -> u64 {
        self.sent.lock().unwrap().random.below(end)
    }
}
