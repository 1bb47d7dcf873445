//! The recorded handler: each turn gets the answer of the recorded turn of the same number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::EntityBatchRequest;
use futures::future::BoxFuture;
use local_host::invoke::{Disconnect, InvocationAnswer, Invoke, InvokeError};
use local_host::json::JsonObject;
use prost::Message as _;
use tokio::sync::watch;

use super::super::fixture::Answer;
use super::super::script::invocation;
use super::super::support::{decode_request, request_bytes};
use super::fixture::{Fixture, Step};

/// An answer, and the number of the last call that was recorded before it.
#[derive(Clone)]
struct Gated {
    behind: u32,
    answer: Answer,
}

#[derive(Default)]
struct State {
    /// By instance or entity, in order.
    turns: HashMap<String, Vec<Gated>>,
    played: HashMap<String, usize>,
    activities: Vec<(String, String, Gated, bool)>,
    /// Recorded instances with their orchestrators.
    functions: Vec<(String, String)>,
    /// Ids that the recorded host made up and no instance here has yet, with the orchestrators.
    made_up: Vec<(String, String)>,
    names: HashMap<String, String>,
}

#[derive(Clone)]
pub(super) struct Recorded {
    state: Arc<Mutex<State>>,
    /// The number of the last call that has ended.
    calls: watch::Sender<u32>,
}

impl Recorded {
    pub(super) fn new(fixture: &Fixture) -> Self {
        let mut state = State::default();
        let mut behind = 0;
        for step in &fixture.exchanges {
            let gated = |answer: &Answer| Gated {
                behind,
                answer: answer.clone(),
            };
            match step {
                Step::Http(call) => behind = call.n,
                // It waits for work that was recorded behind it.
                Step::Grpc(call) if call.method.starts_with("WaitFor") => {}
                Step::Grpc(call) => behind = call.n,
                Step::Turn {
                    function,
                    instance: id,
                    answer,
                } => {
                    state.functions.push((id.clone(), function.clone()));
                    if is_made_up(id) && !state.turns.contains_key(id) {
                        state.made_up.push((function.clone(), id.clone()));
                    }
                    let turns = state.turns.entry(id.clone()).or_default();
                    turns.push(gated(answer));
                }
                Step::Batch { entity, answer } => {
                    let turns = state.turns.entry(entity.clone()).or_default();
                    turns.push(gated(answer));
                }
                Step::Activity {
                    function,
                    data,
                    answer,
                } => {
                    let activity = (function.clone(), data.clone(), gated(answer), false);
                    state.activities.push(activity);
                }
            }
        }
        Self {
            state: Arc::new(Mutex::new(state)),
            calls: watch::Sender::new(0),
        }
    }

    /// The call of this number has ended, or waits for work that was recorded behind it.
    pub(super) fn done(&self, call: u32) {
        self.calls.send_replace(call);
    }

    /// `None` for a turn that was not recorded.
    fn next_of(&self, function: &str, id: &str) -> Option<Gated> {
        let mut state = self.state.lock().unwrap();
        let mut name = id.to_owned();
        if is_made_up(id) {
            if !state.names.contains_key(id) {
                let mut known = state.made_up.iter();
                let recorded = match known.position(|(name, _)| name == function) {
                    Some(at) => state.made_up.remove(at).1,
                    None => id.to_owned(),
                };
                state.names.insert(id.to_owned(), recorded);
            }
            name.clone_from(&state.names[id]);
        }
        let played = state.played.entry(name.clone()).or_default();
        let at = *played;
        *played += 1;
        match state.turns.get(&name) {
            Some(turns) => turns.get(at).cloned(),
            // Of some instances only the replies to clients were recorded.
            None => {
                let (like, _) = state.functions.iter().find(|it| it.1 == function)?;
                let gated = state.turns.get(like)?.get(at)?.clone();
                Some(Gated { behind: 0, ..gated })
            }
        }
    }

    /// A start had these ids here and in the recording.
    pub(super) fn learn(&self, ours: &str, theirs: &str) {
        let mut state = self.state.lock().unwrap();
        if !state.names.contains_key(ours) {
            state.made_up.retain(|(_, id)| id != theirs);
            state.names.insert(ours.to_owned(), theirs.to_owned());
        }
    }

    /// A text with our ids in the place of those that the recorded host made up.
    pub(super) fn with_our_ids(&self, text: &str) -> String {
        let state = self.state.lock().unwrap();
        let names = state.names.iter();
        names.fold(text.to_owned(), |text, (ours, theirs)| {
            text.replace(theirs, ours)
        })
    }

    fn activity(&self, function: &str, data: &str) -> Option<Gated> {
        let mut state = self.state.lock().unwrap();
        let mut same = state.activities.iter_mut();
        let same = same.by_ref().filter(|it| it.0 == function && it.1 == data);
        let mut last = None;
        for (_, _, gated, is_used) in same {
            if !*is_used {
                *is_used = true;
                return Some(gated.clone());
            }
            last = Some(Gated {
                behind: 0,
                ..gated.clone()
            });
        }
        last
    }
}

pub(super) fn is_made_up(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Invoke for Recorded {
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        _: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        let (kind, value) = data.iter().next().unwrap();
        let gated = match kind {
            "orchestrator" => {
                let request = decode_request(&request_bytes(value));
                self.next_of(function, &request.instance_id)
            }
            "entity" => {
                let batch = EntityBatchRequest::decode(&*request_bytes(value)).unwrap();
                self.next_of(function, &batch.instance_id)
            }
            _ => self.activity(function, value.as_text().unwrap()),
        };
        let mut calls = self.calls.subscribe();
        Box::pin(async move {
            let Some(Gated { behind, answer }) = gated else {
                // A turn without effect.
                let nothing = STANDARD.encode([0x0a, 0x01, b'i']);
                return Ok(InvocationAnswer {
                    return_value: Some(nothing.into()),
                    ..InvocationAnswer::default()
                });
            };
            calls.wait_for(|call| *call >= behind).await.unwrap();
            if answer.no_answer {
                return Err(InvokeError::Connection(Disconnect::Ended));
            }
            invocation(&answer)
        })
    }
}
