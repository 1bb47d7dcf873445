//! The Call-for-Speakers app, `examples/call-for-speakers`, as speakers and those who decide meet it.

mod people;
mod readme;
mod restarts;
mod rules;
mod status;
mod submissions;

use std::time::Duration;

use serde_json::json;

use super::support::{
    app_folder::AppFolder,
    host::{Host, TIME_LIMIT},
    http::{Answer, Client},
};

/// In every submission. Nothing but the input of the orchestration may hold it.
const EMAIL: &str = "ada@example.com";

/// The titles of submissions that each stage rejects, and of one that all approve. `examples/call-for-speakers/src/rules.rs`
/// pins them.
const APPROVED: &str = "Talk 10";
const REJECTED_BY_MODERATION: &str = "Talk 2";
const REJECTED_BY_SHORTLISTING: &str = "Talk 1";
const REJECTED_BY_SELECTION: &str = "Talk 0";

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The app under the rules, whose stages take a moment.
fn by_rules() -> AppFolder {
    AppFolder::example("call-for-speakers")
        .setting("ModerationSeconds", "0.2")
        .setting("ShortlistingSeconds", "0.2")
        .setting("SelectionSeconds", "0.2")
}

/// The app where people have so many seconds for each stage.
fn by_people(seconds: &str) -> AppFolder {
    AppFolder::example("call-for-speakers")
        .setting("DecidedBy", "people")
        .setting("DecisionSeconds", seconds)
}

/// A complete submission.
fn submission(title: &str) -> String {
    let speaker = json!({ "name": "Ada", "email": EMAIL, "bio": "", "country": "UK" });
    json!({ "speaker": speaker, "title": title, "description": "Notes", "track": "Engines" })
        .to_string()
}

/// Submits a talk. Returns its id and the address of its status.
async fn submit(client: &Client, title: &str) -> (String, String) {
    let answer = client.post("/api/submit", &submission(title)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let location = answer.header("Location");
    let id = location.rsplit('/').next().unwrap();
    (id.to_owned(), location.to_owned())
}

/// Asks for the status until it is as wanted.
async fn poll(client: &Client, location: &str, mut wanted: impl FnMut(&Answer) -> bool) -> Answer {
    let polls = async {
        loop {
            let answer = client.status(location).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let found = tokio::time::timeout(TIME_LIMIT, polls).await;
    found.unwrap_or_else(|_| panic!("{location} is never as expected"))
}

/// Waits until the submission is in this stage.
async fn in_stage(client: &Client, location: &str, stage: &str) {
    let sentence = running(stage, location);
    poll(client, location, |answer| answer.body == sentence).await;
}

async fn ended(client: &Client, location: &str) -> Answer {
    poll(client, location, |answer| answer.status != 202).await
}

// The four sentences of the original API, to the letter.

fn running(stage: &str, location: &str) -> String {
    format!(
        "Your submission is being processed. The current status is {stage}. To check the status later, go to: GET \
         {location}"
    )
}

fn accepted(id: &str) -> String {
    format!("Congratulations, your presentation with id '{id}' has been accepted!")
}

fn not_accepted(id: &str) -> String {
    format!("We are sorry! Unfortunately your presentation with id '{id}' has not been accepted.")
}

fn not_found(id: &str) -> String {
    format!(
        "Whoops! Something went wrong. Please check if your submission Id is correct. Submission '{id}' not found."
    )
}

/// How often a function has ended without a failure.
fn succeeded(host: &Host, function: &str) -> usize {
    let line = format!("Executed 'Functions.{function}' (Succeeded");
    host.log().matches(&line).count()
}

/// Neither the log nor the custom status may hold the address of a speaker.
fn assert_nothing_personal(host: &Host) {
    let log = host.log();
    let line = log.lines().find(|line| line.contains(EMAIL));
    assert_eq!(line, None);
}
