//! Jobs that ended long ago: purged, and told apart from jobs that never were.

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Gate, Step},
    host::Host,
};

/// A host under which a job expires as soon as it ends.
async fn start(table: &FakeTable, tombstones: Option<&str>) -> Host {
    let mut app =
        AppFolder::misbehaving(&table.connection_string()).setting("JOBS_EXPIRE_AT_ONCE", "1");
    if let Some(value) = tombstones {
        app = app.setting("TOMBSTONES_EXPIRE_AT_ONCE", value);
    }
    app.start().await
}

#[tokio::test]
async fn row_26_44_an_expired_job_is_purged_and_gone_and_a_running_one_stays() {
    let gate = Gate::closed();
    let page = Step::page(&["1", "2"]);
    let held = Step::Held(gate.clone(), Box::new(page.clone()));
    let table = FakeTable::start(vec![page, held]).await;
    let host = start(&table, None).await;
    let client = host.client();
    let (_, ended_at) = client.submit("2021-01-01", "2021-01-01").await;
    assert_eq!(client.poll(&ended_at).await.json()["status"], "Completed");
    let (_, running_at) = client.submit("2021-01-01", "2021-01-01").await;

    // The first run asks for the tombstone, which must be stored before the job is purged.
    host.purge_jobs(1).await;
    host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
        .await;
    let kept = client.status(&ended_at).await;
    assert_eq!(kept.json()["result"], 2);
    host.purge_jobs(2).await;
    let answer = client.status(&ended_at).await;
    assert_eq!(answer.status, 410);
    let when = kept.json()["lastUpdatedTime"].as_str().unwrap().to_owned();
    assert_eq!(
        answer.body,
        format!(r#"{{"error":"Job expired","endedAt":"{when}","status":"Completed"}}"#)
    );
    assert_eq!(answer.header("x-ms-error-code"), "JobExpired");
    // It never was a job.
    assert_eq!(client.get("/api/status/never").await.status, 404);

    assert_eq!(client.status(&running_at).await.status, 202);
    gate.open();
    assert_eq!(client.poll(&running_at).await.json()["status"], "Completed");
}

#[tokio::test]
async fn row_26_a_tombstone_expires_too() {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    let host = start(&table, Some("1")).await;
    let client = host.client();
    let (_, job) = client.submit("2021-01-01", "2021-01-31").await;
    client.poll(&job).await;
    host.purge_jobs(1).await;
    host.logged("Executed 'Functions.expired-job' (Succeeded", 1)
        .await;
    // It purges the job, and then asks the tombstone to go.
    host.purge_jobs(2).await;
    host.logged("Executed 'Functions.expired-job' (Succeeded", 2)
        .await;
    assert_eq!(client.status(&job).await.status, 404);
}
