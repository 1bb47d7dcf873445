//! The program itself, with an app in a folder and a handler that is this test binary.

use crate::tiny;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// How long to wait for something that a broken program never does.
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    root: TempDir,
}

impl Program {
    /// Starts the program on a free port.
    fn start() -> Self {
        Self::start_in(app(), &["--verbose"])
    }

    fn start_in(root: TempDir, arguments: &[&str]) -> Self {
        Self::spawn(command(&root), root, arguments)
    }

    fn spawn(mut command: Command, root: TempDir, arguments: &[&str]) -> Self {
        let mut child = command
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            seen: Vec::new(),
            root,
        }
    }

    /// Reads the output up to a line that contains `text`, and returns that line.
    fn until(&mut self, text: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            let line = self
                .lines
                .next()
                .unwrap_or_else(|| panic!("no '{text}' in {:#?}", self.seen))
                .unwrap();
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until the host is ready and returns its port.
    fn ready(&mut self) -> u16 {
        let line = self.until("hello: [GET] http://localhost:");
        self.until("Worker process started and initialized.");
        let rest = line.split("localhost:").nth(1).unwrap();
        rest.split('/').next().unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn app() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: String| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "host.json",
        r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#
            .to_owned(),
    );
    let program = std::env::current_exe().unwrap();
    let arguments = serde_json::to_string(&tiny::arguments()).unwrap();
    let settings = serde_json::json!({
        "IsEncrypted": false,
        "Values": {
            "FUNCTIONS_WORKER_RUNTIME": "custom",
            "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath": program,
            "AzureFunctionsJobHost__customHandler__description__arguments": arguments,
            "GREETING": "local.settings.json",
            "TINY_HANDLER": "serve",
        }
    });
    write("local.settings.json", settings.to_string());
    write(
        "hello/function.json",
        r#"{"bindings":[{"type":"httpTrigger","name":"req","methods":["get"]},{"type":"http","direction":"out","name":"res"}]}"#
            .to_owned(),
    );
    root
}

fn command(root: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-host"));
    command.current_dir(root.path());
    command
}

fn get(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_app_runs_with_settings_and_overrides_and_stops_at_sigterm() {
    let mut program = Program::start();
    let port = program.ready();
    let answer = get(port, "/api/hello");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("hello from local.settings.json"),
        "{answer}"
    );
    program.until("Executed 'Functions.hello' (Succeeded, Id=");

    let id = program.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_handler_ends_when_the_host_is_killed() {
    let mut program = Program::start();
    program.ready();
    let line = program.until("Started the handler, process ");
    let port: u16 = line
        .split("port ")
        .nth(1)
        .unwrap()
        .trim_end_matches('.')
        .parse()
        .unwrap();
    let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    program.child.kill().unwrap();
    assert!(tiny::is_closed(connection));
}

#[test]
fn a_port_in_use_is_reported_as_by_func() {
    let root = app();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command(&root).args(["--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains(&format!(
            "Port {port} is unavailable. Close the process using that port, or specify another port using --port [-p]."
        )),
        "{error}"
    );
}

#[test]
fn a_folder_without_an_app_is_reported_as_by_func() {
    let root = tempfile::tempdir().unwrap();
    let output = command(&root).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("Unable to find project root.")
    );
}

#[test]
fn a_failed_build_starts_nothing() {
    let root = app();
    let write = |path: &str, text: &str| std::fs::write(root.path().join(path), text).unwrap();
    write(
        "Cargo.toml",
        "[package]\nname = \"broken\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    std::fs::create_dir(root.path().join("src")).unwrap();
    write("src/main.rs", "fn main() { does not compile }");
    write(
        "local.settings.json",
        r#"{"IsEncrypted":false,"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom",
            "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath":"target/debug/broken"}}"#,
    );
    let output = command(&root).args(["--port", "0"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("cargo build --bin broken --target-dir target failed."),
        "{error}"
    );
}

/// Runs the program until it ends and returns its stdout and stderr.
fn fails(root: &TempDir, arguments: &[&str]) -> (String, String) {
    let output = command(root).args(["--port", "0"]).args(arguments).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, error) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{error}");
    (out, error)
}

fn write(root: &TempDir, path: &str, text: &str) -> std::path::PathBuf {
    let path = root.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn mistakes_at_the_start_stop_the_program_and_name_file_place_and_remedy() {
    let settings = |values: &str| format!(r#"{{"IsEncrypted":false,"Values":{{{values}}}}}"#);
    let executable = |path: &str| {
        settings(&format!(
            r#""FUNCTIONS_WORKER_RUNTIME":"custom",
               "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath":"{path}""#
        ))
    };
    for (file, text, expected) in [
        (
            "local.settings.json",
            "{\"IsEncrypted\": false,\n  \"Values\": {,}}".to_owned(),
            "local.settings.json:2:14: this is not valid JSON.",
        ),
        (
            "host.json",
            "{\"version\": \"2.0\",\n  \"customHandler\": \"handler\"}".to_owned(),
            "host.json:2:20: customHandler: expected an object, for example",
        ),
        (
            "local.settings.json",
            executable("target/release/handler"),
            "/target/release/handler'.\nBuild it with `cargo build`, with --release for a path in target/release, or name \
             the right file in customHandler.description.defaultExecutablePath",
        ),
        (
            "local.settings.json",
            executable("host.json"),
            "The file must be executable: chmod +x",
        ),
        (
            "local.settings.json",
            executable("false"),
            "exited with code 1 (0x1) before it listened",
        ),
    ] {
        let root = app();
        write(&root, file, &text);
        let (_, error) = fails(&root, &[]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_setting_that_the_handler_refuses_is_printed_once_with_the_settings_file() {
    let root = app();
    let path = root.path().join("local.settings.json");
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, settings.replace("\"serve\"", "\"exit-1\"")).unwrap();
    let (out, error) = fails(&root, &[]);
    assert_eq!(error.matches("exited with code 1").count(), 1, "{error}");
    assert!(error.contains("setting X is wrong"), "{error}");
    let path = path.canonicalize().unwrap();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(!out.contains("exited with code 1"), "{out}");
}

#[test]
fn the_reason_for_no_build_is_printed_and_an_old_program_is_warned_about() {
    let mut program = Program::start();
    program.until("without a build: there is no Cargo.toml beside host.json.");

    // The handler of this app is the test binary, which is older than all files of the folder.
    let root = app();
    write(&root, "Cargo.toml", "[package]");
    let mut program = Program::start_in(root, &[]);
    program.until("without a build: the path is not target/release/NAME or target/debug/NAME");
    program.until("'Cargo.toml' was changed after '");

    let mut program = Program::start_in(app(), &["--no-build"]);
    program.until("without a build: --no-build.");
}

fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn allowed_hosts_and_origins_come_from_options_and_local_settings() {
    let root = app();
    let path = root.path().join("local.settings.json");
    let settings = std::fs::read_to_string(&path).unwrap();
    let host = r#"{"Host":{"CORS":"http://a.example","CORSCredentials":true},"#;
    std::fs::write(&path, settings.replacen('{', host, 1)).unwrap();
    let arguments = ["--address", "0.0.0.0", "--allow-host", "box", "--verbose"];
    let mut program = Program::start_in(root, &arguments);
    program.until("the admin API (/admin), which has no key here");
    let port = program.ready();
    for (host, status) in [("box", 200), ("192.168.1.5", 200), ("other", 403)] {
        let answer = send(
            port,
            &format!(
                "GET /api/hello HTTP/1.1\r\nHost: {host}\r\nOrigin: http://a.example\r\nConnection: close\r\n\r\n"
            ),
        );
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        if status == 200 {
            assert!(answer.contains("http://a.example\r\n"), "{answer}");
            assert!(answer.to_lowercase().contains("allow-credentials: true"));
        }
    }
    let (_, error) = fails(&app(), &["--cors", "*", "--cors-credentials"]);
    assert!(
        error.contains("--cors: the origin * does not go together"),
        "{error}"
    );
}

#[test]
fn an_invocation_is_one_line_and_two_with_verbose() {
    for (arguments, lines) in [(&[][..], 1), (&["--verbose"], 2)] {
        let mut program = Program::start_in(app(), arguments);
        let port = program.ready();
        assert!(get(port, "/api/hello").starts_with("HTTP/1.1 200 "));
        program.until("Executed 'Functions.hello' (Succeeded, Id=");
        let of_it = |line: &&String| line.contains("'Functions.hello'");
        assert_eq!(program.seen.iter().filter(of_it).count(), lines);
    }
}

#[test]
fn the_banner_is_printed_first_and_the_list_before_the_handlers_output() {
    let mut program = Program::start();
    program.ready();
    let at = |text: &str| {
        let found = program.seen.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no '{text}' in {:#?}", program.seen))
    };
    assert_eq!(at("local-host"), 2);
    assert!(at("local-host Version:") < at("Function Runtime Version: 4.1037.0.0"));
    assert!(at("Function Runtime Version:") < at("Functions:"));
    assert!(at("Functions:") < at("hello: [GET] http://localhost:"));
}

#[test]
fn an_output_that_is_not_read_blocks_neither_requests_nor_signals() {
    let mut program = Program::start();
    let port = program.ready();
    // Two lines for each request: far more than a pipe can hold.
    for _ in 0..1_000 {
        let answer = get(port, "/api/hello");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let id = program.child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id]).status();
    assert!(kill.unwrap().success());
    let (sender, ended) = std::sync::mpsc::channel();
    let status = std::thread::scope(|scope| {
        scope.spawn(|| sender.send(program.child.wait().unwrap()));
        let status = ended.recv_timeout(TIME_LIMIT);
        if status.is_err() {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
        status
    });
    assert_eq!(status.unwrap().code(), Some(0));
}

#[test]
fn a_program_with_few_open_files_answers_every_client() {
    const CLIENTS: usize = 300;
    let root = app();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_local-host"))
        .current_dir(root.path());
    let mut program = Program::spawn(command, root, &["--verbose"]);
    let port = program.ready();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let answer = get(port, "/api/hello");
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            });
        }
    });
}

#[test]
fn the_state_is_in_a_folder_of_the_app_that_one_host_can_use() {
    let mut program = Program::start();
    let line = program.until("The state of the task hub is in ");
    program.ready();
    let folder = program.root.path().join(".local-host");
    assert!(line.contains(folder.to_str().unwrap()), "{line}");
    let ignored = std::fs::read_to_string(folder.join(".gitignore")).unwrap();
    assert_eq!(ignored, "*\n");

    let refused = command(&program.root)
        .args(["--port", "0", "--verbose"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    for words in [
        folder.to_str().unwrap(),
        "another local-host",
        "--state DIR",
        "--ephemeral",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn the_state_is_in_memory_or_where_the_user_says() {
    let mut program = Program::start_in(app(), &["--verbose", "--ephemeral"]);
    program.until("The state of the task hub is in memory.");
    program.ready();
    assert!(!program.root.path().join(".local-host").exists());

    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("here");
    let mut program = Program::start_in(app(), &["--state", folder.to_str().unwrap()]);
    let line = program.until("The state of the task hub is in ");
    program.ready();
    assert!(line.contains(folder.to_str().unwrap()), "{line}");
    assert!(folder.join("testhubname.db").exists());
    assert!(!program.root.path().join(".local-host").exists());
}

#[test]
fn workers_are_served_without_an_app() {
    let root = tempfile::tempdir().unwrap();
    let mut program = Program::start_in(root, &["--worker"]);
    program.until("The state of the task hub is in ");
    let line = program
        .until("Serving workers and clients of the Durable Task protocol: http://127.0.0.1:");
    let port: u16 = line.rsplit(':').next().unwrap().trim().parse().unwrap();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    let state = program.root.path().join(".local-host");
    assert!(state.join("default.db").is_file());
    let mut second = command(&program.root);
    let second = second
        .args(["--worker", "--ephemeral", "--port", &port.to_string()])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        said.contains(&format!("Port {port} is unavailable.")),
        "{said}"
    );
    let id = program.child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(killed.success());
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
}
