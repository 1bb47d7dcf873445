//! What a message asks for, or why it can never start a job.
//!
//! Invariant: a reason names the field and what was expected. It shows nothing of the message, because it gets into logs.

use functions_handler::Message;

use crate::{
    dates::DateRange,
    functions::submit::{
        body::{self, Member},
        range::{Bounds, Refusal, Rules},
    },
    sessions::SessionId,
};

/// What a well-formed message asks for.
pub(super) struct Submission {
    pub(super) session: SessionId,
    pub(super) range: DateRange,
}

/// Reads a message. Its days are checked as those of a request to `submit`.
pub(super) fn read(message: &Message, rules: &Rules) -> Result<Submission, String> {
    let text = message.text();
    if text.len() > body::MAX_BYTES {
        return Err(reason(&Refusal::TooLarge));
    }
    let members = body::members(text.as_bytes(), &["sessionId", "start", "end"]);
    let [session, start, end] = members.map_err(|refusal| reason(&refusal))?;
    let session = self::session(&session, message.session_id())?;
    let bounds = Bounds {
        start: start.into_bound(),
        end: end.into_bound(),
    };
    let range = bounds.check(rules).map_err(|refusal| reason(&refusal))?;
    Ok(Submission { session, range })
}

/// The session of the body; without one that of the message itself.
fn session(member: &Member, of_message: Option<&str>) -> Result<SessionId, String> {
    let text = match (member, of_message) {
        (Member::Text(text), _) => text,
        (Member::Other(_), _) => return Err("sessionId: expected a string".to_owned()),
        (Member::Absent, Some(text)) => text,
        (Member::Absent, None) => {
            return Err(
                "sessionId: expected it in the text or as the SessionId of the message".to_owned(),
            );
        }
    };
    SessionId::parse(text).map_err(|error| error.to_string())
}

fn reason(refusal: &Refusal) -> String {
    let text = match refusal {
        Refusal::EmptyStart => "start: expected a day, it is missing",
        Refusal::MalformedStart => "start: expected a day such as 2021-01-31",
        Refusal::AmbiguousStart(_) => "start: expected a day that can be read in one way only",
        Refusal::EmptyEnd => "end: expected a day, it is missing",
        Refusal::MalformedEnd => "end: expected a day such as 2021-01-31",
        Refusal::AmbiguousEnd(_) => "end: expected a day that can be read in one way only",
        Refusal::TooFewDays => "start, end: expected an end that is not before the start",
        Refusal::TooManyDays { max_span_days } => {
            return format!("start, end: expected at most {max_span_days} days");
        }
        Refusal::TooLarge => "text: expected at most 65536 bytes",
        Refusal::InvalidJson { line, column } => {
            return format!("text: expected JSON, it ends at line {line}, column {column}");
        }
        // The name is the sender's.
        Refusal::UnknownMember(_) => "text: expected no members but sessionId, start and end",
        Refusal::MemberTwice(name) => return format!("{name}: expected it once, it is there twice"),
        Refusal::EmptyBody
        | Refusal::NotAnObject
        // These are about requests.
        | Refusal::UnknownKind
        | Refusal::PostOnly
        | Refusal::ByGet
        | Refusal::CrossSite
        | Refusal::NotJson => "text: expected {\"sessionId\":\"…\",\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}",
    };
    text.to_owned()
}
