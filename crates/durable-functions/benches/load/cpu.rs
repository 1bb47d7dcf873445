//! CPU time of processes, by the names of their threads. Linux only; elsewhere nothing is printed.

use std::collections::BTreeMap;
use std::fs;

/// Seconds by process and thread name.
pub(crate) struct Times(BTreeMap<(&'static str, String), f64>);

/// Linux counts in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

impl Times {
    pub(crate) fn of(processes: &[(&'static str, u32)]) -> Self {
        let mut times = BTreeMap::new();
        for (name, process) in processes {
            let threads = fs::read_dir(format!("/proc/{process}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
                if let Some((thread, seconds)) = read(&stat) {
                    *times.entry((*name, thread)).or_default() += seconds;
                }
            }
        }
        Self(times)
    }

    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (key, seconds) in &mut self.0 {
            *seconds -= earlier.0.get(key).copied().unwrap_or_default();
        }
        self
    }

    pub(crate) fn print(&self, orchestrations: f64) {
        for ((process, thread), seconds) in &self.0 {
            let micros = seconds * 1e6 / orchestrations;
            if micros >= 1.0 {
                println!("  {process:10} {thread:15} {micros:6.0} us for each");
            }
        }
    }
}

/// Name and CPU time of a thread. The name is in parentheses; user and system time are 12th and 13th behind it.
fn read(stat: &str) -> Option<(String, f64)> {
    let (start, rest) = stat.rsplit_once(')')?;
    let name = start.split_once('(')?.1.to_owned();
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((name, (ticks()? + ticks()?) / TICKS_PER_SECOND))
}
