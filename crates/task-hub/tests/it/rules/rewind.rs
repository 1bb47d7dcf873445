//! Failed instances and rewinding.

use durable_protocol::messages::OrchestrationStatus;
use task_hub::notice::Undelivered;
use task_hub::work::{ActivityOutcome, Taken};
use task_hub::{Error, Notice};

use super::{child, end, finish_activity, kinds, notices, play, start, take, task, timer, world};

#[test]
fn a_rewind_repeats_the_failed_activity() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![task(0, "good"), task(1, "bad")]);
    finish_activity(&mut world, ActivityOutcome::Completed(None));
    finish_activity(&mut world, ActivityOutcome::Failed(None));
    play(&mut world, vec![end(2, OrchestrationStatus::Failed)]);
    assert_eq!(world.output("a").as_deref(), Some("E: why"));
    world
        .with(|hub, at| hub.rewind(at, "a", Some("again".into())))
        .unwrap();
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Pending));
    let turn = play(&mut world, vec![task(3, "bad")]);
    assert_eq!(kinds(&turn.request().new_events), ["begin", "generic"]);
    assert_eq!(
        kinds(&turn.request().past_events),
        [
            "begin",
            "start",
            "scheduled",
            "generic",
            "end",
            "begin",
            "completed",
            "generic",
            "generic",
            "end"
        ]
    );
    finish_activity(&mut world, ActivityOutcome::Completed(None));
    play(&mut world, vec![end(4, OrchestrationStatus::Completed)]);
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Completed));
}

#[test]
fn an_outcome_for_a_failed_instance_is_lost_and_a_rewind_does_not_bring_it_back() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![task(0, "open")]);
    world.raise("a");
    play(&mut world, vec![end(1, OrchestrationStatus::Failed)]);
    notices(&mut world);
    let taken = finish_activity(&mut world, ActivityOutcome::Completed(None));
    assert_eq!(taken, Taken::Void);
    assert_eq!(
        notices(&mut world),
        [Notice::ActivityOutcomeDropped {
            instance: "a".into(),
            activity: "open".into(),
            why: Undelivered::Ended(OrchestrationStatus::Failed),
        }]
    );
    world.with(|hub, at| hub.rewind(at, "a", None)).unwrap();
    play(&mut world, vec![]);
    assert!(take(&mut world).is_none(), "it waits for ever");
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Pending));
    let again = world.with(|hub, at| hub.rewind(at, "a", None));
    assert!(matches!(again, Err(Error::WrongStatus { .. })));
}

#[test]
fn a_rewind_reaches_the_deepest_failed_child_and_the_parent_waits_for_it() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![child(0, "c")]);
    play(&mut world, vec![end(0, OrchestrationStatus::Failed)]);
    play(&mut world, vec![end(1, OrchestrationStatus::Failed)]);
    world.with(|hub, at| hub.rewind(at, "a", None)).unwrap();
    let turn = play(&mut world, vec![end(1, OrchestrationStatus::Completed)]);
    assert_eq!(turn.instance, "c");
    let turn = play(&mut world, vec![]);
    assert_eq!(turn.instance, "a");
    assert!(take(&mut world).is_none());
}

#[test]
fn timers_of_a_failed_instance_live_on_and_those_of_others_end() {
    for (status, lives) in [
        (OrchestrationStatus::Failed, true),
        (OrchestrationStatus::Completed, false),
    ] {
        let mut world = world();
        start(&mut world, "a");
        let first = timer(&world, 0, 10);
        play(&mut world, vec![first]);
        world.raise("a");
        let second = timer(&world, 1, 20);
        play(&mut world, vec![second, end(2, status)]);
        assert_eq!(world.hub().next_due().unwrap().is_some(), lives);
    }
}

#[test]
fn a_sub_orchestration_that_is_rewound_by_itself_answers_its_parent_again() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![child(0, "c")]);
    play(&mut world, vec![end(0, OrchestrationStatus::Failed)]);
    play(&mut world, vec![]);
    world.with(|hub, at| hub.rewind(at, "c", None)).unwrap();
    play(&mut world, vec![end(1, OrchestrationStatus::Completed)]);
    let turn = take(&mut world).unwrap();
    assert_eq!(turn.instance, "a");
    assert_eq!(kinds(&turn.request().new_events), ["begin", "other"]);
}

#[test]
fn a_rewind_of_a_parent_whose_sub_orchestration_was_purged_says_that_it_waits_for_ever() {
    let mut world = world();
    start(&mut world, "a");
    play(&mut world, vec![child(0, "c")]);
    play(&mut world, vec![end(0, OrchestrationStatus::Failed)]);
    play(&mut world, vec![end(1, OrchestrationStatus::Failed)]);
    world.with(|hub, at| hub.purge(at, "c")).unwrap();
    notices(&mut world);
    world.with(|hub, at| hub.rewind(at, "a", None)).unwrap();
    assert_eq!(
        notices(&mut world),
        [Notice::RewindStuck {
            instance: "a".into(),
            child: "c".into(),
            status: None,
        }]
    );
    assert!(take(&mut world).is_none());
    assert_eq!(world.status("a"), Some(OrchestrationStatus::Pending));
}
