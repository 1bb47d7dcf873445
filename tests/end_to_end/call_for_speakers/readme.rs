//! The commands in the README of the app give the outputs that it shows.

use super::*;
use crate::support::{
    build,
    console::{self, Request},
};

/// The id in the README. A real one takes its place.
const SHOWN_ID: &str = "0b66bb8fd7cb4a5bb0e3a7c6c7a9dd53";

const SHOWN_ADDRESS: &str = "http://localhost:7071";

#[tokio::test]
async fn the_commands_of_the_readme_give_what_it_shows() {
    let host = by_people("604800").start().await;
    let client = host.client();
    let readme = build::examples().join("call-for-speakers/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let mut lines = readme.lines();
    let (mut id, mut commands) = (String::new(), 0);
    while lines.by_ref().any(|line| line == "```console") {
        let block = lines.by_ref().take_while(|line| *line != "```");
        for shown in console::shown(block) {
            commands += 1;
            let real = |text: &str| text.replace(SHOWN_ID, &id);
            let command: Vec<String> = shown.command.iter().map(|word| real(word)).collect();
            let request = Request::of_curl(&command);
            if id.is_empty() {
                let answer = request.send(client, SHOWN_ADDRESS).await;
                let (_, found) = answer.header("Location").rsplit_once('/').unwrap();
                found.clone_into(&mut id);
                in_stage(client, answer.header("Location"), "Moderation").await;
                assert_eq!(answer.body, address(&shown.output.concat(), client, &id));
                continue;
            }
            let answer = request.send(client, SHOWN_ADDRESS).await;
            assert_eq!(answer.body, address(&shown.output.concat(), client, &id));
        }
    }
    assert_eq!(commands, 3);
}

/// A shown text with the address of the host and the id of the submission.
fn address(text: &str, client: &Client, id: &str) -> String {
    let text = text.replace(SHOWN_ADDRESS, &client.url(""));
    text.replace(SHOWN_ID, id)
}
