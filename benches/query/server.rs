//! The table service, as a process of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{case::Case, process::Worker, table_service::TableService};

/// What it has answered so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) pages: u64,
    /// Requests for pages by the status of the answer, those without an answer under 0.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) most_in_flight: usize,
}

/// A running server.
pub(crate) struct Server {
    worker: Worker,
    pub(crate) connection: String,
    /// The variables with which a process trusts its certificate.
    trust: Vec<(&'static str, PathBuf)>,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(case: &Case) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let case = serde_json::to_string(case).unwrap();
        command.args(["server", &case]);
        let (mut worker, connection) = Worker::start(command);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificate.pem");
        let mut trust = Vec::new();
        if let Some(certificate) = worker.ask::<Option<String>>("certificate") {
            fs::write(&file, certificate).unwrap();
            trust.push(("SSL_CERT_FILE", file.clone()));
            // The one of the Python client.
            trust.push(("REQUESTS_CA_BUNDLE", file));
        }
        Self {
            worker,
            connection,
            trust,
            _folder: folder,
        }
    }

    /// A command whose process trusts the server.
    pub(crate) fn client(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let trust = self.trust.iter();
        command.envs(trust.map(|(name, file)| (name, file)));
        command
    }

    /// This program in another role, for this server and case.
    pub(crate) fn contestant(&self, role: &str, case: &Case) -> Worker {
        let mut command = self.client(&std::env::current_exe().unwrap());
        let case = serde_json::to_string(case).unwrap();
        command.args([role, &self.connection, &case]);
        Worker::start(command).0
    }

    /// The distinct values and the rows, counted by the server itself.
    pub(crate) fn expected(&mut self) -> (u64, u64) {
        self.worker.ask("expected")
    }

    pub(crate) fn served(&mut self) -> Served {
        self.worker.ask("served")
    }
}

/// The role of the server. One thread: the contestants have the rest of the machine.
pub(crate) fn role(case: &str) {
    let case: Case = serde_json::from_str(case).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let options = case.options();
    let rows = options.rows.clone();
    let service = runtime.block_on(TableService::start(options));
    println!("{}", service.connection_string());
    for line in std::io::stdin().lines() {
        let answer = match line.unwrap().as_str() {
            "expected" => {
                let (from, to) = case.range();
                serde_json::to_string(&rows.expected(&from, &to))
            }
            "certificate" => serde_json::to_string(&service.certificate()),
            _ => serde_json::to_string(&served(&service)),
        };
        println!("{}", answer.unwrap());
    }
}

fn served(service: &TableService) -> Served {
    let queries = service.queries();
    let mut statuses = BTreeMap::new();
    for query in &queries {
        *statuses.entry(query.status.unwrap_or(0)).or_default() += 1;
    }
    Served {
        pages: queries.len() as u64,
        statuses,
        most_in_flight: service.most_in_flight(),
    }
}
