//! Running stored histories against today's code.
//!
//! A history is run turn by turn, as a host ran it, and what the code asks for in each turn is compared with what
//! the history says. The comparison is done here and not left to the engine, because the engine tells a client of
//! the first difference only and looks at no values.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::time::Instant;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::functions::{Functions, find};
use super::replay_error::{Difference, ReplayError};
use super::turn;
use crate::engine::{Arrived, KeptInstances, OrchestratorFunction, execute};
use crate::functions::Registered;
use crate::history::History;
use crate::{OrchestrationContext, Orchestrator, Result};

/// Runs stored histories against today's code, for CI: code that would fail instances that run is found before it is
/// deployed.
///
/// A history comes from a client's `Instance::history()` or from [`TestHub::history`](super::TestHub::history), and
/// [`History::write`] stores it. The extension's HTTP API (`showHistory=true`) does not do: it joins events and drops
/// their ids.
///
/// ```
/// use durable_functions::testing::{Replayer, TestHub};
/// use durable_functions::{Activity, OrchestrationContext, Orchestrator};
///
/// const CHARGE: Activity<u32, String> = Activity::new("charge");
/// const ORDER: Orchestrator<u32, String> = Orchestrator::new("order");
///
/// async fn order(ctx: OrchestrationContext, cents: u32) -> durable_functions::Result<String> {
///     Ok(ctx.call(CHARGE, cents).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let histories = folder.path();
/// # let mut hub = TestHub::new().orchestrator(ORDER, order);
/// # hub.mock(CHARGE, |_| Ok("receipt".to_owned()));
/// # hub.run(ORDER, &7).with_id("order-7").await?;
/// # hub.history("order-7")?.write(histories.join("order-7.json"))?;
/// // A folder of histories in one line. It fails when the folder has none.
/// Replayer::new().orchestrator(ORDER, order).replay_folder(histories)?;
/// # Ok(()) }
/// ```
///
/// # What is compared
///
/// By default what the engine compares when an instance goes on with new code: the kinds and names of calls, timers,
/// events and sub-orchestrations, their order, and how the instance ended.
/// [`with_values`](Self::with_values) also compares inputs (where the history has them: the extension stores none
/// unless `storeInputsInOrchestrationHistory` is set), times of timers, ids of sub-orchestrations and the output.
///
/// Of a history that was rewound only the state at its end is compared.
#[derive(Default)]
pub struct Replayer {
    functions: Functions,
    values: bool,
}

impl Replayer {
    /// A replayer without functions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same replayer, which compares values as well: see [the type](Self#what-is-compared).
    #[must_use]
    pub fn with_values(mut self) -> Self {
        self.values = true;
        self
    }

    /// Registers an orchestrator, in place of one with the same name.
    #[must_use]
    pub fn orchestrator<I, O, F, Fut>(mut self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        self.add_orchestrator(OrchestratorFunction::new(handle, function));
        self
    }

    /// Registers an orchestrator that has its handle, in place of one with the same name.
    pub fn add_orchestrator(&mut self, function: OrchestratorFunction) {
        self.functions.add(Registered::Orchestrator(function));
    }

    /// Registers the orchestrators of the app, with the [state](crate::Functions::with_state) that they have.
    #[must_use]
    pub fn functions(mut self, functions: crate::Functions) -> Self {
        for function in functions.bind(&()) {
            self.functions.add(function);
        }
        self
    }

    /// Runs a history, and returns how many turns it had.
    ///
    /// # Errors
    /// The first difference; a history that has no start or whose orchestrator is not registered.
    pub fn replay(&self, history: &History) -> Result<usize, ReplayError> {
        let instance = history.instance_id();
        let Some(name) = history.orchestrator() else {
            return Err(ReplayError::History(format!(
                "the history of '{instance}' has no event `executionStarted`"
            )));
        };
        let function = find(
            &self.functions.orchestrators,
            OrchestratorFunction::name,
            name,
        )
        .map_err(|_| ReplayError::NotRegistered {
            orchestrator: name.to_owned(),
            instance: instance.to_owned(),
        })?;
        let replay = Replay {
            history,
            name,
            function,
            values: self.values,
        };
        replay.run()
    }

    /// Runs the history in a file.
    ///
    /// # Errors
    /// As [`replay`](Self::replay); a file that cannot be read or holds no history.
    pub fn replay_file(&self, path: impl AsRef<Path>) -> Result<usize, ReplayError> {
        self.replay(&History::read(path)?)
    }

    /// Runs the histories in all files `*.json` of a folder, and returns how many there are. Other files and folders
    /// inside are passed over.
    ///
    /// # Errors
    /// [`ReplayError::Folder`] with all that differ; a folder without a history, so that a test does not succeed
    /// because it looked in the wrong place.
    pub fn replay_folder(&self, path: impl AsRef<Path>) -> Result<usize, ReplayError> {
        let path = path.as_ref();
        let about = |detail: &dyn fmt::Display| {
            ReplayError::History(format!("{}: {detail}", path.display()))
        };
        let entries = std::fs::read_dir(path).map_err(|error| about(&error))?;
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.map_err(|error| about(&error))?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(about(&"the folder has no file `*.json`"));
        }
        let count = files.len();
        let failed: Vec<_> = files
            .into_iter()
            .filter_map(|file| Some((self.replay_file(&file).err()?, file)))
            .map(|(error, file)| (file, error))
            .collect();
        if failed.is_empty() {
            Ok(count)
        } else {
            Err(ReplayError::Folder(failed))
        }
    }
}

impl fmt::Debug for Replayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayer")
            .field("orchestrators", &self.functions.orchestrators)
            .field("values", &self.values)
            .finish()
    }
}

/// One history that is run.
struct Replay<'a> {
    history: &'a History,
    name: &'a str,
    function: &'a OrchestratorFunction,
    values: bool,
}

/// A turn as a history has it.
struct Turn<'a> {
    /// How many events there are before what the code asked for in it.
    request_end: usize,
    start: usize,
    /// What the code asked for.
    calls: Vec<Call<'a>>,
    /// Whether the history has all of the turn.
    is_whole: bool,
}

impl<'a> Replay<'a> {
    fn run(&self) -> Result<usize, ReplayError> {
        let events = self.history.events();
        let turns = turns(events);
        let is_rewound = events
            .iter()
            .any(|event| matches!(event.event_type, Some(EventType::GenericEvent(_))));
        if is_rewound {
            self.check_end(&turns)?;
            return Ok(turns.len());
        }
        let mut kept = turn::kept();
        for (index, turn) in turns.iter().enumerate() {
            let answer = self.answer(Some(&mut kept), turn.start, turn.request_end)?;
            if turn.is_whole {
                self.compare(index, turn, &answer)?;
            }
        }
        // The kept instance ran each turn once. This runs all of it once more from the beginning, as after a restart.
        self.check_end(&turns)?;
        Ok(turns.len())
    }

    /// Runs the whole history at once, and compares what follows from it.
    fn check_end(&self, turns: &[Turn<'a>]) -> Result<(), ReplayError> {
        let Some((last, turn)) = turns.iter().enumerate().next_back() else {
            return Ok(());
        };
        let answer = self.answer(None, turn.start, turn.request_end)?;
        if turn.is_whole {
            return self.compare(last, turn, &answer);
        }
        Ok(())
    }

    /// What the code asks for in a turn that begins at the event `start`.
    fn answer(
        &self,
        kept: Option<&mut KeptInstances>,
        start: usize,
        end: usize,
    ) -> Result<OrchestratorResponse, ReplayError> {
        let invalid = |error: &dyn fmt::Display| {
            ReplayError::History(format!(
                "the history of '{}' cannot be run: {error}",
                self.history.instance_id()
            ))
        };
        let events = self.history.events();
        let request = OrchestratorRequest {
            instance_id: self.history.instance_id().to_owned(),
            past_events: events.get(..start).unwrap_or_default().to_vec(),
            new_events: events.get(start..end).unwrap_or_default().to_vec(),
            ..turn::tail()
        };
        let request = request.encode_to_vec();
        let answer = match kept {
            Some(kept) => kept
                .turn(self.function, Arrived::Message(&request), Instant::now())
                .map_err(|error| invalid(&error))?,
            None => execute(self.function, request).map_err(|error| invalid(&error))?,
        };
        OrchestratorResponse::decode(answer.as_slice()).map_err(|error| invalid(&error))
    }

    fn compare(
        &self,
        index: usize,
        turn: &Turn<'a>,
        answer: &OrchestratorResponse,
    ) -> Result<(), ReplayError> {
        let made: Vec<_> = answer.actions.iter().map(Call::of_action).collect();
        let count = made.len().max(turn.calls.len());
        for place in 0..count {
            let (expected, found) = (turn.calls.get(place), made.get(place));
            let is_same = match (expected, found) {
                (Some(expected), Some(found)) if self.values => expected.has_same_values(found),
                (Some(expected), Some(found)) => expected.is_same_call(found),
                _ => false,
            };
            if is_same {
                continue;
            }
            let shown = |call: Option<&Call<'_>>| {
                call.map_or_else(|| "nothing more in this turn".to_owned(), Call::to_string)
            };
            return Err(ReplayError::Differs(Box::new(Difference {
                orchestrator: self.name.to_owned(),
                instance: self.history.instance_id().to_owned(),
                turn: index + 1,
                time: self.time_of(turn),
                expected: shown(expected),
                found: shown(found),
            })));
        }
        Ok(())
    }

    fn time_of(&self, turn: &Turn<'_>) -> String {
        let event = self.history.events().get(turn.start);
        let time = event.and_then(|event| event.timestamp);
        time.map(|time| Timestamp::from(time).round_trip())
            .unwrap_or_default()
    }
}

/// The turns of a history. Each begins with `OrchestratorStarted`; first come the events that it is for, then what
/// the code asked for in it, then `OrchestratorCompleted`.
fn turns(events: &[HistoryEvent]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let begins = matches!(event.event_type, Some(EventType::OrchestratorStarted(_)));
        if begins || turns.is_empty() {
            turns.push(Turn {
                start: index,
                request_end: index + 1,
                calls: Vec::new(),
                is_whole: false,
            });
            continue;
        }
        let Some(turn) = turns.last_mut() else {
            continue;
        };
        match (&event.event_type, Call::of_event(event)) {
            (Some(EventType::ExecutionCompleted(_)), Some(end)) => {
                // Later extensions store the end behind the end of the turn.
                turn.calls.push(end);
                turn.is_whole = true;
            }
            (_, Some(call)) => turn.calls.push(call),
            // After a continue-as-new a turn has two of them: one came with its events, which matters to nobody.
            (Some(EventType::OrchestratorCompleted(_)), None) => turn.is_whole = true,
            (_, None) if turn.calls.is_empty() && !turn.is_whole => turn.request_end = index + 1,
            _ => {}
        }
    }
    turns
}
