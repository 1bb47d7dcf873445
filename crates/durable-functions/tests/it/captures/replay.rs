//! Replaying one case.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::worker::run_turn;
use durable_protocol::messages::OrchestratorResponse;
use prost::Message;

use crate::captures::answer::Form;
use crate::captures::case::{self, Turn};
use crate::captures::names::Names;
use crate::captures::{differences, ids, orchestrators};

/// Replays all turns of a case: each answer is the recorded one, or the one that the list of
/// differences names.
pub(crate) fn replay(name: &str) {
    let case = case::load(name);
    let mut names = Names::default();
    let mismatches: Vec<_> = case
        .turns
        .iter()
        .filter_map(|turn| {
            let (recorded, ours) = described(name, turn, &mut names);
            let mismatch = compare(name, turn, recorded, &ours).err()?;
            Some(format!("turn {} ({}) {mismatch}", turn.n, turn.function))
        })
        .collect();
    assert!(mismatches.is_empty(), "{name}\n{}", mismatches.join("\n"));
}

/// The recorded answer to a turn, if there is one, and ours.
pub(crate) fn answers(
    name: &str,
    turn: &Turn,
    names: &mut Names,
) -> (Option<OrchestratorResponse>, OrchestratorResponse) {
    let recorded = turn.decoded_answer();
    if name == ids::CASE {
        let ours = answer(turn, &ids::renumbered(&turn.request()));
        return (recorded.map(ids::without_ids), ids::without_ids(ours));
    }
    let ours = answer(turn, &names.in_request(turn.request()));
    if let Some(recorded) = &recorded {
        names.learn(recorded, &ours);
    }
    (recorded, ours)
}

/// Both answers, line by line, the recorded one in our names.
fn described(name: &str, turn: &Turn, names: &mut Names) -> (Option<Vec<String>>, Vec<String>) {
    let (recorded, ours) = answers(name, turn, names);
    let form = recorded.as_ref().map(Form::of).unwrap_or_default();
    let recorded = recorded.map(|answer| {
        let lines = form.describe(&answer).into_iter();
        lines.map(|line| names.in_line(line)).collect()
    });
    (recorded, form.describe(&ours))
}

/// Compares our answer with the recorded one, or with the one that is listed.
pub(crate) fn compare(
    name: &str,
    turn: &Turn,
    recorded: Option<Vec<String>>,
    ours: &[String],
) -> Result<(), String> {
    let listed = differences::of(name, turn.n);
    if listed.is_some() && recorded.as_deref() == Some(ours) {
        return Err("is listed as different, but it is the same".to_owned());
    }
    let expected: Vec<_> = match (listed, recorded) {
        (Some(difference), _) => difference
            .ours
            .iter()
            .map(|line| line.to_string())
            .collect(),
        (None, Some(recorded)) => recorded,
        // There is no recorded answer to compare ours with.
        (None, None) => vec![format!(
            "an entry in the list, for {:?}",
            turn.invalid_answer
        )],
    };
    if expected == ours {
        return Ok(());
    }
    let [expected, ours] = [expected.as_slice(), ours].map(|lines| {
        let lines: Vec<_> = lines.iter().map(|line| short(line)).collect();
        format!("{lines:#?}")
    });
    Err(format!("expected: {expected}\n ours: {ours}"))
}

/// A line that can be printed; some hold megabytes.
fn short(line: &str) -> String {
    line.chars().take(2000).collect()
}

/// Our answer to a request, from base64 text to base64 text as the host's trigger calls it.
pub(crate) fn answer(turn: &Turn, request: &[u8]) -> OrchestratorResponse {
    let function = orchestrators::function(turn);
    let request = STANDARD.encode(request);
    let text = run_turn(&function, &request);
    assert_eq!(
        text,
        run_turn(&function, &request),
        "the same request gave two answers"
    );
    let answer = STANDARD.decode(text).unwrap();
    let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
    assert_eq!(answer.instance_id, turn.instance);
    answer
}
