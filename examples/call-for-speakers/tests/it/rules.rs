//! Stages that the rules decide. The titles have the outcomes that `src/rules.rs` pins.

use std::time::Duration;

use call_for_speakers::{
    functions::{
        moderate::MODERATE,
        process_submission::{PROCESS_SUBMISSION, Review},
        select::SELECT,
        shortlist::SHORTLIST,
    },
    submission::Submission,
};
use durable_functions::Failure;
use durable_functions::testing::{Faults, TestHub};

use super::{custom_status, hub, input};

const RULES: Review = Review::Rules {
    millis: [20_000, 15_000, 10_000],
};

#[tokio::test]
async fn a1_3_each_stage_can_reject_and_all_can_approve() {
    for (title, approved, status, seconds) in [
        ("Talk 10", true, "\"Approved\"", 45),
        ("Talk 2", false, "\"Rejected\"", 20),
        ("Talk 1", false, "\"Rejected\"", 35),
        ("Talk 0", false, "\"Rejected\"", 45),
    ] {
        let mut hub = hub();
        let began = hub.now();
        let input = input(title, RULES);
        let output = hub.run(PROCESS_SUBMISSION, &input).with_id("a").await;
        assert_eq!(output.unwrap(), approved, "{title}");
        assert_eq!(custom_status(&hub, "a"), status, "{title}");
        let took = hub.now().duration_since(began).unwrap();
        assert_eq!(took, Duration::from_secs(seconds), "{title}");
    }
}

#[tokio::test]
async fn the_custom_status_is_the_stage_from_its_begin_to_its_end() {
    let mut hub = hub();
    let input = input("Talk 10", RULES);
    hub.start(PROCESS_SUBMISSION, &input)
        .with_id("a")
        .await
        .unwrap();
    for (seconds, status) in [
        (0, "Moderation"),
        (19, "Moderation"),
        (1, "Shortlisting"),
        (14, "Shortlisting"),
        (1, "Selection"),
        (9, "Selection"),
        (1, "Approved"),
    ] {
        hub.advance(Duration::from_secs(seconds)).await.unwrap();
        assert_eq!(custom_status(&hub, "a"), format!("\"{status}\""));
    }
}

fn mocks(hub: &mut TestHub) -> [durable_functions::testing::Mock<Submission, bool>; 3] {
    [MODERATE, SHORTLIST, SELECT].map(|activity| hub.mock(activity, |_| Ok(true)))
}

#[tokio::test]
async fn a1_3_stages_after_a_rejection_are_not_invoked() {
    let mut hub = hub();
    let [moderate, shortlist, select] = mocks(&mut hub);
    shortlist.return_next([false]);
    let output = hub
        .run(PROCESS_SUBMISSION, &input("Talk", RULES))
        .with_id("a")
        .await;
    assert!(!output.unwrap());
    assert_eq!(
        [moderate.count(), shortlist.count(), select.count()],
        [1, 1, 0]
    );
}

#[tokio::test]
async fn every_stage_gets_the_submission_with_the_id_of_its_instance() {
    let mut hub = hub();
    let mocks = mocks(&mut hub);
    let mut input = input("Talk", RULES);
    input.submission.id = "chosen by somebody".to_owned();
    hub.run(PROCESS_SUBMISSION, &input)
        .with_id("a")
        .await
        .unwrap();
    input.submission.id = "a".to_owned();
    for mock in mocks {
        assert_eq!(mock.calls(), [input.submission.clone()]);
    }
}

#[tokio::test]
async fn a1_4_the_failure_of_a_stage_is_the_failure_of_the_submission() {
    let mut hub = hub();
    let [_, shortlist, _] = mocks(&mut hub);
    let failure = Failure::new("InvalidSubmission", "title: is missing").non_retriable();
    shortlist.fail_next(1, failure);
    hub.start(PROCESS_SUBMISSION, &input("Talk", RULES))
        .with_id("a")
        .await
        .unwrap();
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.failure("a").unwrap().error_type(), "InvalidSubmission");
    assert_eq!(custom_status(&hub, "a"), "\"Shortlisting\"");
}

#[tokio::test]
async fn a_submission_that_is_not_complete_fails_in_its_first_stage() {
    let mut hub = hub();
    hub.start(PROCESS_SUBMISSION, &input(" ", RULES))
        .with_id("a")
        .await
        .unwrap();
    hub.run_until_ended("a").await.unwrap();
    let failure = hub.failure("a").unwrap();
    assert_eq!(failure.to_string(), "InvalidSubmission: title: is missing");
}

#[tokio::test]
async fn no_crash_changes_the_outcome() {
    for seed in 0..20 {
        let mut hub = hub().with_faults(Faults::all()).with_seed(seed);
        let output = hub
            .run(PROCESS_SUBMISSION, &input("Talk 10", RULES))
            .with_id("a")
            .await;
        assert!(output.unwrap(), "{seed}");
        assert_eq!(custom_status(&hub, "a"), "\"Approved\"", "{seed}");
    }
}
