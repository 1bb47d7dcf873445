//! What holds for every orchestrator, every history and every request.
//!
//! - How a host divides the same events into turns, repeats them, crashes and starts again does not
//!   change what an orchestrator decides.
//! - Each prefix of a history can be replayed.
//! - No sequence of bytes makes the engine panic or answer something that the host cannot carry out.
//!
//! The programs are those of the differential test.

use durable_functions::worker::{OrchestratorFunction, execute, run_turn};
use durable_protocol::messages::{
    HistoryEvent, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    OrchestratorRequest, OrchestratorResponse, TaskFailureDetails,
};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

use crate::oracle::history::{Batch, Delivery, History};
use crate::oracle::interpreter;
use crate::oracle::program::{Dialect, Program, programs};
use crate::oracle::world::{Choices, World, choices};
use crate::support::stored;

fn run(function: &OrchestratorFunction, request: &OrchestratorRequest) -> OrchestratorResponse {
    let answer = execute(function, request.encode_to_vec()).unwrap();
    OrchestratorResponse::decode(answer.as_slice()).unwrap()
}

fn status(action: &OrchestratorAction) -> Option<OrchestrationStatus> {
    match action.orchestrator_action_type.as_ref().unwrap() {
        OrchestratorActionType::CompleteOrchestration(end) => {
            Some(OrchestrationStatus::try_from(end.orchestration_status).unwrap())
        }
        _ => None,
    }
}

fn end(answer: &OrchestratorResponse) -> Option<OrchestrationStatus> {
    answer.actions.last().and_then(status)
}

fn failure(answer: &OrchestratorResponse) -> Option<&TaskFailureDetails> {
    match answer.actions.last()?.orchestrator_action_type.as_ref()? {
        OrchestratorActionType::CompleteOrchestration(end) => end.failure_details.as_ref(),
        _ => None,
    }
}

/// One execution from its start to its end, turn by turn.
struct Recording {
    opening: History,
    turns: Vec<(Batch, OrchestratorRequest, OrchestratorResponse)>,
}

impl Recording {
    /// Everything that was asked for, in order, and the last custom status.
    fn decisions(&self) -> (Vec<OrchestratorAction>, Option<String>) {
        let actions = self.turns.iter().flat_map(|turn| turn.2.actions.clone());
        let last = &self.turns.last().unwrap().2;
        (actions.collect(), last.custom_status.clone())
    }
}

/// Runs `program` until it has ended for good: one recording for each generation.
fn record(program: &Program, choices: Choices) -> Vec<Recording> {
    let function = interpreter::orchestrator(program);
    let mut world = World::new(Dialect::Full, choices);
    let mut recordings = Vec::new();
    let mut history = History::new(0, Vec::new());
    loop {
        let mut recording = Recording {
            opening: history.clone(),
            turns: Vec::new(),
        };
        loop {
            let batch = world.next_batch();
            let request = history.request(&batch);
            let answer = run(&function, &request);
            world.observe(&answer);
            history.store(request.clone(), &answer);
            let ended = end(&answer).is_some();
            recording.turns.push((batch, request, answer));
            if ended {
                break;
            }
        }
        let last = &recording.turns.last().unwrap().2;
        let next = match last
            .actions
            .last()
            .unwrap()
            .orchestrator_action_type
            .as_ref()
        {
            Some(OrchestratorActionType::CompleteOrchestration(end))
                if end.orchestration_status == i32::from(OrchestrationStatus::ContinuedAsNew) =>
            {
                History::new(history.generation() + 1, end.carryover_events.clone())
            }
            _ => {
                recordings.push(recording);
                return recordings;
            }
        };
        recordings.push(recording);
        history = next;
        world.continue_as_new();
    }
}

/// Delivers what `recording` delivered, but in other turns, with repetitions, crashes and pauses.
fn deliver_differently(
    function: &OrchestratorFunction,
    recording: &Recording,
    variations: Choices,
) -> Recording {
    let mut dice = World::new(Dialect::Full, variations);
    let mut history = recording.opening.clone();
    let mut turns = Vec::new();
    let mut suspended = false;
    let mut repeatable = Vec::new();
    let count = recording.turns.len();
    for (number, (batch, _, answer)) in recording.turns.iter().enumerate() {
        let mut pieces = vec![batch.deliveries.clone()];
        // What arrives in the turn of a continue-as-new belongs to one generation or the other.
        let mut paused = false;
        let together = end(answer) == Some(OrchestrationStatus::ContinuedAsNew);
        if !together {
            while dice.chance(40) {
                let last = pieces.last_mut().unwrap();
                let at = dice.pick(last.len() + 1);
                let rest = last.split_off(at);
                pieces.push(rest);
            }
            let controls = |delivery: &Delivery| {
                matches!(
                    delivery,
                    Delivery::Suspend | Delivery::Resume | Delivery::Terminate
                )
            };
            paused = !suspended && !batch.deliveries.iter().any(controls) && dice.chance(20);
            if paused {
                pieces.insert(0, vec![Delivery::Suspend]);
                pieces.push(vec![Delivery::Resume]);
            }
        }
        for delivery in &batch.deliveries {
            match delivery {
                Delivery::Suspend => suspended = true,
                Delivery::Resume => suspended = false,
                Delivery::Raised { .. } | Delivery::Terminate => {}
                end => repeatable.push((number, end.clone())),
            }
        }
        let last = pieces.len() - 1;
        for (piece, mut deliveries) in pieces.into_iter().enumerate() {
            // Whatever has ended may be reported again.
            while number > 0 && !repeatable.is_empty() && dice.chance(20) {
                let (at, again) = repeatable[dice.pick(repeatable.len())].clone();
                if at < number {
                    deliveries.insert(dice.pick(deliveries.len() + 1), again);
                }
            }
            // The start of an execution comes before anything that its first turn brings.
            let may_act = !paused || piece == last || history.past.is_empty();
            let piece = Batch {
                clock: batch.clock,
                deliveries,
            };
            while dice.chance(20) {
                // The process dies before the answer is stored; less may come the first time.
                let mut aborted = piece.clone();
                aborted
                    .deliveries
                    .truncate(dice.pick(piece.deliveries.len() + 1));
                run(function, &history.request(&aborted));
            }
            let request = history.request(&piece);
            let answer = run(function, &request);
            assert!(
                may_act || answer.actions.is_empty(),
                "it acts while suspended: {answer:?}"
            );
            history.store(request.clone(), &answer);
            let ended = end(&answer).is_some();
            turns.push((piece, request, answer));
            if ended {
                return Recording {
                    opening: recording.opening.clone(),
                    turns,
                };
            }
        }
        assert!(
            number + 1 < count,
            "it ended before, and now it does not: {turns:#?}"
        );
    }
    unreachable!("a recording ends")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn how_a_host_divides_repeats_and_interrupts_turns_changes_no_decision(
        program in programs(Dialect::Full),
        choices in choices(),
        variations in choices(),
    ) {
        let function = interpreter::orchestrator(&program);
        for recording in record(&program, choices) {
            let varied = deliver_differently(&function, &recording, variations.clone());
            prop_assert_eq!(recording.decisions(), varied.decisions());
        }
    }

    #[test]
    fn the_same_turn_gives_the_same_answer_and_every_prefix_of_a_history_replays(
        program in programs(Dialect::Full),
        choices in choices(),
    ) {
        let function = interpreter::orchestrator(&program);
        for recording in record(&program, choices) {
            for (_, request, answer) in &recording.turns {
                prop_assert_eq!(&run(&function, request), answer);
            }
            let (batch, mut whole, answer) = recording.turns.last().unwrap().clone();
            whole.past_events.append(&mut whole.new_events);
            let begin = OrchestratorRequest {
                new_events: vec![stored::turn_began(batch.clock)],
                ..whole.clone()
            };
            // As a turn that brings nothing new: the same end, from past events alone.
            prop_assert_eq!(&run(&function, &begin), &answer);
            for length in 2..whole.past_events.len() {
                let mut prefix = begin.clone();
                prefix.past_events.truncate(length);
                let answer = run(&function, &prefix);
                if let Some(failure) = failure(&answer) {
                    let theirs = ["Broken", "Own", "Stopped", "UnknownFailure"];
                    prop_assert!(theirs.contains(&failure.error_type.as_str()), "{failure:?}");
                }
            }
        }
    }
}

/// A change to a request. Indices are taken modulo what there is.
#[derive(Clone, Debug)]
enum Mutation {
    FlipBit(Index, u8),
    SetByte(Index, u8),
    Truncate(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    SwapEvents(Index, Index),
    DropEvent(Index),
    RepeatEvent(Index, Index),
    ChangeId(Index, i32),
    /// Takes an event from another history.
    Splice(Index, Index),
    SplitElsewhere(Index),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    use Mutation::*;
    let at = any::<Index>;
    let mutation = prop_oneof![
        (at(), 0_u8..8).prop_map(|(i, bit)| FlipBit(i, bit)),
        (at(), any::<u8>()).prop_map(|(i, byte)| SetByte(i, byte)),
        at().prop_map(Truncate),
        (at(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(i, b)| Insert(i, b)),
        (at(), at()).prop_map(|(a, b)| Remove(a, b)),
        (at(), at()).prop_map(|(a, b)| SwapEvents(a, b)),
        at().prop_map(DropEvent),
        (at(), at()).prop_map(|(a, b)| RepeatEvent(a, b)),
        (at(), prop_oneof![any::<i32>(), -2_i32..20]).prop_map(|(i, id)| ChangeId(i, id)),
        (at(), at()).prop_map(|(a, b)| Splice(a, b)),
        at().prop_map(SplitElsewhere),
    ];
    prop::collection::vec(mutation, 1..6)
}

/// Applies the mutations of events first, then those of bytes.
fn mutated(
    request: &OrchestratorRequest,
    other: &[HistoryEvent],
    mutations: &[Mutation],
) -> Vec<u8> {
    let mut past = request.past_events.len();
    let mut events = [request.past_events.clone(), request.new_events.clone()].concat();
    for mutation in mutations {
        let count = events.len();
        if count == 0 {
            break;
        }
        match mutation {
            Mutation::SwapEvents(a, b) => events.swap(a.index(count), b.index(count)),
            Mutation::DropEvent(at) => drop(events.remove(at.index(count))),
            Mutation::RepeatEvent(from, to) => {
                let again = events[from.index(count)].clone();
                events.insert(to.index(count + 1), again);
            }
            Mutation::ChangeId(at, id) => events[at.index(count)].event_id = *id,
            Mutation::Splice(from, to) => {
                events.insert(to.index(count + 1), other[from.index(other.len())].clone());
            }
            Mutation::SplitElsewhere(at) => past = at.index(count + 1),
            _ => {}
        }
    }
    let new_events = events.split_off(past.min(events.len()));
    let mut bytes = OrchestratorRequest {
        past_events: events,
        new_events,
        ..request.clone()
    }
    .encode_to_vec();
    for mutation in mutations {
        let count = bytes.len();
        if count == 0 {
            break;
        }
        match mutation {
            Mutation::FlipBit(at, bit) => bytes[at.index(count)] ^= 1 << bit,
            Mutation::SetByte(at, byte) => bytes[at.index(count)] = *byte,
            Mutation::Truncate(at) => bytes.truncate(at.index(count)),
            Mutation::Insert(at, more) => {
                let at = at.index(count + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Mutation::Remove(from, to) => {
                let (from, to) = (from.index(count), to.index(count));
                bytes.drain(from.min(to)..from.max(to));
            }
            _ => {}
        }
    }
    bytes
}

/// Checks that an answer, if there is one, is the same twice and can be carried out by the host.
fn check_answer(function: &OrchestratorFunction, bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let answer = execute(function, bytes.clone());
    prop_assert_eq!(&answer, &execute(function, bytes));
    let Ok(answer) = answer else { return Ok(()) };
    let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
    let ends = answer
        .actions
        .iter()
        .filter(|action| status(action).is_some())
        .count();
    prop_assert!(
        ends <= 1,
        "of two completions the host takes the last: {answer:?}"
    );
    prop_assert_eq!(
        ends,
        usize::from(end(&answer).is_some()),
        "the completion is not the last"
    );
    if let Some(failure) = failure(&answer) {
        prop_assert_ne!(&failure.error_type, "Panic", "{:?}", failure);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_mutated_request_is_an_error_or_has_an_answer_that_the_host_can_carry_out(
        program in programs(Dialect::Full),
        other in programs(Dialect::Full),
        choices in choices(),
        mutations in prop::collection::vec((any::<Index>(), mutations()), 16),
    ) {
        let function = interpreter::orchestrator(&program);
        let recordings = record(&program, choices.clone());
        let others = record(&other, choices);
        let requests: Vec<_> = recordings.iter().flat_map(|r| &r.turns).map(|turn| &turn.1).collect();
        let last = &others.last().unwrap().turns.last().unwrap().1;
        let splices = [last.past_events.clone(), last.new_events.clone()].concat();
        for (which, mutations) in &mutations {
            let request = requests[which.index(requests.len())];
            check_answer(&function, mutated(request, &splices, mutations))?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arbitrary_bytes_are_an_error_or_have_an_answer_that_the_host_can_carry_out(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in ".*",
    ) {
        let program = Program { steps: Vec::new() };
        let function = interpreter::orchestrator(&program);
        check_answer(&function, bytes)?;
        prop_assert!(!run_turn(&function, &text).is_empty());
    }
}
