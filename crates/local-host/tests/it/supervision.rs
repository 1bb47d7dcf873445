//! A real handler process under the supervisor: start, crashes, restarts, stop.

use crate::tiny;
use local_host::handler::{Command, Handler, HandlerOptions, Supervisor, SupervisorOptions};
use local_host::invoke::{Disconnect, Invoke, InvokeError};
use local_host::json::JsonObject;
use local_host::log::Logger;
use local_host::settings::Environment;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

struct Fixture {
    supervisor: Supervisor,
    handler: Handler,
    log: Logger,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn start(behaviour: &str) -> Fixture {
    start_with(behaviour, Duration::from_secs(30), None)
}

fn start_with(behaviour: &str, initialization: Duration, timeout: Option<Duration>) -> Fixture {
    let program = std::env::current_exe().unwrap();
    let port = free_port();
    let mut environment = Environment::of_this_process();
    environment.set(tiny::BEHAVIOUR, behaviour);
    environment.set("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
    let options = SupervisorOptions {
        command: Command {
            program,
            arguments: tiny::arguments(),
            directory: std::env::temp_dir(),
        },
        environment,
        stderr_is_error: true,
        port,
        initialization_timeout: initialization,
    };
    start_options(options, timeout)
}

fn start_options(options: SupervisorOptions, function_timeout: Option<Duration>) -> Fixture {
    let log = Logger::memory();
    let supervisor = Supervisor::start(options, log.clone());
    let options = HandlerOptions {
        function_timeout,
        grace: Duration::ZERO,
    };
    Fixture {
        handler: Handler::new(supervisor.clone(), options, log.clone()),
        supervisor,
        log,
    }
}

impl Fixture {
    /// Calls a function and returns its return value.
    async fn call(&self, function: &str) -> Result<Value, InvokeError> {
        let (data, metadata) = (JsonObject::new(), JsonObject::new());
        let answer = self.handler.invoke(function, data, metadata).await?;
        let value = answer.return_value.map(|value| value.to_compact());
        Ok(value.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap()))
    }

    /// The id of the process that answers after a crash. Calls that still reach the old process fail and are
    /// repeated.
    async fn next_process_id(&self) -> u64 {
        loop {
            if let Ok(id) = self.call("pid").await {
                return id.as_u64().unwrap();
            }
        }
    }

    async fn process_id(&self) -> u64 {
        self.call("pid").await.unwrap().as_u64().unwrap()
    }

    fn said(&self, text: &str) -> usize {
        self.log
            .messages()
            .iter()
            .filter(|(_, message)| message.contains(text))
            .count()
    }
}

#[tokio::test]
async fn an_invocation_waits_until_the_handler_is_ready() {
    let host = start("serve");
    assert!(host.process_id().await > 0);
    assert_eq!(host.said("Worker process started and initialized."), 1);
    host.supervisor.stop().await;
    assert!(matches!(host.call("pid").await, Err(InvokeError::Stopping)));
}

#[tokio::test]
async fn the_handler_gets_its_directory_and_its_variables() {
    let host = start("serve");
    let answer = host.call("environment").await.unwrap();
    let directory = PathBuf::from(answer["directory"].as_str().unwrap());
    assert_eq!(
        directory.canonicalize().unwrap(),
        std::env::temp_dir().canonicalize().unwrap()
    );
    assert_eq!(answer["behaviour"], "serve");
    assert_eq!(answer["port"], host.supervisor.port().to_string());
    host.supervisor.stop().await;
}

#[tokio::test]
async fn the_invocation_of_a_failed_activity_is_logged_as_failed_with_its_line_for_people() {
    let host = start("serve");
    assert!(matches!(
        host.call("report").await,
        Err(InvokeError::BadAnswer(_))
    ));
    assert_eq!(host.said("Executed 'Functions.report' (Failed, Id="), 1);
    assert_eq!(
        host.said("Exception while executing function: Functions.report. Busy: try 1"),
        1
    );
    assert_eq!(host.said("activityFailure"), 0);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn a_credential_in_the_line_of_a_failed_activity_is_hidden() {
    let host = start("serve");
    assert!(host.call("leak").await.is_err());
    assert_eq!(host.said("Busy: https://h/x[Hidden Credential]"), 1);
    assert_eq!(host.said("secret"), 0);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn a_crash_fails_its_call_and_the_next_call_reaches_a_new_process() {
    let host = start("serve");
    let first = host.process_id().await;
    assert!(matches!(
        host.call("exit-3").await,
        Err(InvokeError::Connection(Disconnect::Ended))
    ));
    let second = host.next_process_id().await;
    assert_ne!(first, second);
    assert_eq!(
        host.said("exited with code 3 (0x3). It wrote last: about to exit"),
        1
    );
    assert_eq!(host.said("Worker process started and initialized."), 2);
    host.supervisor.stop().await;
}

/// Kills the handler while a call waits for it, and returns the answer of the next process.
#[cfg(unix)]
async fn killed_while_a_call_waits(host: &Fixture, process: u64, waits: impl Fn() -> bool) -> u64 {
    let call = host.process_id();
    tokio::pin!(call);
    tokio::select! {
        biased;
        answer = &mut call => return answer,
        () = async {
            while !waits() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    let kill = std::process::Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(kill.unwrap().success());
    call.await
}

#[cfg(unix)]
#[tokio::test]
async fn an_invocation_that_was_not_sent_waits_for_the_next_process() {
    let host = start("serve");
    let first = host.process_id().await;
    host.call("deaf").await.unwrap();
    let second = killed_while_a_call_waits(&host, first, || {
        host.said("Nothing of it has been sent.") > 0
    })
    .await;
    assert_ne!(first, second);
    host.supervisor.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_handler_that_says_that_it_is_stopping_gets_no_more_invocations() {
    let host = start("serve");
    let first = host.process_id().await;
    host.call("stopping").await.unwrap();
    let asked = std::cell::Cell::new(0);
    let second = killed_while_a_call_waits(&host, first, || {
        asked.set(asked.get() + 1);
        asked.get() > 100
    })
    .await;
    assert_ne!(first, second);
    assert_eq!(host.said("Worker process started and initialized."), 2);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn no_invocation_waits_for_a_handler_that_is_never_restarted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let options = HandlerOptions {
        function_timeout: None,
        grace: Duration::ZERO,
    };
    let handler = Handler::new(Supervisor::attach(port), options, Logger::memory());
    let call = handler.invoke("f", JsonObject::new(), JsonObject::new());
    let error = call.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Connection refused (127.0.0.1:{port})")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_third_crash_stops_the_host_and_says_the_rule_and_the_signal() {
    let host = start("serve");
    for call in ["exit-3", "exit-3", "kill"] {
        host.next_process_id().await;
        assert!(host.call(call).await.is_err());
    }
    let reason = host.supervisor.stopped().await.unwrap();
    for expected in [
        "Exceeded http worker restart retry count.",
        "3 times, each less than 30 minutes after the one before",
        "exited with code 137 (0x89), signal: 9 (SIGKILL)",
    ] {
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(host.said("Language Worker Process exited. Pid="), 3);
    assert!(matches!(host.call("pid").await, Err(InvokeError::Stopping)));
}

#[tokio::test]
async fn a_handler_that_ends_at_its_first_start_stops_the_host_at_once_and_says_what_to_do() {
    let host = start("exit-1");
    let reason = host.supervisor.stopped().await.unwrap();
    for expected in [
        "exited with code 1 (0x1) before it listened on 127.0.0.1:",
        "setting X is wrong",
        "local.settings.json",
    ] {
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(host.said("Started the handler, process "), 1);
}

#[tokio::test]
async fn a_handler_that_never_listens_stops_the_host_and_names_the_ports_variable() {
    let host = start_with("never-listen", Duration::from_millis(50), None);
    let reason = host.supervisor.stopped().await.unwrap();
    assert!(
        reason.contains("Initializing HttpWorker timed out"),
        "{reason}"
    );
    assert!(reason.contains("FUNCTIONS_CUSTOMHANDLER_PORT"), "{reason}");
    assert_eq!(host.said("Started the handler, process "), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_asks_for_a_restart_at_once_gets_it_after_growing_pauses() {
    // The paused clock advances whenever no task is ready, also while the handler starts.
    let host = start_with("exit-200", Duration::from_secs(24 * 60 * 60), None);
    let pauses = |text: &str| host.said(text);
    while pauses("started again in 800ms") == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for pause in ["100ms", "200ms", "400ms", "800ms"] {
        assert_eq!(pauses(&format!("started again in {pause}")), 1, "{pause}");
    }
    assert_eq!(pauses("needs to be restarted"), 5);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn exit_code_zero_is_reported_and_later_calls_fail_at_once() {
    let host = start("serve");
    assert!(matches!(
        host.call("exit-0").await,
        Err(InvokeError::Connection(_))
    ));
    while host.said("exited with code 0") == 0 {
        assert!(matches!(
            host.call("pid").await,
            Err(InvokeError::Connection(_))
        ));
    }
    assert!(
        host.call("pid")
            .await
            .unwrap_err()
            .to_string()
            .contains("not started again")
    );
    assert_eq!(host.said("Worker process started and initialized."), 1);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn a_function_time_out_restarts_the_handler_and_is_not_a_crash() {
    let host = start_with(
        "serve",
        Duration::from_secs(30),
        Some(Duration::from_millis(300)),
    );
    let mut process = host.process_id().await;
    for _ in 0..4 {
        let (slow, other) = tokio::join!(host.call("slow"), host.call("slow"));
        // The first time-out kills the process. That fails the other call, unless it timed out too.
        assert!(matches!(
            slow,
            Err(InvokeError::Timeout { .. } | InvokeError::Connection(_))
        ));
        assert!(matches!(
            other,
            Err(InvokeError::Timeout { .. } | InvokeError::Connection(_))
        ));
        let next = loop {
            if let Ok(id) = host.call("pid").await {
                break id.as_u64().unwrap();
            }
        };
        assert_ne!(process, next);
        process = next;
    }
    assert!(host.said("A function timeout has occurred. Restarting worker process") >= 4);
    assert_eq!(host.said("Exceeded"), 0);
    host.supervisor.stop().await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_stops_the_host_at_once() {
    let options = SupervisorOptions {
        command: Command {
            program: PathBuf::from("no-such-program-here"),
            arguments: Vec::new(),
            directory: std::env::temp_dir(),
        },
        environment: Environment::default(),
        stderr_is_error: true,
        port: 9,
        initialization_timeout: Duration::from_secs(30),
    };
    let host = start_options(options, None);
    let reason = host.supervisor.stopped().await.unwrap();
    assert!(reason.contains("An error occurred trying to start process 'no-such-program-here'"));
}

#[tokio::test]
async fn stopping_kills_the_handler() {
    let host = start("serve");
    host.process_id().await;
    let connection = std::net::TcpStream::connect(("127.0.0.1", host.supervisor.port())).unwrap();
    host.supervisor.stop().await;
    assert!(tiny::is_closed(connection));
}

/// Kills the guard, which leads the handler's process group.
#[cfg(target_os = "linux")]
fn kill_the_guard_of(handler: u64) {
    let state = std::fs::read_to_string(format!("/proc/{handler}/stat")).unwrap();
    // Behind the name in parentheses: the state, the parent, the group.
    let (_, state) = state.rsplit_once(") ").unwrap();
    let guard = state.split(' ').nth(2).unwrap();
    assert_ne!(guard, handler.to_string());
    let mut kill = std::process::Command::new("kill");
    assert!(kill.arg("-KILL").arg(guard).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn stopping_ends_everything_that_the_handler_started_also_without_the_guard() {
    let host = start("serve");
    let handler = host.process_id().await;
    let port = free_port();
    host.call(&format!("spawn-{port}")).await.unwrap();
    let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    kill_the_guard_of(handler);
    host.supervisor.stop().await;
    assert!(tiny::is_closed(connection));
}

#[cfg(unix)]
#[tokio::test]
async fn a_crash_ends_what_the_handler_started_too() {
    let host = start("serve");
    host.process_id().await;
    let port = free_port();
    host.call(&format!("spawn-{port}")).await.unwrap();
    let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(host.call("exit-3").await.is_err());
    // The host must not be blocked meanwhile.
    let closed = tokio::task::spawn_blocking(|| tiny::is_closed(connection));
    assert!(closed.await.unwrap());
    host.supervisor.stop().await;
}

#[tokio::test]
async fn an_event_on_the_console_and_in_the_answer_is_one_line() {
    let host = start("serve");
    for count in 1..=50 {
        host.call("twice").await.unwrap();
        assert_eq!(host.said("said twice"), count);
        assert_eq!(host.said("said once"), count);
    }
    assert_eq!(host.said("2026-11-28T"), 0, "the log has its own time");
    host.supervisor.stop().await;
}
