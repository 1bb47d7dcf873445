//! Logging: which events are in `Logs`, which on the console, and which are dropped.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::support::{Reply, data, get, invoke, invoke_as};
use functions_handler::logs::{Builder, InitError, LevelFilter};
use functions_handler::{Answer, App, FunctionError, Invocation};
use serde_json::json;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::SubscriberExt;

/// A console whose lines a test can read.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Console {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone())
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Invokes an HTTP function that runs `events`, under the logging of `builder`.
async fn run<F, Fut>(builder: Builder, events: F) -> (Reply, Console)
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    let console = Console::default();
    let writer = console.clone();
    let subscriber = builder.build(move || writer.clone()).unwrap();
    let router = App::new()
        .http("f", async move || events().await)
        .into_router();
    let reply = invoke(&router, "f", get())
        .with_subscriber(subscriber)
        .await;
    (reply, console)
}

fn info() -> Builder {
    Builder::new().filter("info")
}

#[tokio::test]
async fn events_of_an_invocation_are_in_its_logs_and_on_the_console() {
    let (reply, console) = run(info(), async || {
        tracing::info!(count = 3, name = "x", "found");
        tracing::debug!("too verbose");
        tracing::warn!("careful");
    })
    .await;
    assert_eq!(
        reply.logs(),
        [
            r#"INFO it::logs: found count=3 name="x""#,
            "WARN it::logs: careful"
        ]
    );
    let lines = console.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("found") && lines[0].contains("4711-id") && lines[0].contains("INFO"),
        "{lines:?}"
    );
    assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
}

#[tokio::test]
async fn awaits_nested_spans_and_instrumented_tasks_stay_with_their_invocation() {
    let (reply, _) = run(info(), async || {
        tokio::task::yield_now().await;
        tracing::info!("after an await");
        let nested = async {
            tokio::task::yield_now().await;
            tracing::info!("in a nested span");
        };
        let span = tracing::info_span!("inner", step = 2);
        nested.instrument(span).await;
        tokio::spawn(
            async { tracing::info!("in a task") }
                .in_current_span()
                .with_current_subscriber(),
        )
        .await
        .unwrap();
    })
    .await;
    let expected = [
        "INFO it::logs: after an await",
        "INFO it::logs: in a nested span step=2",
        "INFO it::logs: in a task",
    ];
    assert_eq!(reply.logs(), expected);
}

#[tokio::test]
async fn concurrent_invocations_do_not_mix_their_logs() {
    let subscriber = info().build(std::io::sink).unwrap();
    let function = async |invocation: Invocation| -> Result<Answer, FunctionError> {
        for _ in 0..5 {
            tracing::info!("{}", invocation.id());
            tokio::task::yield_now().await;
        }
        Ok(Answer::new())
    };
    let router = App::new().function("f", function).into_router();
    let calls = (0..20).map(|i| {
        let router = router.clone();
        async move {
            let id = format!("id-{i}");
            let reply = invoke_as(&router, "f", &id, data(json!({}))).await;
            assert_eq!(reply.logs(), vec![format!("INFO it::logs: {id}"); 5]);
        }
    });
    futures::future::join_all(calls)
        .with_subscriber(subscriber)
        .await;
}

#[tokio::test]
async fn an_event_of_several_lines_is_one_line() {
    let (reply, console) = run(info(), async || tracing::error!("first\nsecond\r\nthird")).await;
    assert_eq!(reply.logs(), [r"ERROR it::logs: first\nsecond\r\nthird"]);
    let lines = console.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r"first\nsecond\r\nthird"), "{lines:?}");
}

#[tokio::test]
async fn logs_are_bounded_and_say_what_is_missing() {
    let (reply, console) = run(info(), async || {
        for i in 0..250 {
            tracing::info!("{i}");
        }
    })
    .await;
    let logs = reply.logs();
    assert_eq!(logs.len(), 201);
    assert_eq!(logs[199], "INFO it::logs: 199");
    assert!(logs[200].contains("50 more"), "{}", logs[200]);
    assert_eq!(console.lines().len(), 250);
}

#[tokio::test]
async fn an_entry_is_cut_at_8_kib_between_characters() {
    let (reply, _) = run(info(), async || tracing::info!("{}", "é".repeat(10_000))).await;
    let entry = reply.logs()[0];
    assert!(entry.len() <= 8192 && entry.len() > 8180, "{}", entry.len());
    assert!(entry.ends_with("é…"));
}

#[tokio::test]
async fn no_filter_lifts_a_cap() {
    for filter in [
        "trace",
        "azure_core=trace",
        "azure_core::policies=trace,info",
        "[invocation]=trace",
        "[invocation{function=f}]=trace",
    ] {
        let builder = Builder::new()
            .filter(filter)
            .cap("azure_core", LevelFilter::INFO);
        let (reply, console) = run(builder, async || {
            tracing::debug!(target: "azure_core", "Authorization: secret");
            tracing::trace!(target: "azure_core::policies::transport", "Authorization: secret");
            tracing::debug!(target: "azure_core_amqp", "Authorization: secret");
            tracing::debug!(target: "my_app", "mine");
            tracing::info!(target: "azure_core", "harmless");
        })
        .await;
        let everything = format!("{:?}{:?}", reply.logs(), console.lines());
        assert!(!everything.contains("secret"), "{filter}: {everything}");
        assert!(everything.contains("harmless"), "{filter}: {everything}");
        // The filter itself applies.
        assert_eq!(
            everything.contains("mine"),
            !filter.starts_with("azure"),
            "{filter}: {everything}"
        );
    }
}

#[tokio::test]
async fn without_the_cap_the_same_filter_lets_the_event_through() {
    let (reply, _) = run(
        Builder::new().filter("trace"),
        async || tracing::debug!(target: "azure_core", "secret"),
    )
    .await;
    assert!(reply.has_log(&["secret"]));
}

#[tokio::test]
async fn a_filter_that_names_one_target_only_does_not_cut_logs_off() {
    let (reply, _) = run(Builder::new().filter("my_app=debug"), async || {
        tracing::debug!(target: "my_app", "mine");
        tracing::info!(target: "other", "not mine");
    })
    .await;
    assert_eq!(reply.logs(), ["DEBUG my_app: mine"]);
}

#[tokio::test]
async fn a_field_whose_debug_logs_does_not_block() {
    #[derive(Clone)]
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tracing::info!("inner");
            f.write_str("chatty")
        }
    }
    let (reply, _) = run(info(), async || tracing::info!(field = ?Chatty, "outer")).await;
    assert!(
        reply.has_log(&["outer", "field=chatty"]),
        "{:?}",
        reply.logs()
    );
}

#[tokio::test]
async fn a_base64_looking_output_is_sent_with_a_warning() {
    let function = async |_: Invocation| -> Result<Answer, FunctionError> {
        Ok(Answer::new().output("queue", "order123")?)
    };
    let router = App::new().function("f", function).into_router();
    let subscriber = info().build(std::io::sink).unwrap();
    let reply = invoke(&router, "f", data(json!({})))
        .with_subscriber(subscriber)
        .await;
    assert_eq!(reply.body["Outputs"]["queue"], "order123");
    assert!(
        reply.has_log(&["WARN", "queue", "base64"]),
        "{:?}",
        reply.logs()
    );
}

#[tokio::test]
async fn the_failure_of_a_function_is_logged_with_its_id_and_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("no table")]
    struct Outer(#[source] std::io::Error);
    let error = async |_: Invocation| -> Result<Answer, FunctionError> {
        Err(Outer(std::io::Error::other("disk 7")).into())
    };
    let panic = async |_: Invocation| -> Result<Answer, FunctionError> { panic!("disk 8") };
    let report = async |_: Invocation| -> Result<Answer, FunctionError> {
        let error = FunctionError::from(Outer(std::io::Error::other("disk 9")));
        Err(error.with_report("for the host"))
    };
    let router = App::new()
        .function("error", error)
        .function("panic", panic)
        .function("report", report)
        .into_router();
    for (function, text) in [
        ("error", "the invocation failed: no table: disk 7"),
        ("panic", "the invocation failed: panicked: disk 8"),
        ("report", "the invocation failed: no table: disk 9"),
    ] {
        let lines = lines_of(&router, function, data(json!({}))).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in ["ERROR", "id-9", function, text] {
            assert!(lines[0].contains(part), "{lines:?}");
        }
    }
}

/// The console of one invocation with the id `id-9`.
async fn lines_of(router: &axum::Router, function: &str, request: String) -> Vec<String> {
    let console = Console::default();
    let writer = console.clone();
    let subscriber = info().build(move || writer.clone()).unwrap();
    invoke_as(router, function, "id-9", request)
        .with_subscriber(subscriber)
        .await;
    console.lines()
}

#[tokio::test]
async fn credentials_are_hidden_in_the_lines_about_failures() {
    let error = async |_: Invocation| -> Result<Answer, FunctionError> {
        Err("refused: AccountKey=secret".into())
    };
    let panic =
        async |_: Invocation| -> Result<Answer, FunctionError> { panic!("AccountKey=secret") };
    let http = async || -> String { panic!("https://h/x?sig=secret") };
    let router = App::new()
        .function("error", error)
        .function("panic", panic)
        .http("http", http)
        .into_router();
    for function in ["error", "panic", "http"] {
        let request = if function == "http" {
            get()
        } else {
            data(json!({}))
        };
        let lines = lines_of(&router, function, request).await;
        assert!(lines[0].contains("[Hidden Credential]"), "{lines:?}");
        assert!(lines[0].contains("id-9"), "{lines:?}");
        assert!(!lines.concat().contains("secret"), "{lines:?}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error_that_shows_it() {
    let error = Builder::new()
        .filter("my_app=loud")
        .build(std::io::sink)
        .err()
        .unwrap();
    assert!(matches!(error, InitError::Filter { .. }));
    let text = error.to_string();
    assert!(
        text.contains("`my_app=loud`") && text.contains("RUST_LOG"),
        "{text}"
    );
}

thread_local! {
    static SILENT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[tokio::test]
async fn events_in_silence_are_neither_in_the_logs_nor_on_the_console() {
    let builder = info().silence_when(|| SILENT.get()).silence_when(|| false);
    let (reply, console) = run(builder, async || {
        // One call site, so that a cached decision would be found.
        for (silent, text) in [(false, "first"), (true, "again"), (false, "second")] {
            SILENT.set(silent);
            tracing::error!("{text}");
        }
    })
    .await;
    assert_eq!(
        reply.logs(),
        ["ERROR it::logs: first", "ERROR it::logs: second"]
    );
    let lines = console.lines();
    assert!(
        lines.iter().any(|line| line.contains("second"))
            && !lines.iter().any(|line| line.contains("again")),
        "{lines:?}"
    );
}

/// Counts the events that reach it.
#[derive(Clone, Default)]
struct Exporter(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Exporter {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let metadata = event.metadata();
        let line = format!("{} {}", metadata.level(), metadata.target());
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn the_layer_keeps_its_filter_caps_and_silences_to_itself() {
    let exporter = Exporter::default();
    let logs = info()
        .cap("noisy", LevelFilter::ERROR)
        .silence_when(|| SILENT.get())
        .without_console()
        .layer()
        .unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(logs)
        .with(exporter.clone());
    let router = App::new()
        .http("f", async || {
            tracing::info!(target: "app", "one");
            tracing::debug!(target: "app", "below the filter");
            tracing::warn!(target: "noisy", "over the cap");
            SILENT.set(true);
            tracing::info!(target: "app", "silenced");
            SILENT.set(false);
        })
        .into_router();
    let reply = invoke(&router, "f", get())
        .with_subscriber(subscriber)
        .await;
    assert_eq!(reply.body["Logs"], json!(["INFO app: one"]));
    let seen = exporter.0.lock().unwrap().clone();
    let of_the_app = seen
        .iter()
        .filter(|line| !line.contains("functions_handler"));
    let of_the_app: Vec<_> = of_the_app.map(String::as_str).collect();
    assert_eq!(
        of_the_app,
        ["INFO app", "DEBUG app", "WARN noisy", "INFO app"]
    );
}

#[tokio::test]
async fn without_console_only_logs_are_written() {
    let (reply, console) = run(info().without_console(), async || tracing::info!("hello")).await;
    assert_eq!(reply.body["Logs"], json!(["INFO it::logs: hello"]));
    assert_eq!(console.lines(), [""; 0]);
}
