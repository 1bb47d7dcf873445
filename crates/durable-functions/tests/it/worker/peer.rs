//! What only the peer can show.

use std::time::Duration;

use durable_functions::{Activity, Orchestrator};

use super::scenarios::{lifetime, lost, rewinds};
use super::serving::serve;
use super::sidecar::{Sidecar, output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_timer_is_split() {
    lifetime::a_long_timer_is_split(&mut Sidecar::peer().await).await;
}

/// local-host does not start a purged child again: its parent waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewind_runs_a_child_that_was_purged_anew() {
    rewinds::a_rewind_runs_a_child_that_was_purged_anew(&mut Sidecar::peer().await).await;
}

/// The peer never pings, and answers a stream only when it has the first item.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_of_the_peer_stays_open() {
    const SLOW: Activity<u32, u32> = Activity::new("slow");
    const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
    let mut sidecar = Sidecar::peer().await;
    let worker = sidecar
        .worker()
        .silence_limit(Duration::from_millis(10))
        .activity(SLOW, |_, number| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(number)
        })
        .orchestrator(RUN, |ctx, number| async move {
            Ok(ctx.call(SLOW, number).await?)
        });
    let serving = serve(worker);
    // The stream is silent before the first item, and while the activity runs.
    for _ in 0..100 {
        assert_eq!(sidecar.client().status("nobody").await.unwrap(), None);
    }
    assert_eq!(output::<u32>(&sidecar.run(RUN, &3).await), 3);
    serving.stop().await;
    sidecar.stream_ended();
    assert_eq!(sidecar.end().await, Some(Vec::new()));
}

/// The tests in which workers are lost are worth something: there is work at these moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_lost_worker_is_delivered_again() {
    let mut sidecar = Sidecar::peer().await;
    lost::every_instance_reaches_its_result_although_the_stream_is_cut_again_and_again(
        &mut sidecar,
    )
    .await;
    let again = sidecar.end().await.unwrap();
    assert!(
        again.len() >= 5 && again.iter().sum::<usize>() > 0,
        "{again:?}"
    );
}
