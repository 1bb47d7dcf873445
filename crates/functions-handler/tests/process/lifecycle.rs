//! What a handler process takes from its environment, and how it ends.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use functions_handler::{App, logs};
use tokio::runtime::Builder;

const CHILD: &str = "FUNCTIONS_HANDLER_PROCESS_TEST";
/// The number of workers of the handler's runtime, 2 by default, or `current_thread`.
const THREADS: &str = "FUNCTIONS_HANDLER_PROCESS_TEST_THREADS";
/// Lets `main` return after the stop instead of ending the process.
const RETURNS: &str = "FUNCTIONS_HANDLER_PROCESS_TEST_RETURNS";

/// What `main` of a handler does, with functions that block their threads for ever.
fn handler() -> ! {
    logs::init().unwrap();
    let app = App::new()
        .stop_grace(Duration::from_millis(10))
        .http("stuck", async || block())
        .http("spins", async || spin())
        .http("chatty", async || {
            tracing::info!("{}", "x".repeat(8 << 10));
            "said"
        })
        .http("stuck-later", async || {
            // Woken by the worker that watches sockets, timers and signals, and polled by it.
            tokio::time::sleep(Duration::from_millis(1)).await;
            block()
        });
    let mut builder = match std::env::var(THREADS).as_deref() {
        Ok("current_thread") => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers.map_or(2, |workers| workers.parse().unwrap()));
            builder
        }
    };
    let runtime = builder.enable_all().build().unwrap();
    let error = runtime.block_on(app.serve());
    if std::env::var_os(RETURNS).is_some() {
        // As at the end of `main`: it waits for every thread that a function blocks.
        drop(runtime);
    }
    error.exit()
}

fn spin() -> &'static str {
    tracing::info!("blocks");
    loop {
        std::hint::spin_loop();
    }
}

/// A test that fails leaves no handler behind.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

fn block() -> &'static str {
    tracing::info!("blocks");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_stopped_process_answers_for_a_function_that_blocks_its_thread_and_ends_with_200() {
    stops_while_blocked_by(
        "stuck",
        "a_stopped_process_answers_for_a_function_that_blocks_its_thread_and_ends_with_200",
    );
}

#[test]
fn a_stopped_process_answers_for_a_function_that_waits_first_and_blocks_its_thread_then() {
    stops_while_blocked_by(
        "stuck-later",
        "a_stopped_process_answers_for_a_function_that_waits_first_and_blocks_its_thread_then",
    );
}

/// Starts the handler as a child process that runs `test`: the process, its output, its port.
fn start(test: &str) -> (Killed, Lines<BufReader<ChildStdout>>, u16) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("AzureFunctionsJobHost__functionTimeout", "00:00:20");
    start_with(command, test)
}

/// The same with a command that runs this binary.
fn start_with(mut command: Command, test: &str) -> (Killed, Lines<BufReader<ChildStdout>>, u16) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let child = command
        .args(["--exact", &format!("lifecycle::{test}"), "--nocapture"])
        .env(CHILD, "1")
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    (child, lines, port)
}

/// Sends an invocation on a connection of its own.
fn call(port: u16, function: &str) -> TcpStream {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // A test that fails ends.
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    write!(
        client,
        "POST /{function} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    client
}

/// The body of `test`, which is what the child process runs.
fn stops_while_blocked_by(function: &str, test: &str) {
    if std::env::var_os(CHILD).is_some() {
        handler();
    }
    let (mut child, mut lines, port) = start(test);
    let mut wait_for = |text: &str| {
        let found = lines.any(|line| line.unwrap().contains(text));
        assert!(found, "the handler ended without the line `{text}`");
    };
    // The port is bound by then.
    wait_for("functionTimeout is 20s: functions have 18s");

    let mut client = call(port, function);
    wait_for("blocks");

    let kill = Command::new("kill")
        .args(["-TERM", &child.0.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""statusCode":503"#), "{answer}");
    assert_eq!(child.0.wait().unwrap().code(), Some(200));
}

#[test]
fn a_process_whose_only_worker_is_blocked_for_ever_is_ready_answers_in_time_and_stops() {
    lives_while_blocked(
        Command::new(std::env::current_exe().unwrap()),
        ("1", "stuck"),
        "a_process_whose_only_worker_is_blocked_for_ever_is_ready_answers_in_time_and_stops",
    );
}

#[test]
fn a_process_whose_only_thread_is_blocked_for_ever_is_ready_answers_in_time_and_stops() {
    lives_while_blocked(
        Command::new(std::env::current_exe().unwrap()),
        ("current_thread", "stuck"),
        "a_process_whose_only_thread_is_blocked_for_ever_is_ready_answers_in_time_and_stops",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_function_spins_on_the_only_processor_is_ready_answers_in_time_and_stops() {
    lives_while_blocked(
        on_one_processor(),
        ("1", "spins"),
        "a_process_whose_function_spins_on_the_only_processor_is_ready_answers_in_time_and_stops",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_only_thread_spins_on_the_only_processor_is_ready_answers_in_time_and_stops() {
    lives_while_blocked(
        on_one_processor(),
        ("current_thread", "spins"),
        "a_process_whose_only_thread_spins_on_the_only_processor_is_ready_answers_in_time_and_stops",
    );
}

/// A command that runs this binary on the first processor that this process may use.
#[cfg(target_os = "linux")]
fn on_one_processor() -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let (_, allowed) = status.split_once("Cpus_allowed_list:").unwrap();
    let first = allowed.trim_start().split(['-', ',', '\n']).next().unwrap();
    let mut command = Command::new("taskset");
    command
        .args(["-c", first])
        .arg(std::env::current_exe().unwrap());
    command
}

/// The body of `test`: a handler with this many threads, all of which `function` blocks for ever.
fn lives_while_blocked(mut command: Command, (threads, function): (&str, &str), test: &str) {
    if std::env::var_os(CHILD).is_some() {
        handler();
    }
    command.env(THREADS, threads);
    command.env("AzureFunctionsJobHost__functionTimeout", "00:00:01");
    let (mut child, mut lines, port) = start_with(command, test);
    let mut wait_for = |text: &str| {
        let found = lines.any(|line| line.unwrap().contains(text));
        assert!(found, "the handler ended without the line `{text}`");
    };
    wait_for("functionTimeout is 1s");
    let mut client = call(port, function);
    wait_for("blocks");

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""statusCode":504"#), "{answer}");
    let mut probe = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        probe,
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut ready = String::new();
    probe.read_to_string(&mut ready).unwrap();
    assert!(ready.starts_with("HTTP/1.1 200 OK"), "{ready}");

    let id = child.0.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.0.wait().unwrap().code(), Some(200));
}

/// Says which of the three processes of the following test this one is.
const ROLE: &str = "FUNCTIONS_HANDLER_PROCESS_TEST_ROLE";

#[test]
fn a_handler_whose_host_was_killed_stops() {
    ends_with_its_host(1, "a_handler_whose_host_was_killed_stops");
}

#[test]
fn a_handler_whose_host_was_killed_ends_though_functions_block_all_its_threads() {
    let test = "a_handler_whose_host_was_killed_ends_though_functions_block_all_its_threads";
    ends_with_its_host(2, test);
}

/// The body of `test`: kills a host whose handler has this many of its two threads blocked.
fn ends_with_its_host(blocked: usize, test: &str) {
    let command = |role: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", &format!("lifecycle::{test}"), "--nocapture"])
            .env(ROLE, role);
        command
    };
    match std::env::var(ROLE).as_deref() {
        Ok("handler") => handler(),
        Ok("host") => {
            let ended = command("handler").status();
            panic!("the handler ended before its host: {ended:?}");
        }
        _ => {}
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut host = command("host");
    if blocked == 2 {
        host.env(RETURNS, "1");
    }
    let host = host
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("AzureFunctionsJobHost__functionTimeout", "00:00:20")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut host = Killed(host);
    let mut lines = BufReader::new(host.0.stdout.take().unwrap()).lines();
    let mut wait_for = |text: &str| {
        let found = lines.any(|line| line.unwrap().contains(text));
        assert!(found, "the handler ended without the line `{text}`");
    };
    wait_for("functions have 18s");
    let body = r#"{"Data":{"req":{"Url":"http://h/","Method":"GET","Headers":{}}}}"#;
    let call = || {
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(
            client,
            "POST /stuck HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        client
    };
    let mut clients = Vec::new();
    for _ in 0..blocked {
        clients.push(call());
        wait_for("blocks");
    }

    // SIGKILL.
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    // The handler holds the other ends of the pipes: they close when it has ended, and not before.
    assert!(lines.all(|line| line.is_ok()));
    let mut errors = String::new();
    let mut stderr = host.0.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let said = format!("(process {}) has ended: stopping", host.0.id());
    assert!(errors.contains(&said), "{errors}");
}

#[test]
fn a_handler_whose_output_nobody_reads_answers_and_stops() {
    if std::env::var_os(CHILD).is_some() {
        handler();
    }
    let (mut child, mut lines, port) =
        start("a_handler_whose_output_nobody_reads_answers_and_stops");
    let ready = lines.any(|line| line.unwrap().contains("functions have 18s"));
    assert!(ready, "the handler has ended");
    // A megabyte and a half, far more than a pipe holds.
    for _ in 0..200 {
        let mut answer = String::new();
        call(port, "chatty").read_to_string(&mut answer).unwrap();
        assert!(answer.contains("said"), "{answer}");
    }
    let id = child.0.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.0.wait().unwrap().code(), Some(200));
}

#[test]
fn a_handler_may_open_as_many_files_as_the_hard_limit_allows() {
    const TEST: &str = "a_handler_may_open_as_many_files_as_the_hard_limit_allows";
    if std::env::var_os(CHILD).is_some() {
        let limit = functions_handler::open_files::raise_limit();
        println!("limit {limit:?}");
        let mut files = Vec::new();
        let error = loop {
            match std::fs::File::open("/dev/null") {
                Ok(file) => files.push(file),
                Err(error) => break error,
            }
        };
        let exhausted = functions_handler::open_files::are_exhausted(&error);
        println!("{} files, exhausted: {exhausted}", files.len());
        return;
    }
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -S -n 100; ulimit -H -n 200; exec \"$0\" \"$@\"",
        ])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("lifecycle::{TEST}"), "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("limit Some(200)"), "{text}");
    let files = text.lines().find_map(|line| {
        let (files, exhausted) = line.split_once(" files, exhausted: ")?;
        Some((files.parse::<u32>().ok()?, exhausted == "true"))
    });
    let (files, exhausted) = files.expect(&text);
    assert!((100..200).contains(&files) && exhausted, "{text}");
}
