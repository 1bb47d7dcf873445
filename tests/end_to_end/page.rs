//! The page for people, as a browser shows it. Screenshots go to `target/artefacts`.

use super::support::{
    app_folder::AppFolder,
    browser::{Browser, Shown},
    fake_table::{FakeTable, Gate, Step},
    http::Answer,
};

/// Two slices.
const DAYS: (&str, &str) = ("2021-01-01", "2021-05-08");
const LAST_DAY: &str = "2021-05-08";
/// A year that the table does not have.
const MISSING: &str = "2022-01-01";

/// Shows a page in light and dark, on a desk and on a phone, where nothing may be wrong with it.
async fn show(browser: &mut Browser, name: &str, url: &str) -> Shown {
    let mut last = None;
    for (scheme, width) in [
        ("light", 1024),
        ("dark", 1024),
        ("light", 320),
        ("dark", 320),
    ] {
        let shown = browser.show(name, url, scheme, width).await;
        assert!(shown.violations.is_empty(), "{shown:#?}");
        assert!(shown.messages.is_empty(), "{shown:#?}");
        assert!(shown.requests.is_empty(), "{shown:#?}");
        assert_eq!(shown.overflow, 0, "{shown:#?}");
        last = Some(shown);
    }
    last.unwrap()
}

fn assert_shown(shown: &Shown, status: u16, heading: &str, texts: &[&str]) {
    assert_eq!((shown.status, shown.heading.as_str()), (status, heading));
    assert!(shown.title.contains(heading), "{shown:#?}");
    for text in texts {
        assert!(shown.text.contains(text), "no {text} in {shown:#?}");
    }
}

#[tokio::test]
async fn the_page_of_a_job_is_without_barriers_in_every_state_and_replaces_itself_without_a_script()
{
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let gate = Gate::closed();
    let table = FakeTable::answering({
        let gate = gate.clone();
        move |head| {
            if head.contains(MISSING) {
                Step::Status(404, vec![("x-ms-error-code", "TableNotFound")], "")
            } else if head.contains(LAST_DAY) {
                Step::Held(gate.clone(), Box::new(Step::page(&["2"])))
            } else {
                Step::page(&["1", "2"])
            }
        }
    })
    .await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();

    let (_, job) = client.submit(DAYS.0, DAYS.1).await;
    let (_, failing) = client.submit(MISSING, MISSING).await;
    client.poll(&failing).await;
    let begun = |answer: &Answer| answer.json()["customStatus"]["completed"] == 64;
    client.poll_until(&job, begun).await;

    let shown = show(&mut browser, "running", &job).await;
    assert_shown(
        &shown,
        202,
        "Running",
        &["Reading the table", "50 %", "64 of 128 days"],
    );
    let shown = show(&mut browser, "failed", &failing).await;
    assert_shown(
        &shown,
        200,
        "Failed",
        &["The audit table does not exist.", "TableNotFound"],
    );
    let unknown = client.url("/api/status/unknown");
    let shown = show(&mut browser, "not-found", &unknown).await;
    assert_shown(&shown, 404, "Not found", &["Job not found"]);

    assert_eq!(browser.watch(&job).await, "Running");
    gate.open();
    browser.becomes("Completed").await;
    let shown = show(&mut browser, "completed", &job).await;
    assert_shown(&shown, 200, "Completed", &["Result\n\n2\n"]);
}
