//! The app in the README of durable-functions: its files and its commands as they stand there.

use std::{fs, path::Path};

fn text() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/durable-functions/README.md");
    fs::read_to_string(readme).unwrap()
}

/// The files: each is a code block below its path in bold, `**`path`**`.
pub(crate) fn files() -> Vec<(String, String)> {
    let text = text();
    let mut lines = text.lines();
    let mut files = Vec::new();
    while let Some(line) = lines.next() {
        let path = line
            .strip_prefix("**`")
            .and_then(|rest| rest.strip_suffix("`**"));
        let Some(path) = path else { continue };
        let block = lines.by_ref().skip_while(|line| !line.starts_with("```"));
        let content = block.skip(1).take_while(|line| *line != "```");
        let content = content.map(|line| format!("{line}\n")).collect();
        files.push((path.to_owned(), content));
    }
    files
}

/// The lines of all blocks of shell commands.
pub(crate) fn commands() -> Vec<String> {
    let text = text();
    let mut lines = text.lines();
    let mut commands = Vec::new();
    while lines.by_ref().any(|line| line == "```sh") {
        let block = lines.by_ref().take_while(|line| *line != "```");
        commands.extend(block.map(str::to_owned));
    }
    commands
}
