//! A tiny handler: this test binary, started once more with the filter of [`handler_process`] and a behaviour
//! in its environment.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

/// The variable that makes a test binary a handler.
pub const BEHAVIOUR: &str = "TINY_HANDLER";

/// The arguments that make the test binary run [`handler_process`] only.
pub fn arguments() -> Vec<String> {
    [
        "tiny::handler_process",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Becomes a handler, and does not return, if the environment says so. As a test, it does nothing.
#[test]
fn handler_process() {
    match std::env::var(BEHAVIOUR).as_deref() {
        Err(_) => {}
        Ok("exit-1") => {
            eprintln!("setting X is wrong");
            std::process::exit(1)
        }
        Ok("exit-200") => std::process::exit(200),
        Ok("never-listen") => loop {
            std::thread::park();
        },
        Ok(_) => serve(),
    }
}

/// Whether the other side closes the connection within 60 seconds.
pub fn is_closed(mut connection: TcpStream) -> bool {
    connection
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .unwrap();
    match connection.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn serve() -> ! {
    let port: u16 = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT")
        .unwrap()
        .parse()
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    while !DEAF.load(Ordering::Acquire) {
        let (stream, _) = listener.accept().unwrap();
        // Answers are written in pieces. Without this, each piece would wait for an acknowledgement.
        stream.set_nodelay(true).unwrap();
        std::thread::spawn(move || while answer(&stream).is_some() {});
    }
    drop(listener);
    loop {
        std::thread::park();
    }
}

/// Whether the listener is to be closed.
static DEAF: AtomicBool = AtomicBool::new(false);

/// Closes the listener, so that new connections are refused while the process lives.
fn stop_listening(port: u16) {
    DEAF.store(true, Ordering::Release);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {}
}

/// Answers one request of a connection.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    let mut invocation = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if let Some(value) = line
            .to_lowercase()
            .strip_prefix("x-azure-functions-invocationid:")
        {
            invocation = value.trim().to_owned();
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let mut more = "";
    let body = match first.split(' ').nth(1)?.trim_start_matches('/') {
        "pid" => format!("{{\"ReturnValue\":{}}}", std::process::id()),
        "environment" => format!(
            "{{\"ReturnValue\":{{\"directory\":{:?},\"behaviour\":{:?},\"port\":{:?}}}}}",
            std::env::current_dir().unwrap(),
            std::env::var(BEHAVIOUR).unwrap(),
            std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT").unwrap(),
        ),
        "hello" => format!(
            "{{\"Outputs\":{{\"res\":{{\"statusCode\":200,\"body\":\"hello from {}\"}}}}}}",
            std::env::var("GREETING").unwrap_or_default()
        ),
        // Starts another handler in the same process group, and waits until it listens.
        spawn if spawn.starts_with("spawn-") => {
            let port = spawn.trim_start_matches("spawn-");
            let arguments: Vec<_> = std::env::args().skip(1).collect();
            std::process::Command::new(std::env::current_exe().ok()?)
                .args(arguments)
                .env("FUNCTIONS_CUSTOMHANDLER_PORT", port)
                .spawn()
                .ok()?;
            while TcpStream::connect(("127.0.0.1", port.parse().ok()?)).is_err() {
                std::thread::yield_now();
            }
            "{}".to_owned()
        }
        "kill" => {
            let id = std::process::id().to_string();
            let _ = std::process::Command::new("kill")
                .args(["-KILL", &id])
                .status();
            loop {
                std::thread::park();
            }
        }
        "stopping" => {
            more = "X-Handler-Stopping: 1\r\n";
            "{}".to_owned()
        }
        "deaf" => {
            stop_listening(stream.local_addr().ok()?.port());
            more = "Connection: close\r\n";
            "{}".to_owned()
        }
        "report" => "Busy: try 1 <activityFailure eyJh>".to_owned(),
        "leak" => "Busy: https://h/x?sig=secret <activityFailure eyJh>".to_owned(),
        // Like functions-handler, writes an event to the console and to `Logs`.
        "twice" => {
            // The first ends a line that the test harness has begun.
            println!(
                "\n2026-11-28T05:15:16.623303Z  INFO invocation: app: said twice n=1 function=twice id={invocation}"
            );
            r#"{"Logs":["INFO app: said twice n=1","INFO app: said once"]}"#.to_owned()
        }
        "slow" => loop {
            std::thread::park();
        },
        exit if exit.starts_with("exit-") => {
            eprintln!("about to exit");
            std::process::exit(exit.trim_start_matches("exit-").parse().ok()?)
        }
        _ => "{}".to_owned(),
    };
    let kind = if body.starts_with('{') {
        "application/json"
    } else {
        "text/plain"
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    (!more.contains("close")).then_some(())
}
