//! A job over the year of the sample data, as a user runs it: on local-host's own table, with the settings that the app
//! comes with.

use serde_json::{Value, json};

use super::support::{app_folder::AppFolder, host::Host, http::Client};

const DAYS: u64 = 365;
/// How often something is begun again that something else on the machine has disturbed.
const ATTEMPTS: u32 = 100;

/// A host that serves the sample data itself. The emulator's port is one for the whole machine: the apps of other tests
/// have it for a while, and end.
async fn host_with_sample_data() -> Host {
    for _ in 0..ATTEMPTS {
        let mut host = AppFolder::with_default_settings().start().await;
        if host.log().contains("with sample data: table 'audit'") {
            return host;
        }
        host.stop("TERM").await;
    }
    panic!("something else listens on the table port of the emulator: stop Azurite");
}

/// The custom statuses of a job as a client sees them that asks as fast as it is answered, and the job at its end.
async fn followed(client: &Client) -> (Vec<Value>, Value) {
    let accepted = client
        .get("/api/submit/query?s=2022-01-01&e=2022-12-31")
        .await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let location = accepted.header("Location");
    let mut seen = Vec::new();
    loop {
        let answer = client.status(location).await;
        let job = answer.json();
        seen.push(job["customStatus"].clone());
        if answer.status != 202 {
            assert_eq!(answer.status, 200, "{answer:?}");
            return (seen, job);
        }
    }
}

fn number(status: &Value, member: &str) -> u64 {
    status[member]
        .as_u64()
        .unwrap_or_else(|| panic!("{member}: {status}"))
}

/// Every status is as documented, and none is behind the one before.
fn assert_grows(seen: &[Value]) {
    const STAGES: [&str; 3] = ["querying", "merging", "done"];
    let stage = |status: &Value| STAGES.iter().position(|stage| status["stage"] == *stage);
    for status in seen {
        let completed = number(status, "completed");
        assert_eq!(number(status, "total"), DAYS, "{status}");
        assert_eq!(
            number(status, "percent"),
            completed * 100 / DAYS,
            "{status}"
        );
        assert!(completed <= DAYS && stage(status).is_some(), "{status}");
        // The end is told when something is known of the way to it.
        let is_under_way = status["stage"] == "querying" && (1..DAYS).contains(&completed);
        assert_eq!(status["eta"].is_string(), is_under_way, "{status}");
        assert!(status.to_string().len() < 1_000, "{status}");
    }
    for pair in seen.windows(2) {
        let [before, after] = pair else {
            unreachable!()
        };
        for member in ["completed", "percent", "rows"] {
            assert!(
                number(before, member) <= number(after, member),
                "{before} {after}"
            );
        }
        assert!(stage(before) <= stage(after), "{before} {after}");
    }
}

#[tokio::test]
async fn a_year_runs_with_default_settings_and_shows_its_progress() {
    let host = host_with_sample_data().await;
    let is_on_its_way = |status: &Value| (1..DAYS).contains(&number(status, "completed"));
    // On a busy machine a job may end between two answers: then nothing can be seen of its way, and the next one is
    // followed.
    for _ in 0..ATTEMPTS {
        let (seen, job) = followed(host.client()).await;
        assert_eq!(job["status"], "Completed", "{job}");
        assert_eq!(job["result"], 119, "{job}");
        assert_eq!(
            job["customStatus"],
            json!({"stage": "done", "completed": DAYS, "total": DAYS, "percent": 100, "rows": 8_760, "eta": null})
        );
        // Before its first turn a job has none.
        let seen: Vec<_> = seen
            .into_iter()
            .filter(|status| !status.is_null())
            .collect();
        assert_grows(&seen);
        if seen.iter().any(is_on_its_way) {
            return;
        }
    }
    panic!("no job shows how far it is");
}
