//! A browser for one test: Chromium without a window, driven by tests/web/browser.mjs.

use std::{
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{host::TIME_LIMIT, npm};

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A running browser; it ends when this is dropped.
pub(crate) struct Browser {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// A page as the browser shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    /// What axe-core objects to.
    pub(crate) violations: Vec<Value>,
    /// Messages of the console: blocked by the policy, for example.
    pub(crate) messages: Vec<String>,
    /// What the browser asked for beside the page.
    pub(crate) requests: Vec<String>,
    /// By how many pixels the page is too wide.
    pub(crate) overflow: i64,
}

impl Browser {
    /// Starts it. `None` when there is no Chromium on a machine that is not CI; the test then says what to install.
    pub(crate) fn start() -> Option<Self> {
        let Some(chromium) = chromium() else {
            let missing = "no Chromium: `apt-get install chromium`, or another of chromium-browser and google-chrome";
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("NOT TESTED, {missing}");
            return None;
        };
        npm::install("tests/web");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new("node")
            .arg(folder.join("tests/web/browser.mjs"))
            .arg(chromium)
            .arg(folder.join("target/artefacts"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run node: {error}; install Node.js 20 or later")
            });
        Some(Self {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
        })
    }

    /// Opens a page in light or dark and this width in pixels, asks axe-core for barriers in it, and takes a
    /// screenshot. The page does not refresh itself in the meantime.
    pub(crate) async fn show(&mut self, name: &str, url: &str, scheme: &str, width: u32) -> Shown {
        let name = format!("{name}-{scheme}-{width}");
        let command = json!({
            "do": "show", "name": name, "url": url, "scheme": scheme, "width": width,
        });
        serde_json::from_value(self.command(&command).await).unwrap()
    }

    /// Opens a page with scripts switched off and leaves it alone from then on. Returns its heading.
    pub(crate) async fn watch(&mut self, url: &str) -> String {
        let answer = self.command(&json!({ "do": "watch", "url": url })).await;
        answer["heading"].as_str().unwrap().to_owned()
    }

    /// Waits until the page that is watched has replaced itself by one with this heading.
    pub(crate) async fn becomes(&mut self, heading: &str) {
        let command = json!({ "do": "becomes", "heading": heading });
        self.command(&command).await;
    }

    async fn command(&mut self, command: &Value) -> Value {
        let exchange = async {
            let line = format!("{command}\n");
            self.commands.write_all(line.as_bytes()).await.unwrap();
            let answer = self.answers.next_line().await.unwrap();
            answer.expect("the browser has ended; its reason is above")
        };
        let answer = tokio::time::timeout(TIME_LIMIT, exchange).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {command}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer
    }
}

/// The first program that is there.
fn chromium() -> Option<PathBuf> {
    let is_there = |name: &&str| {
        let version = Program::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let name = PROGRAMS.into_iter().find(is_there)?;
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| {
        let program = folder.join(name);
        program.is_file().then_some(program)
    })
}
