//! A driver whose worker answers at once. One orchestration is four steps: start, turn, activity, turn.

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
    ids: Mixed,
    now: Timestamp,
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
        }
    }

    /// Runs `count` orchestrations side by side, with one commit for each of the four steps.
    pub(crate) fn group(&mut self, count: usize) {
        self.now.nanos = (self.now.nanos + 1_000_000) % 1_000_000_000;
        self.now.seconds += i64::from(self.now.nanos == 0);
        let mut at = Moment::new(self.now, &mut self.ids);
        for _ in 0..count {
            let request = CreateInstanceRequest {
                name: "process-submission".into(),
                input: Some(r#"{"from":"2026-01-01","to":"2026-01-31"}"#.into()),
                ..CreateInstanceRequest::default()
            };
            self.hub.start(&mut at, request).unwrap();
        }
        self.hub.commit().unwrap();
        let turns: Vec<Turn> =
            std::iter::from_fn(|| self.hub.take_turn(self.now).unwrap()).collect();
        assert_eq!(turns.len(), count);
        for turn in turns {
            std::hint::black_box(turn.encoded(&[]));
            let answer = answer(&turn, 0, schedule());
            self.hub.turn_done(&mut at, &turn.token, answer).unwrap();
        }
        self.hub.commit().unwrap();
        let activities: Vec<_> =
            std::iter::from_fn(|| self.hub.take_activity(self.now).unwrap()).collect();
        assert_eq!(activities.len(), count);
        for activity in activities {
            let result = ActivityOutcome::Completed(Some(RESULT.into()));
            self.hub
                .activity_done(&mut at, &activity.token, result)
                .unwrap();
        }
        self.hub.commit().unwrap();
        let turns: Vec<Turn> =
            std::iter::from_fn(|| self.hub.take_turn(self.now).unwrap()).collect();
        assert_eq!(turns.len(), count);
        for turn in turns {
            std::hint::black_box(turn.encoded(&[]));
            let answer = answer(&turn, 1, complete());
            self.hub.turn_done(&mut at, &turn.token, answer).unwrap();
        }
        self.hub.commit().unwrap();
    }
}

const RESULT: &str = r#"{"count":17,"days":31}"#;

fn schedule() -> OrchestratorActionType {
    OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
        name: "query-activity".into(),
        input: Some(r#"{"from":"2026-01-01","to":"2026-01-31"}"#.into()),
        ..ScheduleTaskAction::default()
    }))
}

fn complete() -> OrchestratorActionType {
    OrchestratorActionType::CompleteOrchestration(Box::new(CompleteOrchestrationAction {
        orchestration_status: OrchestrationStatus::Completed.into(),
        result: Some(RESULT.into()),
        ..CompleteOrchestrationAction::default()
    }))
}

fn answer(turn: &Turn, id: i32, action: OrchestratorActionType) -> TurnOutcome {
    TurnOutcome::Answered(OrchestratorResponse {
        instance_id: turn.instance.clone(),
        actions: vec![OrchestratorAction {
            id,
            orchestrator_action_type: Some(action),
        }],
        ..OrchestratorResponse::default()
    })
}
