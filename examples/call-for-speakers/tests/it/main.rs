//! The orchestrations of the app in a task hub in memory and in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod folders;
mod people;
mod rules;

use std::{sync::Arc, time::Duration};

use call_for_speakers::{
    functions::process_submission::{Input, Review},
    orchestrations,
    settings::Settings,
    submission::{Speaker, Submission},
};
use durable_functions::testing::TestHub;

const A_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A hub with the functions of the app, under the default settings.
fn hub() -> TestHub {
    let settings = Arc::new(Settings::read(|_| None).unwrap());
    TestHub::new().functions(orchestrations().with_state(settings))
}

fn input(title: &str, review: Review) -> Input {
    let submission = Submission {
        id: String::new(),
        speaker: Speaker {
            name: "Ada Lovelace".to_owned(),
            email: "ada@example.com".to_owned(),
            bio: String::new(),
            country: "United Kingdom".to_owned(),
        },
        title: title.to_owned(),
        description: "Notes".to_owned(),
        track: "Engines".to_owned(),
    };
    Input { submission, review }
}

fn custom_status(hub: &TestHub, id: &str) -> String {
    let status = hub.status(id).unwrap().unwrap();
    status.custom_status.unwrap_or_default()
}
