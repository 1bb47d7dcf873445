//! The logging of a whole process: errors and panics on stderr, everything else on stdout, a line
//! each.

use std::process::Command;

use functions_handler::logs::{self, InitError};

const CHILD: &str = "FUNCTIONS_HANDLER_CONSOLE_TEST";

#[test]
fn only_errors_and_panics_are_on_stderr_each_on_one_line() {
    if std::env::var_os(CHILD).is_some() {
        logs::init().unwrap();
        assert!(matches!(logs::init(), Err(InitError::AlreadySet)));
        tracing::info!("an info");
        tracing::warn!("a warning");
        tracing::debug!("a debug");
        tracing::error!("an error");
        let _ = std::panic::catch_unwind(|| panic!("a panic\nof two lines, AccountKey=secret"));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "console::only_errors_and_panics_are_on_stderr_each_on_one_line",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(
        stdout.contains("INFO") && stdout.contains("an info") && stdout.contains("a warning"),
        "{stdout}"
    );
    assert!(
        !stdout.contains("a debug") && !stdout.contains("an error"),
        "{stdout}"
    );
    let errors: Vec<_> = stderr.lines().collect();
    assert_eq!(errors.len(), 2, "{stderr}");
    assert!(
        errors[0].contains("ERROR") && errors[0].contains("an error"),
        "{stderr}"
    );
    assert!(
        errors[1].contains("console.rs")
            && errors[1].contains(r"a panic\nof two lines, [Hidden Credential]"),
        "{stderr}"
    );
}

#[test]
fn a_backtrace_shows_the_frames_that_somebody_can_act_on() {
    if std::env::var_os(CHILD).is_some() {
        logs::init().unwrap();
        let _ = std::panic::catch_unwind(|| panic!("a panic"));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "console::a_backtrace_shows_the_frames_that_somebody_can_act_on",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("console::a_backtrace_shows"), "{stderr}");
    for hidden in ["<unknown>", "core::panicking", "std::panicking::begin"] {
        assert!(!stderr.contains(hidden), "{hidden} in {stderr}");
    }
}
