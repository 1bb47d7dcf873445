//! The table of scenarios is complete, and what it names exists.

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../../../../docs/scenarios.md");
const SCENARIOS: usize = 63;

#[test]
fn every_scenario_has_tests_that_exist_or_a_reason() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(str::trim).collect())
        .filter(|row: &Vec<_>| row[0].parse::<usize>().is_ok())
        .collect();
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=SCENARIOS).collect::<Vec<_>>());
    for row in rows {
        let [number, _scenario, covered, in_the_hub] = row[..] else {
            panic!("a row has four cells: {row:?}");
        };
        for cell in [covered, in_the_hub] {
            let named: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            let reason = cell.contains("Does not apply:");
            assert!(reason || !named.is_empty(), "{number}: {cell}");
            for test in named.into_iter().filter(|name| name.contains("::")) {
                assert!(
                    exists(test),
                    "{number} names a test that is not there: {test}"
                );
            }
        }
    }
}

/// Whether `module::function` is a test in `tests/it`.
fn exists(test: &str) -> bool {
    let (module, function) = test.rsplit_once("::").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(module.replace("::", "/"));
    [path.with_extension("rs"), path.join("mod.rs")]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|source| {
            ["#[test]\nfn", "#[tokio::test]\nasync fn"]
                .iter()
                .any(|start| source.contains(&format!("{start} {function}()")))
        })
}

#[test]
fn every_numbered_test_is_in_the_table() {
    for module in ["scenarios", "test_hub/scenarios"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it")
            .join(module);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let source = fs::read_to_string(&path).unwrap();
            for line in source.lines() {
                let line = line.strip_prefix("async ").unwrap_or(line);
                let name = line
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.strip_suffix("() {"));
                let Some(name) = name else {
                    continue;
                };
                let test = format!("`{}::{file}::{name}`", module.replace('/', "::"));
                for number in numbers(name) {
                    let row = TABLE
                        .lines()
                        .find(|line| line.starts_with(&format!("| {number} |")))
                        .unwrap();
                    assert!(row.contains(&test), "row {number} does not name {test}");
                }
            }
        }
    }
}

/// The scenarios that a test is named after: 8 and 9 of `s08_s09_a_timer_fires`.
fn numbers(test: &str) -> Vec<u32> {
    let parts = test.split('_');
    parts
        .map_while(|part| part.strip_prefix('s')?.parse().ok())
        .collect()
}
