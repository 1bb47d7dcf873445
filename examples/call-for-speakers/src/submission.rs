//! What a speaker submits, and whether it is complete.
//!
//! Invariant: a problem names a field and what was expected, never a value.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// The instance id of its orchestration, which the orchestrator sets.
    #[serde(default)]
    pub id: String,
    /// Who gives the talk.
    pub speaker: Speaker,
    /// One line.
    pub title: String,
    /// What the talk is about.
    pub description: String,
    /// The part of the conference that the talk is for.
    pub track: String,
}

/// Who gives a talk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Speaker {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// What the speaker does; may be empty.
    #[serde(default)]
    pub bio: String,
    /// The country.
    pub country: String,
}

/// Without the e-mail address, so that it gets into no log.
impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker")
            .field("name", &self.name)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

/// What is wrong with each field, by its path, such as `speaker.email`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub BTreeMap<String, String>);

/// The most unknown fields that are reported, and the most characters of the name of one.
const MOST_UNKNOWN: usize = 20;
const MOST_OF_A_NAME: usize = 64;

/// The fields of a submission and of a speaker, each with the most characters that it may have.
const FIELDS: [(&str, usize); 3] = [("title", 200), ("description", 5_000), ("track", 100)];
const SPEAKER_FIELDS: [(&str, usize); 4] = [
    ("name", 100),
    ("email", 254),
    ("bio", 2_000),
    ("country", 100),
];
/// Fields that may be absent or empty.
const OPTIONAL: [&str; 1] = ["speaker.bio"];
/// Fields of one line, which logs and clients show. An e-mail address in one would get there.
const SHOWN: [&str; 3] = ["title", "track", "speaker.country"];

impl Submission {
    /// Reads the JSON of a client. An `id` is ignored.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(json: &Value) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let none = Map::new();
        let Some(members) = json.as_object() else {
            problems.add("", "expected a JSON object");
            return Err(problems);
        };
        let mut known = vec!["id", "speaker"];
        known.extend(FIELDS.map(|(name, _)| name));
        problems.unknown("", members, &known);
        let speaker = match members.get("speaker") {
            Some(Value::Object(speaker)) => speaker,
            Some(_) => {
                problems.add("speaker", "expected an object");
                &none
            }
            None => {
                problems.add("speaker", "is missing");
                &none
            }
        };
        problems.unknown("speaker.", speaker, &SPEAKER_FIELDS.map(|(name, _)| name));
        let [title, description, track] = FIELDS.map(|field| problems.text("", members, field));
        // The fields of a speaker who is not there are not missing one by one.
        let [name, email, bio, country] = match problems.0.contains_key("speaker") {
            true => Default::default(),
            false => SPEAKER_FIELDS.map(|field| problems.text("speaker.", speaker, field)),
        };
        if !email.is_empty() && !is_address(&email) {
            problems.add("speaker.email", "expected an e-mail address");
        }
        let submission = Self {
            id: String::new(),
            speaker: Speaker {
                name,
                email,
                bio,
                country,
            },
            title,
            description,
            track,
        };
        match problems.0.is_empty() {
            true => Ok(submission),
            false => Err(problems),
        }
    }

    /// The same checks, for a submission that did not come through `submit`.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(&self) -> Result<(), Problems> {
        let json = serde_json::to_value(self).unwrap_or_default();
        Self::read(&json).map(|_| ())
    }
}

impl Problems {
    fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.0.entry(field.to_owned()).or_insert(problem.into());
    }

    fn unknown(&mut self, path: &str, members: &Map<String, Value>, known: &[&str]) {
        let unknown = members
            .keys()
            .filter(|name| !known.contains(&name.as_str()));
        for name in unknown.take(MOST_UNKNOWN) {
            let name: String = name.chars().take(MOST_OF_A_NAME).collect();
            let problem = format!("unknown field. The known fields are {}", known.join(", "));
            self.add(&format!("{path}{name}"), problem);
        }
    }

    /// The text of a field; empty when it has a problem.
    fn text(
        &mut self,
        path: &str,
        members: &Map<String, Value>,
        (name, most): (&str, usize),
    ) -> String {
        let field = format!("{path}{name}");
        let text = match members.get(name) {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text.trim(),
            Some(_) => {
                self.add(&field, "expected a string");
                return String::new();
            }
        };
        let is_shown = SHOWN.contains(&field.as_str());
        if text.is_empty() && !OPTIONAL.contains(&field.as_str()) {
            self.add(&field, "is missing");
        } else if text.chars().count() > most {
            self.add(&field, format!("expected at most {most} characters"));
        } else if is_shown && text.chars().any(char::is_control) {
            self.add(&field, "expected one line");
        } else if is_shown && holds_address(text) {
            self.add(&field, "expected a text without an e-mail address");
        } else {
            return text.to_owned();
        }
        String::new()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, problem)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {problem}")?;
        }
        Ok(())
    }
}

/// Whether a text has the form of an e-mail address. Whether mail arrives there, only mail can tell.
fn is_address(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    text.split_once('@').is_some_and(|(local, domain)| {
        let labels = domain.split('.');
        !local.is_empty()
            && local.chars().all(is_plain)
            && domain.contains('.')
            && labels
                .into_iter()
                .all(|it| !it.is_empty() && it.chars().all(is_plain))
    })
}

/// Whether a text may hold an e-mail address: an at sign with something before and behind it. Addresses have more forms than
/// a reader of logs would tell apart, so this takes a few texts for one that are none.
pub(crate) fn holds_address(text: &str) -> bool {
    let around: Vec<char> = text.chars().collect();
    around.windows(3).any(|three| {
        matches!(three, [before, '@' | '\u{ff20}', behind]
            if !before.is_whitespace() && !behind.is_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({
            "speaker": { "name": "Ada", "email": "ada@example.com", "bio": "", "country": "UK" },
            "title": "Notes", "description": "On the engine.\nWith examples.", "track": "Engines"
        })
    }

    fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut json = valid();
        change(&mut json);
        let Problems(found) = Submission::read(&json).unwrap_err();
        found
            .into_iter()
            .map(|(field, problem)| format!("{field}: {problem}"))
            .collect()
    }

    #[test]
    fn a_complete_submission_is_read_without_its_id() {
        let mut json = valid();
        json["id"] = json!("chosen by the client");
        let submission = Submission::read(&json).unwrap();
        assert_eq!(submission.id, "");
        assert_eq!(submission.speaker.email, "ada@example.com");
        assert_eq!(submission.check(), Ok(()));
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let found = problems(|json| {
            json["title"] = json!("  ");
            json["track"] = json!(7);
            json["speaker"] = json!({ "name": "x".repeat(101), "email": "ada", "twitter": "@ada" });
        });
        assert_eq!(
            found,
            [
                "speaker.country: is missing",
                "speaker.email: expected an e-mail address",
                "speaker.name: expected at most 100 characters",
                "speaker.twitter: unknown field. The known fields are name, email, bio, country",
                "title: is missing",
                "track: expected a string",
            ]
        );
    }

    #[test]
    fn what_is_no_submission_at_all_is_refused() {
        for json in [json!(null), json!([]), json!("x")] {
            let Problems(found) = Submission::read(&json).unwrap_err();
            assert_eq!(found[""], "expected a JSON object", "{json}");
        }
        assert_eq!(
            problems(|json| json["speaker"] = json!(null)),
            ["speaker: expected an object"]
        );
        let missing = |json: &mut Value| {
            json.as_object_mut().unwrap().remove("speaker");
        };
        assert_eq!(problems(missing), ["speaker: is missing"]);
    }

    #[test]
    fn what_logs_show_is_one_line_without_an_address() {
        for title in [
            "mail ada@example.com",
            "<ada@example.com>",
            "Ask ada@example.com!",
            "@ada@example.com",
            "ada@example.com@",
            "ada@example.com|bob@example.com",
            "ada\u{ff20}example.com",
            "ada@localhost",
            "ada@[127.0.0.1]",
        ] {
            let found = problems(|json| json["title"] = json!(title));
            assert_eq!(
                found,
                ["title: expected a text without an e-mail address"],
                "{title}"
            );
        }
        assert_eq!(
            problems(|json| json["track"] = json!("a\nb")),
            ["track: expected one line"]
        );
        for title in ["Rust @ scale", "@ada and @bob", "Meet @"] {
            let mut json = valid();
            json["title"] = json!(title);
            assert!(Submission::read(&json).is_ok(), "{title}");
        }
    }

    #[test]
    fn a_debug_text_has_no_address() {
        let submission = Submission::read(&valid()).unwrap();
        assert!(!format!("{submission:?}").contains("ada@example.com"));
    }
}
