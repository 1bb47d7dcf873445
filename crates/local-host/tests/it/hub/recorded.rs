//! A handler that gives recorded answers and compares the requests with the recorded ones.
//!
//! A recorded turn is reached once all messages of it and of the turns before it have arrived; then its
//! answer is given. So the hub may divide the messages into other turns than the real host did, where storage
//! decides. Every message and every history is still compared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use local_host::invoke::{Disconnect, InvocationAnswer, Invoke, InvokeError};
use local_host::json::{Json, JsonObject};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::app::{Activity, assign_gates, same_members};
use super::batches::Batches;
use super::fixture::{Answer, Exchange, Fixture};
use super::script::{Script, invocation};
use super::support::{decode_request, request_bytes};

struct State {
    scripts: HashMap<String, Script>,
    activities: Vec<Activity>,
    entities: HashMap<String, Batches>,
    problems: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Recorded {
    case: String,
    state: Arc<Mutex<State>>,
    progress: watch::Sender<u64>,
}

impl Recorded {
    pub(crate) fn new(case: &str, fixture: &Fixture) -> Self {
        let mut scripts: HashMap<String, Script> = HashMap::new();
        let mut activities = Vec::new();
        let mut entities: HashMap<String, Batches> = HashMap::new();
        for exchange in &fixture.exchanges {
            match exchange {
                Exchange::Turn {
                    instance,
                    request,
                    answer,
                    ..
                } => {
                    let request = decode_request(&STANDARD.decode(request).unwrap());
                    let script = scripts.entry(instance.clone()).or_insert_with(|| Script {
                        aligned: true,
                        ..Script::default()
                    });
                    script.add(request, answer.clone());
                }
                Exchange::Activity {
                    function,
                    data,
                    metadata,
                    answer,
                } => activities.push(Activity {
                    function: function.clone(),
                    data: data.clone(),
                    metadata: metadata.clone(),
                    answer: answer.clone(),
                    gate: None,
                    used: false,
                }),
                Exchange::Batch {
                    entity,
                    request,
                    answer,
                    ..
                } => entities
                    .entry(entity.clone())
                    .or_default()
                    .add(&STANDARD.decode(request).unwrap(), answer.clone()),
                _ => {}
            }
        }
        assign_gates(&scripts, &mut activities);
        Self {
            case: case.to_owned(),
            state: Arc::new(Mutex::new(State {
                scripts,
                activities,
                entities,
                problems: Vec::new(),
            })),
            progress: watch::Sender::new(0),
        }
    }

    /// Waits until the instance has had `turns` of its recorded turns.
    pub(crate) async fn reached(&self, instance: &str, turns: usize) {
        let mut progress = self.progress.subscribe();
        let waiting = progress.wait_for(|_| {
            let state = self.state.lock().unwrap();
            !state.problems.is_empty()
                || state
                    .scripts
                    .get(instance)
                    .is_none_or(|script| script.next >= turns)
        });
        let arrived = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        self.assert_sound();
        assert!(
            arrived.is_ok(),
            "{}: '{instance}' did not reach turn {turns}",
            self.case
        );
    }

    /// Waits until every recorded activity and every recorded batch has run.
    pub(crate) async fn all_ran(&self) {
        let missing = |state: &State| {
            let activities = state.activities.iter().filter(|it| !it.used);
            let activities = activities.map(|it| format!("{} {:?}", it.function, it.data));
            let entities = state.entities.iter().filter(|(_, it)| !it.all_ran());
            let entities = entities.map(|(id, _)| format!("batches of '{id}'"));
            activities.chain(entities).collect::<Vec<_>>()
        };
        let mut progress = self.progress.subscribe();
        let waiting = progress.wait_for(|_| {
            let state = self.state.lock().unwrap();
            !state.problems.is_empty() || missing(&state).is_empty()
        });
        let done = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        self.assert_sound();
        let missing = missing(&self.state.lock().unwrap());
        assert!(done.is_ok(), "{}: {missing:?}", self.case);
    }

    pub(crate) fn turns(&self, instance: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.scripts.get(instance).map_or(0, |it| it.turns.len())
    }

    pub(crate) fn assert_sound(&self) {
        let state = self.state.lock().unwrap();
        assert!(
            state.problems.is_empty(),
            "{}:\n{}",
            self.case,
            state.problems.join("\n")
        );
    }

    /// The instances whose turns differed in their batches from the recorded ones.
    pub(crate) fn not_aligned(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let differing = state.scripts.iter().filter(|(_, script)| !script.aligned);
        differing.map(|(id, _)| id.clone()).collect()
    }

    fn turn(&self, bytes: &[u8]) -> Result<InvocationAnswer, InvokeError> {
        let request = decode_request(bytes);
        let id = request.instance_id.clone();
        // Waiters lock the state inside the channel's condition, so they must not be notified with the lock
        // held.
        let answer = {
            let mut state = self.state.lock().unwrap();
            let State {
                scripts, problems, ..
            } = &mut *state;
            match scripts.get_mut(&id) {
                Some(script) => script.play(bytes, &request, problems),
                None => {
                    problems.push(format!("an unexpected turn of '{id}'"));
                    Ok(InvocationAnswer::default())
                }
            }
        };
        self.progress.send_modify(|count| *count += 1);
        match answer {
            Err(InvokeError::Stopping) => Err(self.no_answer()),
            answer => answer,
        }
    }

    fn batch(&self, bytes: &[u8]) -> Result<InvocationAnswer, InvokeError> {
        let mut state = self.state.lock().unwrap();
        let State {
            entities, problems, ..
        } = &mut *state;
        let answer = Batches::play(entities, bytes).unwrap_or_else(|problem| {
            problems.push(problem);
            Ok(InvocationAnswer::default())
        });
        drop(state);
        self.progress.send_modify(|count| *count += 1);
        answer
    }

    fn activity(
        &self,
        function: &str,
        data: &Map<String, Value>,
        metadata: &Map<String, Value>,
    ) -> Option<(Option<(String, usize)>, Answer)> {
        let mut state = self.state.lock().unwrap();
        let found = state.activities.iter_mut().find(|activity| {
            !activity.used
                && activity.function == function
                && same_members(&activity.data, data)
                && same_members(&activity.metadata, metadata)
        });
        if let Some(activity) = found {
            activity.used = true;
            let answer = (activity.gate.clone(), activity.answer.clone());
            drop(state);
            self.progress.send_modify(|count| *count += 1);
            return Some(answer);
        }
        state.problems.push(format!(
            "an unexpected activity: {function} {data:?} {metadata:?}"
        ));
        drop(state);
        self.progress.send_modify(|count| *count += 1);
        None
    }

    fn no_answer(&self) -> InvokeError {
        if self.case.contains("timeout") {
            InvokeError::Timeout {
                timeout: "00:00:05".into(),
                function: if self.case.contains("activity") {
                    "hangActivity".into()
                } else {
                    "hang".into()
                },
            }
        } else {
            InvokeError::Connection(Disconnect::Ended)
        }
    }
}

impl Invoke for Recorded {
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        metadata: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        let metadata = without_system(function, members(metadata));
        if let Some(context) = data.get("context") {
            assert!(metadata.is_empty());
            let answer = self.turn(&request_bytes(context));
            return Box::pin(async move { answer });
        }
        if let Some(context) = data.get("entity") {
            assert!(metadata.is_empty());
            let answer = self.batch(&request_bytes(context));
            return Box::pin(async move { answer });
        }
        let Some((gate, answer)) = self.activity(function, &members(data), &metadata) else {
            return Box::pin(async { Ok(InvocationAnswer::default()) });
        };
        let this = self.clone();
        Box::pin(async move {
            if let Some((instance, turn)) = gate {
                this.reached(&instance, turn).await;
            }
            if answer.no_answer {
                return Err(this.no_answer());
            }
            invocation(&answer)
        })
    }
}

fn members(object: JsonObject) -> Map<String, Value> {
    serde_json::from_str(&Json::Object(object).to_compact()).unwrap()
}

/// The recorded metadata does not have the host's own entry, unless the app replaced it.
fn without_system(function: &str, mut metadata: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(system)) = metadata.get("sys") {
        assert_eq!(system["MethodName"], function);
        assert!(system["UtcNow"].is_string() && system["RandGuid"].is_string());
        metadata.remove("sys");
    }
    metadata
}
