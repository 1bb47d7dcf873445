//! The tutorial, followed as a reader follows it: its commands are run and its files are written, in their order, in a
//! folder outside of the workspace. What it shows of an output is there.
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::process::Child;

use super::support::{
    build,
    console::{self, Request, Shown},
    host::{Output, TIME_LIMIT, send_signal},
    http::Client,
};

/// The address in the tutorial, which is the host's default.
const SHOWN_ADDRESS: &str = "http://localhost:7071";

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A code block, with the file that the last line in bold has named.
struct Block {
    file: String,
    kind: String,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut file = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let path = line
            .strip_prefix("**`")
            .and_then(|it| it.strip_suffix("`**"));
        if let Some(path) = path {
            path.clone_into(&mut file);
        }
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let content = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(Block {
            file: file.clone(),
            kind: kind.to_owned(),
            lines: content.map(str::to_owned).collect(),
        });
    }
    blocks
}

/// The reader at the keyboard.
struct Reader {
    folder: PathBuf,
    host: Option<Host>,
}

struct Host {
    process: Child,
    output: Output,
    client: Client,
}

impl Reader {
    /// Runs a command of cargo as a shell would, and returns its output.
    fn cargo(&self, arguments: &[&str]) -> std::process::Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).current_dir(&self.folder);
        // What is not downloaded yet cannot be a part of a test.
        cargo.env("CARGO_NET_OFFLINE", "true");
        cargo
            .env("CARGO_TERM_COLOR", "never")
            .env("RUST_BACKTRACE", "0");
        build::remove_test_variables(&mut cargo);
        cargo.env_remove("CARGO_TERM_QUIET");
        cargo.output().unwrap()
    }

    fn shell(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["cd", into] => {
                self.folder.push(into);
                // What was compiled in an earlier run, and with the versions of the workspace: a reader gets the
                // newest ones.
                let root = Path::new(env!("CARGO_MANIFEST_DIR"));
                let target = build::target().join("tests/tutorial");
                fs::create_dir_all(&target).unwrap();
                std::os::unix::fs::symlink(target, self.folder.join("target")).unwrap();
                fs::copy(root.join("Cargo.lock"), self.folder.join("Cargo.lock")).unwrap();
            }
            // The workspace has built it.
            ["cargo", "install", ..] => {}
            ["cargo", ref arguments @ ..] => {
                let output = self.cargo(arguments);
                assert!(output.status.success(), "{command}: {output:?}");
            }
            _ => panic!("`{command}` is not known here"),
        }
    }

    /// Changes a file as a diff says: what it has without the lines that come is there once.
    fn change(&self, file: &str, diff: &[String]) {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let side = |other: char| -> String {
            let lines = diff.iter().filter(|line| !line.starts_with(other));
            lines
                .map(|line| format!("{}\n", line.get(1..).unwrap_or_default()))
                .collect()
        };
        let (old, new) = (side('+'), side('-'));
        assert_eq!(text.matches(&old).count(), 1, "{file} does not have\n{old}");
        fs::write(path, text.replace(&old, &new)).unwrap();
    }

    async fn run(&mut self, shown: &Shown) {
        let words: Vec<&str> = shown.command.iter().map(String::as_str).collect();
        match words[..] {
            ["local-host"] => self.start_host(&shown.output).await,
            ["curl", ..] => self.curl(shown).await,
            ["cargo", ref arguments @ ..] => {
                let output = self.cargo(arguments);
                let text = String::from_utf8(output.stdout.clone()).unwrap();
                for line in &shown.output {
                    let found = text
                        .lines()
                        .any(|it| it.trim_end().starts_with(line.as_str()));
                    assert!(found, "{words:?} does not print\n{line}\nbut {output:?}");
                }
                let is_failure = shown.output.iter().any(|line| line.contains("FAILED"));
                assert_eq!(
                    output.status.success(),
                    !is_failure,
                    "{words:?}: {output:?}"
                );
            }
            _ => panic!("{words:?} is not known here"),
        }
    }

    /// Stops the host that runs, if there is one, and starts another, which builds the app.
    async fn start_host(&mut self, shown: &[String]) {
        self.stop_host().await;
        let mut command = Command::new(build::local_host());
        command
            .args(["--port", "0"])
            .current_dir(&self.folder)
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        build::remove_test_variables(&mut command);
        let mut process = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = Output::default();
        output.collect(process.stdout.take().unwrap());
        output.collect(process.stderr.take().unwrap());
        let line = output.until("] http://localhost:", 1).await;
        output
            .until("Worker process started and initialized.", 1)
            .await;
        let (_, rest) = line.split_once("http://localhost:").unwrap();
        let port = rest.split('/').next().unwrap();
        let address = format!("http://localhost:{port}");
        for line in shown {
            output
                .until(&line.replace(SHOWN_ADDRESS, &address), 1)
                .await;
        }
        self.host = Some(Host {
            process,
            output,
            client: Client::new(format!("http://127.0.0.1:{port}")),
        });
    }

    /// As Ctrl+C does.
    async fn stop_host(&mut self) {
        let Some(mut host) = self.host.take() else {
            return;
        };
        send_signal(host.process.id().unwrap(), "INT");
        let ended = tokio::time::timeout(TIME_LIMIT, host.process.wait()).await;
        ended.expect("local-host ends").unwrap();
    }

    /// Sends what the curl line sends. A GET is repeated until its output is the one that is shown: it asks how far
    /// something is, and the reader waits meanwhile.
    async fn curl(&self, shown: &Shown) {
        // Prints the status code alone.
        let code_alone = ["-s", "-o", "/dev/null", "-w", "%{http_code}\\n"];
        let (command, prints_code) =
            match shown.command[1..].strip_prefix(&code_alone.map(str::to_owned)) {
                Some(rest) => ([&["curl".to_owned()], rest].concat(), true),
                None => (shown.command.clone(), false),
            };
        let request = Request::of_curl(&command);
        let client = &self.host.as_ref().unwrap().client;
        let expected = shown.output.concat();
        let as_shown = async {
            loop {
                let answer = request.send(client, SHOWN_ADDRESS).await;
                let printed = match prints_code {
                    true => answer.status.to_string(),
                    false => answer.body,
                };
                if printed == expected {
                    return;
                }
                assert_eq!(
                    request.method,
                    reqwest::Method::GET,
                    "{command:?}: {printed}"
                );
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let done = tokio::time::timeout(TIME_LIMIT, as_shown).await;
        done.unwrap_or_else(|_| panic!("{command:?} never gives {expected}"));
    }
}

#[tokio::test]
async fn the_tutorial_works_as_it_stands_in_a_folder_outside_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root, folder.path().join("durable-functions-rust")).unwrap();
    let mut reader = Reader {
        folder: folder.path().to_owned(),
        host: None,
    };
    let text = fs::read_to_string(root.join("docs/tutorial.md")).unwrap();
    for block in blocks(&text) {
        let Block { file, kind, lines } = &block;
        match kind.as_str() {
            "sh" => lines.iter().for_each(|command| reader.shell(command)),
            "console" => {
                let lines = lines.iter().map(String::as_str);
                for shown in console::shown(lines) {
                    println!("$ {}", shown.command.join(" "));
                    reader.run(&shown).await;
                }
            }
            "rust" | "json" => {
                let content: String = lines.iter().map(|line| format!("{line}\n")).collect();
                fs::write(reader.folder.join(file), content).unwrap();
            }
            "diff" => reader.change(file, lines),
            // Lines of the host's log.
            "text" => {
                for line in lines {
                    reader.host.as_ref().unwrap().output.until(line, 1).await;
                }
            }
            other => panic!("a block of {other} is not known here"),
        }
    }
    reader.stop_host().await;
}
