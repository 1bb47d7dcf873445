//! The other engine: durabletask's executor in a Python process of its own, which lives as long as
//! the test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{OrchestratorRequest, OrchestratorResponse};
use prost::Message;
use serde::{Deserialize, Serialize};

pub(crate) use crate::oracle::environment::environment;
use crate::oracle::program::Program;

pub(crate) struct Python {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

#[derive(Serialize)]
struct Turn<'a> {
    program: &'a Program,
    request: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Response(String),
    Error(String),
}

impl Python {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracle/oracle.py");
        let mut process = Command::new(environment())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python interpreter of the test environment starts");
        Python {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Runs one turn of `program`.
    pub(crate) fn turn(
        &mut self,
        program: &Program,
        request: &OrchestratorRequest,
    ) -> OrchestratorResponse {
        let turn = Turn {
            program,
            request: STANDARD.encode(request.encode_to_vec()),
        };
        let mut line = serde_json::to_vec(&turn).unwrap();
        line.push(b'\n');
        let input = self.input.as_mut().unwrap();
        input.write_all(&line).unwrap();
        input.flush().unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        match serde_json::from_str(&line).expect("oracle.py answers with a line of JSON") {
            Answer::Response(response) => {
                let response = STANDARD.decode(response).unwrap();
                OrchestratorResponse::decode(response.as_slice()).unwrap()
            }
            Answer::Error(error) => panic!("durabletask cannot run this turn: {error}"),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // The end of its input ends the process.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
