//! What was measured, as a table for people and as JSON for programs.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{case::Case, process::Run};

/// The runs of one contestant in one case.
pub(crate) struct Runs(pub(crate) Vec<Run>);

impl Runs {
    fn walls(&self) -> Vec<f64> {
        let mut walls: Vec<_> = self.0.iter().map(|run| run.wall).collect();
        walls.sort_by(f64::total_cmp);
        walls
    }

    /// In seconds.
    pub(crate) fn best(&self) -> f64 {
        self.walls()[0]
    }

    /// In seconds.
    pub(crate) fn median(&self) -> f64 {
        let walls = self.walls();
        walls[walls.len() / 2]
    }

    /// In MB of a million bytes.
    pub(crate) fn peak_mb(&self) -> f64 {
        let most = self.0.iter().map(|run| run.peak_kb).max().unwrap();
        most as f64 * 1024.0 / 1e6
    }
}

pub(crate) struct Report {
    lines: Vec<String>,
    numbers: Map<String, Value>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let head = "| rows | who | wall, best | wall, median | user CPU | peak MB | rows/s | of the limit |";
        let line = "| ---: | --- | ---------: | -----------: | -------: | ------: | -----: | -----------: |";
        Self {
            lines: vec![head.to_owned(), line.to_owned()],
            numbers: Map::new(),
        }
    }

    pub(crate) fn line(&mut self, case: &Case, who: &str, runs: &Runs) {
        let Run { rows, .. } = runs.0[0];
        let user: f64 = runs.0.iter().map(|run| run.user).sum::<f64>() / runs.0.len() as f64;
        let limit = match case.least_seconds(rows) {
            None => "–".to_owned(),
            Some(least) => format!("{:.1} %", least / runs.median() * 100.0),
        };
        self.lines.push(format!(
            "| {rows} | {who} | {:.3} s | {:.3} s | {user:.2} s | {:.1} | {:.0} | {limit} |",
            runs.best(),
            runs.median(),
            runs.peak_mb(),
            rows as f64 / runs.median(),
        ));
    }

    pub(crate) fn number(&mut self, name: &str, value: f64) {
        self.numbers.insert(name.to_owned(), json!(value));
    }

    /// Prints the table, and writes the numbers of this run to `target/query-bench.json`.
    pub(crate) fn end(self) {
        for line in &self.lines {
            println!("{line}");
        }
        // The folder for the files of benchmarks is one below.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let file = target.join("query-bench.json");
        let numbers = Value::Object(self.numbers).to_string();
        println!("{numbers}");
        fs::write(file, numbers).unwrap();
    }
}
