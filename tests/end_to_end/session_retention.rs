//! How long the jobs of a session are found: as long as each of them says something, and then no more.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use azure_data_tables::prelude::{Filter, IfMatchCondition};
use function_app::sessions::SessionId;
use futures::TryStreamExt;
use serde_json::{Value, json};

use super::{
    status_answers::until,
    support::{
        app_folder::AppFolder,
        azurite::Azurite,
        fake_table::{FakeTable, Gate, Step},
        host::{Host, TIME_LIMIT},
        messages::{Delivery, job_id},
        sdk_transport,
        task_hub::TaskHub,
    },
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// `RetentionDays` and `TombstoneDays`, and the day after.
const KEPT: Duration = Duration::from_secs(38 * 24 * 60 * 60);

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

/// The table in which the host keeps sessions.
struct Sessions<'a>(&'a Azurite);

impl Sessions<'_> {
    fn app(&self, table: &FakeTable, time_limit: &str) -> AppFolder {
        AppFolder::misbehaving(&table.connection_string())
            .setting("SessionStore", "table")
            .setting("SessionStorage", &self.0.connection_string())
            .setting("JobTimeoutSeconds", time_limit)
    }

    fn key(session: &str) -> String {
        let key = SessionId::parse(session).unwrap().key();
        key.as_str().to_owned()
    }

    /// The expiries of a session, by RowKey: its own, that of each job, and that of each place in the list.
    async fn expiries(&self, session: &str) -> BTreeMap<String, i64> {
        let service = sdk_transport::service(&self.0.endpoint());
        let filter = Filter::new(format!("PartitionKey eq '{}'", Self::key(session)));
        let query = service.table_client("sessions").query().filter(filter);
        let pages: Vec<_> = query.into_stream::<Value>().try_collect().await.unwrap();
        let rows = pages.into_iter().flat_map(|page| page.entities);
        rows.map(|row| {
            let key = row["RowKey"].as_str().unwrap().to_owned();
            (key, row["Expiry"].as_str().unwrap().parse().unwrap())
        })
        .collect()
    }

    /// Lets so much time pass for a session that all of it expires then.
    async fn age(&self, session: &str, expiry: SystemTime) {
        let service = sdk_transport::service(&self.0.endpoint());
        let partition = service.table_client("sessions");
        let partition = partition.partition_key_client(Self::key(session));
        for row in self.expiries(session).await.into_keys() {
            let change = json!({
                "Expiry": millis(expiry).to_string(), "Expiry@odata.type": "Edm.Int64",
            });
            let entity = partition.entity_client(row);
            let merge = entity.merge(change, IfMatchCondition::Any).unwrap();
            merge.await.unwrap();
        }
    }
}

/// Sends the message and waits until its job is in this state.
async fn start(host: &Host, message: &str, session: &str, status: &str) -> String {
    Delivery::submission(message, session).to(host).await;
    let client = host.client();
    let location = client.url(&format!("/api/status/{}", job_id(message)));
    let is_so = |answer: &super::support::http::Answer| {
        answer.status < 300 && answer.json()["status"] == status
    };
    client.poll_until(&location, is_so).await;
    location
}

#[tokio::test]
async fn a4_5_the_entry_of_a_suspended_job_does_not_end_before_the_job_and_its_retention() {
    let azurite = Azurite::start();
    let sessions = Sessions(&azurite);
    let gate = Gate::closed();
    let page = Step::page(&["1", "2"]);
    let table = FakeTable::start(vec![Step::Held(gate.clone(), Box::new(page))]).await;
    let state = tempfile::tempdir().unwrap();
    let launch = sessions.app(&table, "3600").launch().state(state.path());
    let mut host = launch.start().await;
    start(&host, "m-1", "s-1", "Running").await;
    let hub = TaskHub::of(&host).await;
    hub.suspend(&job_id("m-1"), "a reason").await;
    let location = host.client().url(&format!("/api/status/{}", job_id("m-1")));
    until(host.client(), &location, "Suspended").await;
    let made = sessions.expiries("s-1").await;
    // The session, the job and its place.
    assert_eq!(made.len(), 3, "{made:?}");
    let at_least = millis(SystemTime::now() + KEPT);
    assert!(made.values().all(|expiry| *expiry >= at_least), "{made:?}");

    // Within its time limit it is not touched.
    let soon = SystemTime::now() + DAY;
    sessions.age("s-1", soon).await;
    host.purge_jobs(1).await;
    let expiries = sessions.expiries("s-1").await;
    assert!(expiries.values().all(|expiry| *expiry == millis(soon)));

    // The same job after its time limit.
    host.kill().await;
    let launch = sessions.app(&table, "1").launch().state(state.path());
    let host = launch.start().await;
    let begin = SystemTime::now();
    let mut runs = 0;
    let extended = loop {
        runs += 1;
        host.purge_jobs(runs).await;
        let expiries = sessions.expiries("s-1").await;
        if expiries.values().all(|expiry| *expiry > millis(soon)) {
            break expiries;
        }
        assert!(begin.elapsed().unwrap() < TIME_LIMIT, "{expiries:?}");
    };
    let at_least = millis(begin + KEPT);
    assert!(
        extended.values().all(|expiry| *expiry >= at_least),
        "{extended:?}"
    );
    assert_eq!(extended.len(), 3);

    // It ends, and its entry stays as it is.
    gate.open();
    TaskHub::of(&host).await.resume(&job_id("m-1")).await;
    let location = host.client().url(&format!("/api/status/{}", job_id("m-1")));
    host.client().poll(&location).await;
    let before = sessions.expiries("s-1").await;
    host.purge_jobs(runs + 1).await;
    assert_eq!(sessions.expiries("s-1").await, before);
    let answer = host.client().get("/api/sessions/s-1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["value"][0]["id"], job_id("m-1"));
}

#[tokio::test]
async fn row_44_what_has_expired_is_removed_from_the_table_of_sessions_and_nothing_else() {
    let azurite = Azurite::start();
    let sessions = Sessions(&azurite);
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = sessions.app(&table, "3600").start().await;
    for (message, session) in [("m-1", "gone"), ("m-2", "kept")] {
        start(&host, message, session, "Completed").await;
    }
    let kept = sessions.expiries("kept").await;
    assert_eq!(kept.len(), 3);
    let client = host.client();
    assert_eq!(client.get("/api/sessions/gone").await.status, 200);
    let past = SystemTime::now() - Duration::from_secs(1);
    sessions.age("gone", past).await;
    // Before and after the clean-up.
    assert_eq!(client.get("/api/sessions/gone").await.status, 404);
    host.purge_jobs(1).await;
    assert_eq!(client.get("/api/sessions/gone").await.status, 404);
    assert_eq!(client.get("/api/sessions/kept").await.status, 200);
    assert_eq!(sessions.expiries("gone").await, BTreeMap::new());
    assert_eq!(sessions.expiries("kept").await, kept);
    // A message that is delivered once more after that is no new job of the session that has gone.
    let location = start(&host, "m-1", "gone", "Completed").await;
    assert_eq!(host.client().status(&location).await.json()["result"], 1);
}

#[tokio::test]
async fn jobs_are_purged_although_the_session_store_is_away() {
    let mut azurite = Azurite::start();
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let sessions = Sessions(&azurite);
    let app = sessions
        .app(&table, "3600")
        .setting("JOBS_EXPIRE_AT_ONCE", "1");
    let host = app.start().await;
    let location = start(&host, "m-1", "s-1", "Completed").await;
    azurite.stop();
    for run in 1..3 {
        let answer = host
            .client()
            .post("/admin/functions/purge-jobs", "{}")
            .await;
        assert_eq!(answer.status, 202);
        host.logged("Executed 'Functions.purge-jobs' (Failed", run)
            .await;
        host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
            .await;
    }
    assert_eq!(host.client().status(&location).await.status, 410);
}
