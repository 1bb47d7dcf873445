//! Processes: what they use, and those that count when they are told to.
//!
//! Each contestant is a process of its own, so that its processor time and its memory are its own. It prints `ready`,
//! counts once for each line that it reads, and prints what it found as a line of JSON.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One count of all rows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) values: u64,
    pub(crate) rows: u64,
    /// In seconds.
    pub(crate) wall: f64,
    /// Processor time outside of the kernel, in seconds.
    pub(crate) user: f64,
    /// The most memory that was resident since the process began.
    pub(crate) peak_kb: u64,
}

/// The processor time of a process, or of `self`, outside of the kernel, in seconds.
pub(crate) fn user_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: f64 = fields.split_whitespace().nth(11).unwrap().parse().unwrap();
    // Linux counts them in hundredths of a second for all programs.
    ticks / 100.0
}

/// The most memory of a process, or of `self`, that was resident, in KB.
pub(crate) fn peak_kb(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// A process that answers each line with a line.
pub(crate) struct Worker {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts it, and returns the line that it begins with.
    pub(crate) fn start(mut command: Command) -> (Self, String) {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = output.next().expect("it starts").unwrap();
        let worker = Self {
            process,
            input,
            output,
        };
        (worker, first)
    }

    pub(crate) fn ask<T: DeserializeOwned>(&mut self, line: &str) -> T {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let answer = self.output.next().expect("it runs").unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// What a contestant in this program does: counts for each line.
pub(crate) async fn serve(count: impl AsyncFn() -> (u64, u64)) {
    println!("ready");
    for line in std::io::stdin().lines() {
        line.unwrap();
        let before = user_seconds("self");
        let began = Instant::now();
        let (values, rows) = count().await;
        let run = Run {
            values,
            rows,
            wall: began.elapsed().as_secs_f64(),
            user: user_seconds("self") - before,
            peak_kb: peak_kb("self"),
        };
        println!("{}", serde_json::to_string(&run).unwrap());
    }
}
