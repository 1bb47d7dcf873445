//! Log entries that arrive twice: at once on the handler's console, and with the answer in `Logs`.
//!
//! A handler should write both: `Logs` belong to their invocation, and the console is kept when the handler
//! crashes. On a terminal one of them is enough. The line of the console is printed, because it comes first;
//! an entry of `Logs` is printed only if the console did not have it.
//!
//! A handler that writes its console through a queue can be late. A line that was printed already as an entry
//! of `Logs` is then dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// The most lines that are kept for one invocation: more than `Logs` of functions-handler hold.
const KEPT_PER_INVOCATION: usize = 256;
/// The most lines without an invocation's id that are kept.
const KEPT_OTHERS: usize = 256;
/// How long an answer's `Logs` wait for the console. What the handler wrote before its answer is in the pipe
/// already; only a handler that writes very much needs longer.
const CONSOLE_TIME: Duration = Duration::from_millis(100);

/// The latest lines of the console; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Echoes(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    /// By the ids of the invocations under way.
    by_invocation: HashMap<String, VecDeque<String>>,
    others: VecDeque<String>,
    /// Entries of `Logs` that were printed, with the ids of their invocations, until the same lines come from
    /// the console.
    printed: VecDeque<(String, String)>,
    consoles: Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>,
}

/// Keeps the lines of one invocation until it is dropped.
pub(super) struct Listening {
    echoes: Echoes,
    invocation: String,
}

impl Echoes {
    /// Keeps the lines that name this invocation from now on.
    pub(super) fn listen(&self, invocation: &str) -> Listening {
        self.lock()
            .by_invocation
            .insert(invocation.to_owned(), VecDeque::new());
        Listening {
            echoes: self.clone(),
            invocation: invocation.to_owned(),
        }
    }

    /// For the reader of a console. It answers each sender it receives once it has read all that is
    /// available.
    pub(super) fn console(&self) -> mpsc::UnboundedReceiver<oneshot::Sender<()>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut received = self.lock();
        received.consoles.retain(|console| !console.is_closed());
        received.consoles.push(sender);
        receiver
    }

    /// Stores a line of the console.
    pub(super) fn receive(&self, line: &str) {
        let mut received = self.lock();
        let id = ids(line)
            .find(|id| received.by_invocation.contains_key(*id))
            .map(str::to_owned);
        let (lines, most) = match id
            .as_ref()
            .and_then(|id| received.by_invocation.get_mut(id))
        {
            Some(lines) => (lines, KEPT_PER_INVOCATION),
            None => (&mut received.others, KEPT_OTHERS),
        };
        if lines.len() == most {
            lines.pop_front();
        }
        lines.push_back(without_span(line).unwrap_or_else(|| line.to_owned()));
    }

    /// Whether a line of the console was printed already, as an entry of `Logs`.
    pub(super) fn was_printed(&self, line: &str) -> bool {
        let printed = &mut self.lock().printed;
        let bare = without_span(line);
        let bare = bare.as_deref().unwrap_or(line);
        let at = ids(line).find_map(|id| {
            printed
                .iter()
                .position(|(invocation, entry)| invocation == id && holds(bare, entry))
        });
        at.is_some_and(|at| printed.remove(at).is_some())
    }

    /// Waits until all that is available has been read from the consoles.
    async fn catch_up(&self) {
        let consoles = self.lock().consoles.clone();
        let answers = consoles.into_iter().filter_map(|console| {
            let (done, is_done) = oneshot::channel();
            console.send(done).ok().map(|()| is_done)
        });
        let all = futures::future::join_all(answers);
        let _ = tokio::time::timeout(CONSOLE_TIME, all).await;
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    /// The entries of `Logs` that were not on the console.
    pub(super) async fn missing_on_console(&self, logs: Vec<String>) -> Vec<String> {
        if logs.is_empty() {
            return logs;
        }
        self.echoes.catch_up().await;
        let mut received = self.echoes.lock();
        let Received {
            by_invocation,
            others,
            printed,
            ..
        } = &mut *received;
        let mut of_invocation = by_invocation.get_mut(&self.invocation);
        logs.into_iter()
            .filter(|entry| {
                let own = of_invocation.as_deref_mut();
                let known = own.is_some_and(|lines| take(lines, |line| holds(line, entry)))
                    || take(others, |line| line == entry);
                if !known {
                    if printed.len() == KEPT_OTHERS {
                        printed.pop_front();
                    }
                    printed.push_back((self.invocation.clone(), entry.clone()));
                }
                !known
            })
            .collect()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.echoes.lock().by_invocation.remove(&self.invocation);
    }
}

/// Removes the first line that fits, so that two equal entries need two lines.
fn take(lines: &mut VecDeque<String>, fits: impl Fn(&str) -> bool) -> bool {
    let at = lines.iter().position(|line| fits(line));
    at.is_some_and(|at| lines.remove(at).is_some())
}

/// Whether a line of the console, without the invocation's span, contains an entry of `Logs`. functions-handler writes
/// `LEVEL target: text` into `Logs`, limited in length; on the console the line also has the names of other spans.
fn holds(line: &str, entry: &str) -> bool {
    let text = entry.split_once(' ').map_or(entry, |(_, text)| text);
    let (text, is_cut) = match text.strip_suffix('…') {
        Some(text) => (text, true),
        None => (text, false),
    };
    // `step 1` is not in `step 10`. Another handler may write more fields behind the text.
    let ends = |at: usize| {
        line.get(at + text.len()..)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    !text.is_empty() && line.match_indices(text).any(|(at, _)| is_cut || ends(at))
}

/// The values in the line that look like `id=GUID`.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("id=")
        .filter_map(|(at, _)| line.get(at + 3..at + 39))
}

/// A line of functions-handler without the span of its invocation, which the log does not need; `None` for any
/// other line. The invocation may have ended: the console can be read late.
pub(super) fn without_span(line: &str) -> Option<String> {
    let (level, text) = line.trim_start().split_once(' ')?;
    let text = text.strip_prefix("invocation:")?;
    // Behind the fields of this span stand those of the spans in it.
    let (before, after) = text.rmatch_indices(" id=").find_map(|(at, id)| {
        let (before, rest) = text.split_at_checked(at)?;
        let (id, after) = rest.split_at_checked(id.len() + UUID_LENGTH)?;
        Uuid::try_parse(id.trim_start_matches(" id=")).ok()?;
        let (before, function) = before.rsplit_once(" function=")?;
        let whole = after.is_empty() || after.starts_with(' ');
        (whole && !function.contains(' ')).then_some((before, after))
    })?;
    Some(format!("{level} {}{after}", before.trim_start()))
}

/// Of a UUID with its hyphens.
const UUID_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7a3a4123-6bb4-439e-8271-c3f271618cad";

    async fn missing(listening: &Listening, logs: &[&str]) -> Vec<String> {
        let logs = logs.iter().map(|entry| (*entry).to_owned()).collect();
        listening.missing_on_console(logs).await
    }

    #[tokio::test]
    async fn a_line_that_goes_on_stands_for_no_shorter_entry() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        echoes.receive(&format!("INFO invocation: app: step 10 function=f id={ID}"));
        let logs = ["INFO app: step 1", "INFO app: step 10"];
        assert_eq!(missing(&listening, &logs).await, ["INFO app: step 1"]);
    }

    #[tokio::test]
    async fn the_fields_of_other_spans_are_in_both() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let line = |fields: &str| {
            format!("INFO invocation:turn: app: placed n=7 function=f id={ID} {fields}")
        };
        let fields = r#"trace_id=4bf92f35 instance="a b""#;
        echoes.receive(&line(fields));
        let entry = format!("INFO app: placed n=7 {fields}");
        assert!(missing(&listening, &[&entry]).await.is_empty());
        assert_eq!(missing(&listening, &[&entry]).await, [entry.as_str()]);
        assert!(echoes.was_printed(&line(fields)));
    }

    #[tokio::test]
    async fn a_line_of_the_console_stands_for_one_entry_of_logs() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let line = format!("INFO invocation: app: counted n=75 function=f id={ID}");
        echoes.receive(&line);
        echoes.receive("plain");
        let logs = [
            "INFO app: counted n=75",
            "INFO app: counted n=75",
            "plain",
            "INFO new",
        ];
        assert_eq!(
            missing(&listening, &logs).await,
            ["INFO app: counted n=75", "INFO new"]
        );
    }

    #[tokio::test]
    async fn entries_of_other_invocations_and_with_other_texts_are_printed() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let other = echoes.listen("00000000-6bb4-439e-8271-c3f271618cad");
        echoes.receive(&format!("INFO invocation: app: a function=f id={ID}"));
        assert_eq!(missing(&other, &["INFO app: a"]).await, ["INFO app: a"]);
        assert_eq!(missing(&listening, &["INFO app: b"]).await, ["INFO app: b"]);
        let cut = format!("INFO app: {}…", "");
        assert!(missing(&listening, &[&cut]).await.is_empty());
    }

    #[tokio::test]
    async fn entries_wait_until_the_console_has_been_read() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let mut asked = echoes.console();
        let console = async {
            let done = tokio::time::timeout(Duration::from_secs(60), asked.recv()).await;
            echoes.receive(&format!("INFO invocation: app: a function=f id={ID}"));
            done.unwrap().unwrap().send(()).unwrap();
        };
        let (missing, ()) = tokio::join!(missing(&listening, &["INFO app: a"]), console);
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[tokio::test]
    async fn a_late_line_of_the_console_is_dropped_once_and_for_its_invocation_only() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        assert_eq!(missing(&listening, &["INFO app: a"]).await, ["INFO app: a"]);
        drop(listening);
        let late = format!("INFO invocation: app: a function=f id={ID}");
        assert!(!echoes.was_printed("INFO app: a"));
        assert!(!echoes.was_printed(&late.replace("app: a", "app: b")));
        let of_another = late.replace(ID, "00000000-6bb4-439e-8271-c3f271618cad");
        assert!(!echoes.was_printed(&of_another));
        assert!(echoes.was_printed(&late));
        assert!(!echoes.was_printed(&late));
    }

    #[tokio::test]
    async fn the_lines_kept_are_bounded_and_dropped_with_their_invocation() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        for n in 0..KEPT_PER_INVOCATION + 10 {
            echoes.receive(&format!("{n} id={ID}"));
            echoes.receive("x");
        }
        let kept = |echoes: &Echoes| {
            let received = echoes.lock();
            (
                received.by_invocation.get(ID).map(VecDeque::len),
                received.others.len(),
            )
        };
        assert_eq!(kept(&echoes), (Some(KEPT_PER_INVOCATION), KEPT_OTHERS));
        drop(listening);
        assert_eq!(kept(&echoes), (None, KEPT_OTHERS));
    }

    #[test]
    fn a_line_of_functions_handler_reads_without_the_span() {
        let line = format!(" INFO invocation: app: counted n=75 function=f id={ID}");
        assert_eq!(
            without_span(&line).as_deref(),
            Some("INFO app: counted n=75")
        );
        let nested = format!("INFO invocation:page: app: read function=f id={ID}");
        assert_eq!(
            without_span(&nested).as_deref(),
            Some("INFO page: app: read")
        );
        let inner = format!("INFO invocation:turn: app: read function=f id={ID} instance=\"7\"");
        assert_eq!(
            without_span(&inner).as_deref(),
            Some("INFO turn: app: read instance=\"7\"")
        );
        for other in [
            format!("INFO invocation: app: x function=f id={ID}7"),
            format!("text id={ID}"),
            format!("INFO app: done function=f id={ID}"),
            "INFO invocation: app: x function=f id=7".to_owned(),
            "text".to_owned(),
        ] {
            assert_eq!(without_span(&other), None, "{other}");
        }
    }
}
