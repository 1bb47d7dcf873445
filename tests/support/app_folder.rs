//! The folder of a function app, as local-host reads it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{
    build,
    host::{Host, Launch},
    messages, readme,
};

/// The most that clients are told to wait between polls, in seconds: not the default, so that a test sees that the setting
/// is used.
pub(crate) const RETRY_AFTER: &str = "3";

/// The task hub of the crash tests.
pub(crate) const CRASH_TEST_HUB: &str = "CrashTest";

/// A folder of its own with host.json, the function folders, and a local.settings.json for one test.
pub(crate) struct AppFolder {
    folder: TempDir,
    host_json: Value,
    settings: Map<String, Value>,
    open_files: Option<u32>,
}

impl AppFolder {
    /// The function app with the handler that cargo has built for this test; `storage` is the connection string of the
    /// audit table.
    pub(crate) fn product(storage: &str) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let host_json = fs::read(repository.join("host.json")).unwrap();
        let app = Self {
            folder: tempfile::tempdir().unwrap(),
            host_json: serde_json::from_slice(&host_json).unwrap(),
            settings: Map::new(),
            open_files: None,
        };
        app.copy_functions(repository);
        app.handler(env!("CARGO_BIN_EXE_handler").into())
            .setting("FUNCTIONS_WORKER_RUNTIME", "custom")
            .setting("RetryAfterSeconds", RETRY_AFTER)
            // The timers need a storage account on a real host.
            .setting("AzureWebJobsStorage", "elsewhere")
            // Without `UseDevelopmentStorage=true` anywhere local-host leaves the emulator's port alone.
            .setting("AuditStorage", storage)
    }

    /// The function app with the settings that it comes with.
    pub(crate) fn with_default_settings() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let of_file = |path: &str| fs::read_to_string(repository.join(path)).unwrap();
        let app = Self::complete(of_file, env!("CARGO_BIN_EXE_handler").into());
        app.copy_functions(repository);
        app
    }

    /// The product with the functions in tests/apps/misbehaving besides.
    pub(crate) fn misbehaving(storage: &str) -> Self {
        let app = Self::product(storage);
        app.copy_functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/misbehaving"));
        app.handler(build::misbehaving())
    }

    /// The app in the README of durable-functions, with the files that stand there.
    pub(crate) fn getting_started() -> Self {
        let files = readme::files();
        let of_file = |path: &str| {
            let (_, content) = files.iter().find(|(shown, _)| shown == path).unwrap();
            content.clone()
        };
        let app = Self::complete(of_file, build::order_app());
        let of_functions = |(path, _): &&(String, String)| path.ends_with("/function.json");
        for (path, content) in files.iter().filter(of_functions) {
            let file = app.folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        app
    }

    /// The app of an example.
    pub(crate) fn example(name: &str) -> Self {
        let from = build::examples().join(name);
        let of_file = |path: &str| fs::read_to_string(from.join(path)).unwrap();
        let app = Self::complete(of_file, build::example_app(name));
        app.copy_functions(&from);
        app
    }

    /// An app with its own host.json and local.settings.json.
    fn complete(of_file: impl Fn(&str) -> String, program: PathBuf) -> Self {
        let read = |path: &str| -> Value { serde_json::from_str(&of_file(path)).unwrap() };
        let settings = read("local.settings.json")["Values"].clone();
        let app = Self {
            folder: tempfile::tempdir().unwrap(),
            host_json: read("host.json"),
            settings: serde_json::from_value(settings).unwrap(),
            open_files: None,
        };
        // In a workspace cargo does not build it below the app's own folder.
        app.handler(program)
    }

    /// The app of the crash tests, whose activities write to a journal in this folder.
    pub(crate) fn crash_test(journal: &Path) -> Self {
        let host_json = json!({
            "version": "2.0",
            "customHandler": { "description": { "defaultExecutablePath": "handler" } },
            "extensionBundle": {
                "id": "Microsoft.Azure.Functions.ExtensionBundle",
                "version": "[4.*, 5.0.0)"
            },
            "extensions": { "durableTask": { "hubName": CRASH_TEST_HUB } }
        });
        let app = Self {
            folder: tempfile::tempdir().unwrap(),
            host_json,
            settings: Map::new(),
            open_files: None,
        };
        app.copy_functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/crash-test"));
        app.handler(build::crash_test())
            .setting("FUNCTIONS_WORKER_RUNTIME", "custom")
            .setting("AzureWebJobsStorage", "elsewhere")
            .setting("JOURNAL_FOLDER", journal.to_str().unwrap())
    }

    /// Replaces the trigger of submit-event by a storage queue, as the documentation says, with this connection string.
    pub(crate) fn queue_trigger(self, connection: &str) -> Self {
        let [_, mut function] = messages::documented_functions();
        function["bindings"][0]["connection"] = json!("Queues");
        let file = self.folder.path().join("submit-event/function.json");
        fs::write(file, function.to_string()).unwrap();
        self.setting("Queues", connection)
    }

    /// Sets a value in local.settings.json.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), json!(value));
        self
    }

    /// Sets `functionTimeout` in host.json, as `hh:mm:ss`.
    pub(crate) fn function_timeout(mut self, time: &str) -> Self {
        self.host_json["functionTimeout"] = json!(time);
        self
    }

    /// Sets the route prefix in host.json; empty for none.
    pub(crate) fn route_prefix(mut self, prefix: &str) -> Self {
        self.host_json["extensions"]["http"]["routePrefix"] = json!(prefix);
        self
    }

    /// Sets how many files the host, and each handler, may have open (`ulimit -n`).
    pub(crate) fn open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// Starts local-host on it, and waits until the handler is ready.
    pub(crate) async fn start(self) -> Host {
        self.launch().start().await
    }

    /// Writes the files, so that local-host can be started on them.
    pub(crate) fn launch(self) -> Launch {
        let write = |file: &str, content: &Value| {
            fs::write(self.folder.path().join(file), content.to_string()).unwrap();
        };
        if self.settings.contains_key("JOBS_EXPIRE_AT_ONCE") {
            self.purge_by_hand_only();
        }
        let settings = json!({ "IsEncrypted": false, "Values": self.settings });
        write("local.settings.json", &settings);
        write("host.json", &self.host_json);
        let launch = Launch::new(self.folder);
        match self.open_files {
            Some(limit) => launch.after(&format!("ulimit -n {limit}")),
            None => launch,
        }
    }

    /// Keeps the timer from purging the jobs that have ended, in a run that happens to pass a quarter past the hour.
    fn purge_by_hand_only(&self) {
        let file = self.folder.path().join("purge-jobs/function.json");
        let function = fs::read_to_string(&file).unwrap();
        let schedule = "0 15 * * * *";
        assert!(function.contains(schedule));
        fs::write(file, function.replace(schedule, "0 0 0 1 1 *")).unwrap();
    }

    fn handler(self, program: PathBuf) -> Self {
        self.setting(
            "AzureFunctionsJobHost__customHandler__description__defaultExecutablePath",
            program.to_str().unwrap(),
        )
    }

    fn copy_functions(&self, from: &Path) {
        let mut copied = 0;
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let file = entry.path().join("function.json");
            if file.exists() {
                let folder = self.folder.path().join(entry.file_name());
                fs::create_dir(&folder).unwrap();
                fs::copy(file, folder.join("function.json")).unwrap();
                copied += 1;
            }
        }
        assert!(copied > 0, "no function folders in {}", from.display());
    }
}
