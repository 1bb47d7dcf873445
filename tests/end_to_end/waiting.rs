//! Clients that wait for a job without polling, and clients that poll: what they are told, and what they cost.
//!
//! The table holds its answer back until a gate is open. So a job runs until a test lets it end, and a request that is
//! answered before that did not wait.

use std::time::Duration;

use super::{
    status_body::{DONE, QUERYING, assert_status},
    support::{
        app_folder::AppFolder,
        fake_table::{FakeTable, Gate, Step},
        host::{Host, send_signal},
        http::{Answer, Client},
        task_hub::TaskHub,
    },
};

/// A table whose answer has two distinct values.
async fn held_table() -> (FakeTable, Gate) {
    let gate = Gate::closed();
    let page = Step::page(&["1", "2", "2"]);
    let table = FakeTable::start(vec![Step::Held(gate.clone(), Box::new(page))]).await;
    (table, gate)
}

/// A host with a job that runs: its id and the address of its status.
async fn with_job(app: AppFolder) -> (Host, String, String) {
    let host = app
        .setting("RUST_LOG", "function_app=debug,job_api=debug")
        .start()
        .await;
    let (id, location) = host.client().submit("2021-01-01", "2021-01-31").await;
    running(host.client(), &location).await;
    (host, id, location)
}

/// Polls until the job has called its activity, so that its state stays as it is until the gate is open.
async fn running(client: &Client, location: &str) -> Answer {
    let wanted = |answer: &Answer| answer.json()["customStatus"]["stage"] == "querying";
    client.poll_until(location, wanted).await
}

/// Sends a request that waits, and returns when its answer is held back.
async fn waiting(
    host: &Host,
    url: String,
    headers: Vec<(&'static str, String)>,
) -> tokio::task::JoinHandle<Answer> {
    const HELD: &str = "the answer is held back";
    let before = host.log().matches(HELD).count();
    let client = host.client().clone();
    let answer = tokio::spawn(async move {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        client.get_with(&url, &headers).await
    });
    host.logged(HELD, before + 1).await;
    answer
}

#[tokio::test]
async fn row_32_a_client_that_waits_is_answered_when_the_job_ends() {
    let (table, gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let by_header = waiting(
        &host,
        location.clone(),
        vec![("Prefer", "wait=60".to_owned())],
    )
    .await;
    let by_query = waiting(&host, format!("{location}?wait=60"), vec![]).await;
    assert!(!by_header.is_finished() && !by_query.is_finished());
    gate.open();
    let (by_header, by_query) = (by_header.await.unwrap(), by_query.await.unwrap());
    for answer in [&by_header, &by_query] {
        assert_status(answer, &id, "Completed", "2", DONE, None);
    }
    assert_eq!(by_header.header("Preference-Applied"), "wait=60");
    assert_eq!(by_query.header("Preference-Applied"), "");
    // Of a job that has ended nobody waits.
    let answer = host
        .client()
        .get_with(&location, &[("Prefer", "wait=60")])
        .await;
    assert_status(&answer, &id, "Completed", "2", DONE, None);
}

#[tokio::test]
async fn row_32_the_wait_ends_with_the_time_and_at_the_setting_and_with_the_present_state() {
    let (table, _gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string()).setting("MaxWaitSeconds", "1");
    let (host, id, location) = with_job(app).await;
    let client = host.client();
    for headers in [
        &[("Prefer", "wait=1")],
        &[("Prefer", "respond-async, wait=600")],
    ] {
        let answer = client.get_with(&location, headers).await;
        assert_status(&answer, &id, "Running", "null", QUERYING, None);
        assert!(answer.header("Preference-Applied").ends_with("wait=1"));
        // The next request may follow at once.
        assert_eq!(answer.header("Retry-After"), "1");
    }
    for (query, code) in [
        ("wait=soon", "InvalidWait"),
        ("wait=1&until=x", "InvalidUntil"),
    ] {
        let answer = client.get_with(&format!("{location}?{query}"), &[]).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.header("x-ms-error-code"), code);
    }
    // In a header it is a wish, not a part of the request.
    let answer = client
        .get_with(&location, &[("Prefer", "wait=soon, x")])
        .await;
    assert_status(&answer, &id, "Running", "null", QUERYING, None);
}

#[tokio::test]
async fn row_32_a_client_can_wait_for_a_change_as_well() {
    let (table, gate) = held_table().await;
    let app = AppFolder::misbehaving(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let hub = TaskHub::of(&host).await;
    let target = format!("{location}?wait=60&until=change");
    let answer = waiting(&host, target.clone(), vec![]).await;
    hub.suspend(&id, "a reason").await;
    let answer = answer.await.unwrap();
    assert_status(&answer, &id, "Suspended", "null", QUERYING, None);
    hub.resume(&id).await;
    let resumed = |answer: &Answer| answer.json()["status"] == "Running";
    host.client().poll_until(&location, resumed).await;
    let answer = waiting(&host, target, vec![]).await;
    gate.open();
    let answer = answer.await.unwrap();
    assert_ne!(answer.json()["customStatus"]["percent"], 0, "{answer:?}");
}

#[tokio::test]
async fn row_34_a_client_that_has_the_state_gets_304_until_it_changes() {
    let (table, gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let client = host.client();
    let running = client.status(&location).await;
    let tag = running.header("ETag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{running:?}");

    let same = client.get_with(&location, &[("If-None-Match", &tag)]).await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    for name in ["ETag", "Location", "Cache-Control"] {
        assert_eq!(same.header(name), running.header(name), "{name}");
    }
    assert!(!same.header("Retry-After").is_empty());
    let other = client
        .get_with(&location, &[("If-None-Match", "\"x\"")])
        .await;
    assert_status(&other, &id, "Running", "null", QUERYING, None);

    gate.open();
    let ended = client.poll(&location).await;
    let changed = client.get_with(&location, &[("If-None-Match", &tag)]).await;
    assert_status(&changed, &id, "Completed", "2", DONE, None);
    assert_eq!(changed.header("ETag"), ended.header("ETag"));
    assert_ne!(changed.header("ETag"), tag);
    let tag = ended.header("ETag");
    let same = client.get_with(&location, &[("If-None-Match", tag)]).await;
    assert_eq!((same.status, same.header("Location")), (304, ""));
}

#[tokio::test]
async fn row_34_a_client_that_waits_with_the_state_it_has_is_answered_when_it_changes() {
    let (table, gate) = held_table().await;
    let app = AppFolder::misbehaving(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let client = host.client();
    let tag = client.status(&location).await.header("ETag").to_owned();
    let with_tag = format!("{location}?wait=1");
    let same = client.get_with(&with_tag, &[("If-None-Match", &tag)]).await;
    assert_eq!(same.status, 304, "{same:?}");
    // A client with another state is answered at once: the job runs until the gate is open.
    let target = format!("{location}?wait=60");
    let news = client
        .get_with(&target, &[("If-None-Match", "\"x\"")])
        .await;
    assert_status(&news, &id, "Running", "null", QUERYING, None);

    let hub = TaskHub::of(&host).await;
    let changed = tokio::spawn({
        let (client, tag) = (client.clone(), tag.clone());
        async move { client.get_with(&target, &[("If-None-Match", &tag)]).await }
    });
    hub.suspend(&id, "a reason").await;
    let changed = changed.await.unwrap();
    assert_status(&changed, &id, "Suspended", "null", QUERYING, None);
    hub.resume(&id).await;
    gate.open();
    client.poll(&location).await;
}

/// The fields of the only event in an answer: its id and its data.
#[track_caller]
fn event(answer: &Answer) -> (String, serde_json::Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .header("Content-Type")
            .starts_with("text/event-stream")
    );
    let lines: Vec<_> = answer.body.lines().collect();
    let ["retry: 1000", id, data, ""] = lines[..] else {
        panic!("{answer:?}");
    };
    let data = data.strip_prefix("data: ").unwrap();
    let id = id.strip_prefix("id: ").unwrap();
    (id.to_owned(), serde_json::from_str(data).unwrap())
}

#[tokio::test]
async fn row_33_events_tell_each_change_that_a_client_has_not_seen_until_the_end() {
    let (table, gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let client = host.client();
    let events = format!("{location}/events");
    let (mut seen, state) = event(&client.get_with(&events, &[]).await);
    assert_eq!(state, client.status(&location).await.json());
    assert_eq!(
        (&state["id"], &state["status"]),
        (&id.into(), &"Running".into())
    );

    // Nothing new: the answer is held back, for as long as the client wants.
    let short = format!("{events}?wait=1");
    let none = client.get_with(&short, &[("Last-Event-ID", &seen)]).await;
    assert_eq!(
        (none.status, none.body.as_str()),
        (200, "retry: 1000\n: no change\n\n")
    );

    let next = waiting(&host, events.clone(), vec![("Last-Event-ID", seen.clone())]).await;
    gate.open();
    let (next, mut last) = event(&next.await.unwrap());
    assert!(next != seen && last != state, "{last}");
    seen = next;
    while last["status"] == "Running" {
        (seen, last) = event(&client.get_with(&events, &[("Last-Event-ID", &seen)]).await);
    }
    assert_eq!(last, client.status(&location).await.json());
    assert_eq!(last["result"], 2);
    // It ends an EventSource.
    let over = client.get_with(&events, &[("Last-Event-ID", &seen)]).await;
    assert_eq!((over.status, over.body.as_str()), (204, ""));
    // Who comes late learns the end.
    let late = client.get_with(&events, &[("Last-Event-ID", "x")]).await;
    assert_eq!(event(&late).1, last);
    let unknown = client.get("/api/status/unknown/events").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn row_13_a_submission_that_waits_is_answered_with_the_result_or_accepted() {
    let gate = Gate::closed();
    let page = Step::page(&["1", "2", "2"]);
    let held = Step::Held(gate.clone(), Box::new(page.clone()));
    let table = FakeTable::start(vec![page, held]).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    // One day is one request.
    let body = r#"{"start":"2021-01-01","end":"2021-01-01"}"#;
    let malformed = client.post("/api/submit?wait=soon", body).await;
    assert_eq!(malformed.header("x-ms-error-code"), "InvalidWait");

    let ended = client.post("/api/submit?wait=60", body).await;
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    assert_status(&ended, &id, "Completed", "2", DONE, None);
    let status = client.get(&format!("/api/status/{id}")).await;
    assert_eq!(status.body, ended.body);
    let monitor = client.url(&format!("/api/operations/{id}"));
    assert_eq!(ended.header("Operation-Location"), monitor);

    let target = client.url("/api/submit/query?s=2021-01-01&e=2021-01-01");
    let wait = [("Prefer", "respond-async, wait=1")];
    let accepted = client.get_with(&target, &wait).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(
        accepted.header("Preference-Applied"),
        "respond-async, wait=1"
    );
    let location = accepted.header("Location").to_owned();
    assert_eq!(accepted.json()["statusUri"], location);
    gate.open();
    assert_eq!(client.poll(&location).await.json()["result"], 2);
}

#[tokio::test]
async fn row_06_an_accepted_job_has_the_retry_after_of_the_setting() {
    let (table, _gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string())
        .setting("RetryAfterSeconds", "20")
        .start()
        .await;
    let body = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let answer = host.client().post("/api/submit", body).await;
    assert_eq!((answer.status, answer.header("Retry-After")), (202, "20"));
}

/// A young job without an estimate is worth asking for soon, whatever the setting allows.
#[tokio::test]
async fn row_22_the_retry_after_of_a_running_job_follows_the_job() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string())
        .setting("RetryAfterSeconds", "3600")
        .start()
        .await;
    let client = host.client();
    let body = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let location = client
        .post("/api/submit", body)
        .await
        .header("Location")
        .to_owned();
    let answer = client.status(&location).await;
    let retry_after: u32 = answer.header("Retry-After").parse().unwrap();
    assert!((1..600).contains(&retry_after), "{answer:?}");
    gate.open();
    let wanted = |answer: &Answer| answer.json()["status"] == "Completed";
    while !wanted(&client.get_with(&format!("{location}?wait=60"), &[]).await) {}
    assert_eq!(client.status(&location).await.header("Retry-After"), "");
}

/// What an action of Logic Apps does with an answer: the pause before it asks at `Location`, or `None` when it has its
/// result.
fn pause_of_logic_apps(answer: &Answer) -> Option<Duration> {
    let seconds = match answer.header("Retry-After") {
        "" => 20,
        seconds => seconds.parse().expect("a whole number of seconds"),
    };
    (answer.status == 202).then(|| Duration::from_secs(seconds))
}

#[tokio::test]
async fn row_80_logic_apps_follows_a_job_to_its_result() {
    let (table, gate) = held_table().await;
    let host = AppFolder::product(&table.connection_string())
        .setting("RetryAfterSeconds", "1")
        .start()
        .await;
    let client = host.client();
    let body = r#"{"start":"2021-01-01","end":"2021-01-31"}"#;
    let mut answer = client.post("/api/submit", body).await;
    let mut polls = 0;
    while let Some(pause) = pause_of_logic_apps(&answer) {
        assert_eq!(pause, Duration::from_secs(1), "{answer:?}");
        let location = answer.header("Location").to_owned();
        assert!(
            location.starts_with("http://"),
            "it must be absolute: {answer:?}"
        );
        // What the server asks for, not a wait for something that this test has done.
        tokio::time::sleep(pause).await;
        answer = client.get_with(&location, &[]).await;
        polls += 1;
        gate.open();
    }
    assert!(polls > 1, "the job ran at the first poll");
    assert_eq!(answer.status, 200);
    assert_eq!(
        (&answer.json()["status"], &answer.json()["result"]),
        (&"Completed".into(), &2.into())
    );

    // Without the header it would wait for 20 seconds.
    answer.status = 202;
    assert_eq!(pause_of_logic_apps(&answer), Some(Duration::from_secs(20)));
}

/// A hundred clients wait for one job, and are told its end: each sends one request, and none of them asks again.
#[tokio::test]
async fn row_32_many_waiting_clients_of_a_job_cost_a_request_each() {
    const CLIENTS: u64 = 100;
    let (table, gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let client = host.client();
    let counter = async |name: &str| {
        let health = client.get("/api/health").await.json();
        health["counters"][name].as_u64().unwrap()
    };
    let before = counter("statusRequests").await;
    let target = format!("{location}?wait=60");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, target) = (client.clone(), target.clone());
            tokio::spawn(async move { client.get_with(&target, &[]).await })
        })
        .collect();
    let held = usize::try_from(CLIENTS).unwrap();
    host.logged("the answer is held back", held).await;
    assert_eq!(counter("waitsOpen").await, CLIENTS);
    gate.open();
    for answer in clients {
        assert_status(&answer.await.unwrap(), &id, "Completed", "2", DONE, None);
    }
    assert_eq!(counter("statusRequests").await - before, CLIENTS);
    assert_eq!(counter("waitsOpen").await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn row_32_a_handler_that_stops_answers_who_waits_with_the_present_state() {
    let (table, _gate) = held_table().await;
    let app = AppFolder::product(&table.connection_string());
    let (host, id, location) = with_job(app).await;
    let answer = waiting(&host, format!("{location}?wait=60"), vec![]).await;
    let handler = *host.handlers().last().unwrap();
    send_signal(handler, "TERM");
    assert_status(
        &answer.await.unwrap(),
        &id,
        "Running",
        "null",
        QUERYING,
        None,
    );
}
