//! Which connections the client opens.

use std::process::Command;
use std::time::Duration;

use durable_functions::{ClientError, DurableClient, Orchestrator};
use durable_protocol::messages::{GetInstanceResponse, OrchestrationState, OrchestrationStatus};
use tokio::task::JoinSet;

use super::scripted::{Reply, Scripted};

const COUNT: Orchestrator<u32, u64> = Orchestrator::new("count");

/// Set in the process in which no other test opens channels.
const CHILD: &str = "DURABLE_FUNCTIONS_TEST_OF_CHANNELS";

/// Runs itself once more, in a process of its own: the channels of a process are kept in one place, which has room for
/// a few addresses only.
#[test]
fn ten_thousand_look_ups_use_one_connection() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        return runtime.unwrap().block_on(look_ups());
    }
    let test = "client::channels::ten_thousand_look_ups_use_one_connection";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// As functions do: each takes its client from its own invocation, and many run at once.
async fn look_ups() {
    const AT_ONCE: usize = 20;
    const EACH: usize = 500;
    let host = Scripted::listen().await;
    host.holds(Some(OrchestrationStatus::Running));
    let binding = host.binding();
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let binding = binding.clone();
        tasks.spawn(async move {
            for _ in 0..EACH {
                let client = DurableClient::from_binding(&binding).unwrap();
                let status = client.instance(COUNT, "a").status().await.unwrap();
                assert_eq!(status.unwrap().instance_id, "a");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(host.methods().len(), AT_ONCE * EACH);
    assert_eq!(host.connections(), 1);
}

/// The next invocation brings the new address. A client of an earlier one cannot know it.
#[tokio::test]
async fn a_host_that_restarts_on_another_port_is_reached_with_its_next_binding() {
    let first = Scripted::listen().await;
    first.holds(Some(OrchestrationStatus::Running));
    let kept = first.client();
    assert!(kept.status("a").await.unwrap().is_some());
    let second = Scripted::listen().await;
    second.holds(Some(OrchestrationStatus::Completed));
    first.stop().await;
    let status = second.client().status("a").await.unwrap().unwrap();
    assert_eq!(status.runtime_status.as_str(), "Completed");
    let error = kept.status("a").await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    // The failure of the old address does not touch the new one.
    assert!(second.client().status("a").await.unwrap().is_some());
    assert_eq!(second.connections(), 1);
}

/// The server of this test runs 200 calls at a time on a connection, a real host fewer.
#[tokio::test]
async fn hundreds_of_waits_leave_room_for_other_calls_and_all_end() {
    const WAITS: usize = 300;
    const METHOD: &str = "WaitForInstanceCompletion";
    let limit = Duration::from_secs(60);
    let host = Scripted::listen().await;
    host.holds(Some(OrchestrationStatus::Running));
    let completed = OrchestrationState {
        instance_id: "a".to_owned(),
        name: "count".to_owned(),
        orchestration_status: OrchestrationStatus::Completed as i32,
        ..Default::default()
    };
    let completed = GetInstanceResponse {
        exists: true,
        orchestration_state: Some(completed),
    };
    host.answer(METHOD, Reply::ok(&completed));
    host.hold(METHOD);
    let client = host.client();
    let mut waits = JoinSet::new();
    for _ in 0..WAITS {
        let instance = client.instance(COUNT, "a");
        waits.spawn(async move { instance.wait(limit).await.unwrap() });
    }
    let all = tokio::time::timeout(limit, host.arrived(WAITS)).await;
    all.expect("every wait reaches the host");
    assert!(client.status("a").await.unwrap().is_some());
    assert_eq!(host.connections(), 6);
    host.release();
    while let Some(ended) = waits.join_next().await {
        assert_eq!(ended.unwrap().runtime_status.as_str(), "Completed");
    }
    // Waits that come later use what is there.
    client.instance(COUNT, "a").wait(limit).await.unwrap();
    assert_eq!(host.connections(), 6);
}

/// As in a file of `#[tokio::test]`s, each of which has a runtime of its own.
#[test]
fn a_client_of_the_next_runtime_reaches_an_address_that_an_earlier_runtime_has_used() {
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap()
    };
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let host = servers.block_on(Scripted::listen());
    host.holds(Some(OrchestrationStatus::Running));
    for _ in 0..3 {
        let status = runtime().block_on(async { host.client().status("a").await });
        assert!(status.unwrap().is_some());
    }
    let binding = host.binding();
    for _ in 0..3 {
        let status = runtime().block_on(async {
            DurableClient::from_binding(&binding)
                .unwrap()
                .status("a")
                .await
        });
        assert!(status.unwrap().is_some());
    }
}
