//! A driver whose worker answers at once. One orchestration is four steps: start, turn, activity, turn.

use std::time::{Duration, Instant};

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateInstanceRequest, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorResponse, ScheduleTaskAction,
};
use task_hub::work::{ActivityOutcome, Turn, TurnOutcome};
use task_hub::{Hub, Ids, Moment, Options, Store};

pub(crate) const STEPS: usize = 4;

/// Numbers without an order, as random UUIDs are.
pub(crate) struct Mixed(u64);

impl Ids for Mixed {
    fn draw(&mut self) -> u128 {
        self.0 += 1;
        let mixed = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (u128::from(mixed ^ (mixed >> 29)) << 64) | u128::from(self.0)
    }
}

pub(crate) struct Driver<S: Store> {
    pub(crate) hub: Hub<S>,
    pub(crate) ids: Mixed,
    pub(crate) now: Timestamp,
    /// How long each part took so far.
    pub(crate) parts: [Duration; 7],
}

impl<S: Store> Driver<S> {
    pub(crate) fn new(store: S) -> Self {
        let mut ids = Mixed(0);
        Self {
            hub: Hub::open(store, Options::default(), &mut ids).unwrap(),
            ids,
            now: Timestamp {
                seconds: 1_800_000_000,
                nanos: 0,
            },
            parts: [Duration::ZERO; 7],
        }
    }

    /// Runs `count` orchestrations side by side, with one commit for each of the four steps.
    pub(crate) fn group(&mut self, count: usize) {
        self.now.nanos = (self.now.nanos + 1_000_000) % 1_000_000_000;
        self.now.seconds += i64::from(self.now.nanos == 0);
        let mut at = Moment::new(self.now, &mut self.ids);
        let mut clock = Clock::new(&mut self.parts);
        for _ in 0..count {
            let request = CreateInstanceRequest {
                name: "process-submission".into(),
                input: Some(r#"{"from":"2026-01-01","to":"2026-01-31"}"#.into()),
                ..CreateInstanceRequest::default()
            };
            self.hub.start(&mut at, request).unwrap();
        }
        clock.ends(Part::Start);
        self.hub.commit().unwrap();
        clock.ends(Part::Commit);
        for actions in [schedule, complete] {
            let turns: Vec<Turn> =
                std::iter::from_fn(|| self.hub.take_turn(self.now).unwrap()).collect();
            assert_eq!(turns.len(), count);
            clock.ends(Part::TakeTurn);
            for turn in &turns {
                std::hint::black_box(turn.encoded(&[]));
            }
            clock.ends(Part::Encode);
            for turn in turns {
                let answer = answer(&turn, vec![actions()]);
                self.hub.turn_done(&mut at, &turn.token, answer).unwrap();
            }
            clock.ends(Part::TurnDone);
            self.hub.commit().unwrap();
            clock.ends(Part::Commit);
            let activities: Vec<_> =
                std::iter::from_fn(|| self.hub.take_activity(self.now).unwrap()).collect();
            clock.ends(Part::TakeActivity);
            for activity in activities {
                let result = ActivityOutcome::Completed(Some(RESULT.into()));
                self.hub
                    .activity_done(&mut at, &activity.token, result)
                    .unwrap();
            }
            clock.ends(Part::ActivityDone);
            self.hub.commit().unwrap();
            clock.ends(Part::Commit);
        }
    }
}

/// The parts of an orchestration.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Start,
    TakeTurn,
    Encode,
    TurnDone,
    TakeActivity,
    ActivityDone,
    Commit,
}

impl Part {
    pub(crate) const ALL: [Self; 7] = [
        Self::Start,
        Self::TakeTurn,
        Self::Encode,
        Self::TurnDone,
        Self::TakeActivity,
        Self::ActivityDone,
        Self::Commit,
    ];
}

struct Clock<'a> {
    parts: &'a mut [Duration; 7],
    last: Instant,
}

impl<'a> Clock<'a> {
    fn new(parts: &'a mut [Duration; 7]) -> Self {
        Self {
            parts,
            last: Instant::now(),
        }
    }

    fn ends(&mut self, part: Part) {
        let now = Instant::now();
        self.parts[part as usize] += now - self.last;
        self.last = now;
    }
}

pub(crate) const RESULT: &str = r#"{"count":17,"days":31}"#;

pub(crate) fn schedule() -> OrchestratorAction {
    let task = ScheduleTaskAction {
        name: "query-activity".into(),
        input: Some(r#"{"from":"2026-01-01","to":"2026-01-31"}"#.into()),
        ..ScheduleTaskAction::default()
    };
    OrchestratorAction {
        id: 0,
        orchestrator_action_type: Some(OrchestratorActionType::ScheduleTask(Box::new(task))),
    }
}

pub(crate) fn complete() -> OrchestratorAction {
    let end = CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Completed.into(),
        result: Some(RESULT.into()),
        ..CompleteOrchestrationAction::default()
    };
    OrchestratorAction {
        id: 1,
        orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(Box::new(
            end,
        ))),
    }
}

pub(crate) fn answer(turn: &Turn, actions: Vec<OrchestratorAction>) -> TurnOutcome {
    TurnOutcome::Answered(OrchestratorResponse {
        instance_id: turn.instance.clone(),
        actions,
        ..OrchestratorResponse::default()
    })
}
