//! Log entries that come twice: on the handler's console at once, and in `Logs` with the answer.
//!
//! A handler that writes both does right: `Logs` belong to their invocation, the console survives a
//! failure. On a terminal one of them is enough. The console's line is printed, because it is the
//! earlier one; an entry of `Logs` is printed only if the console did not have it. A console that is
//! late, because the handler writes it behind a queue, then brings what was printed already.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The most lines that are kept for one invocation: more than `Logs` of functions-handler hold.
const KEPT_PER_INVOCATION: usize = 256;
/// The most lines without an invocation's id that are kept.
const KEPT_OTHERS: usize = 256;
/// How long an answer's `Logs` wait for the console. What the handler wrote before its answer is in
/// the pipe already; only a handler that floods its console takes longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the console has brought lately; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Echoes(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// By the ids of the invocations under way.
    by_invocation: HashMap<String, VecDeque<String>>,
    others: VecDeque<String>,
    /// Entries of `Logs` that were printed, with the ids of their invocations, until the console brings
    /// them as well.
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

    /// For the reader of a console: whoever sends something here wants to know when all that could be
    /// read has been read.
    pub(super) fn console(&self) -> mpsc::UnboundedReceiver<oneshot::Sender<()>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut heard = self.lock();
        heard.consoles.retain(|console| !console.is_closed());
        heard.consoles.push(sender);
        receiver
    }

    /// Takes a line of the console; gives the id of the invocation that it names.
    pub(super) fn hear(&self, line: &str) -> Option<String> {
        let mut heard = self.lock();
        let id = ids(line)
            .find(|id| heard.by_invocation.contains_key(*id))
            .map(str::to_owned);
        let (lines, most) = match id.as_ref().and_then(|id| heard.by_invocation.get_mut(id)) {
            Some(lines) => (lines, KEPT_PER_INVOCATION),
            None => (&mut heard.others, KEPT_OTHERS),
        };
        if lines.len() == most {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
        id
    }

    /// Whether a line of the console was printed already, as an entry of `Logs`.
    pub(super) fn was_printed(&self, line: &str) -> bool {
        let printed = &mut self.lock().printed;
        let at = ids(line).find_map(|id| {
            printed
                .iter()
                .position(|(invocation, entry)| invocation == id && holds(line, entry))
        });
        at.is_some_and(|at| printed.remove(at).is_some())
    }

    /// Waits until the consoles are read as far as they can be.
    async fn catch_up(&self) {
        let consoles = self.lock().consoles.clone();
        let answers = consoles.into_iter().filter_map(|console| {
            let (done, is_done) = oneshot::channel();
            console.send(done).ok().map(|()| is_done)
        });
        let all = futures::future::join_all(answers);
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    /// The entries of `Logs` that the console has not brought.
    pub(super) async fn news(&self, logs: Vec<String>) -> Vec<String> {
        if logs.is_empty() {
            return logs;
        }
        self.echoes.catch_up().await;
        let mut heard = self.echoes.lock();
        let Heard {
            by_invocation,
            others,
            printed,
            ..
        } = &mut *heard;
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

/// Removes the first line that fits: of two equal entries each needs a line of its own.
fn take(lines: &mut VecDeque<String>, fits: impl Fn(&str) -> bool) -> bool {
    let at = lines.iter().position(|line| fits(line));
    at.is_some_and(|at| lines.remove(at).is_some())
}

/// Whether a console line, which has the invocation's id, says what an entry says. functions-handler
/// writes `LEVEL target: text` into `Logs`, cut at a length, and the same with the invocation's span
/// in it to the console.
fn holds(line: &str, entry: &str) -> bool {
    let text = entry.split_once(' ').map_or(entry, |(_, text)| text);
    let text = text.strip_suffix('…').unwrap_or(text);
    !text.is_empty() && line.contains(text)
}

/// What looks like `id=GUID`.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("id=")
        .filter_map(|(at, _)| line.get(at + 3..at + 39))
}

/// A line of functions-handler as it reads best: without the span of its invocation.
pub(super) fn without_span(line: &str, invocation: &str) -> Option<String> {
    let line = line.strip_suffix(invocation)?.strip_suffix(" id=")?;
    let (line, function) = line.rsplit_once(" function=")?;
    if function.contains(' ') {
        return None;
    }
    Some(line.replacen("invocation: ", "", 1).trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7a3a4123-6bb4-439e-8271-c3f271618cad";

    async fn news(listening: &Listening, logs: &[&str]) -> Vec<String> {
        let logs = logs.iter().map(|entry| (*entry).to_owned()).collect();
        listening.news(logs).await
    }

    #[tokio::test]
    async fn an_entry_that_the_console_had_is_no_news_once() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let line = format!("INFO invocation: app: counted n=75 function=f id={ID}");
        assert_eq!(echoes.hear(&line).as_deref(), Some(ID));
        assert_eq!(echoes.hear("plain"), None);
        let logs = [
            "INFO app: counted n=75",
            "INFO app: counted n=75",
            "plain",
            "INFO new",
        ];
        assert_eq!(
            news(&listening, &logs).await,
            ["INFO app: counted n=75", "INFO new"]
        );
    }

    #[tokio::test]
    async fn other_invocations_and_other_texts_are_news() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        let other = echoes.listen("00000000-6bb4-439e-8271-c3f271618cad");
        echoes.hear(&format!("INFO invocation: app: a function=f id={ID}"));
        assert_eq!(news(&other, &["INFO app: a"]).await, ["INFO app: a"]);
        assert_eq!(news(&listening, &["INFO app: b"]).await, ["INFO app: b"]);
        let cut = format!("INFO app: {}…", "");
        assert!(news(&listening, &[&cut]).await.is_empty());
    }

    #[tokio::test]
    async fn what_a_late_console_brings_is_known_once_and_for_its_invocation_only() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        assert_eq!(news(&listening, &["INFO app: a"]).await, ["INFO app: a"]);
        drop(listening);
        let late = format!("INFO invocation: app: a function=f id={ID}");
        assert!(!echoes.was_printed("INFO app: a"));
        assert!(!echoes.was_printed(&late.replace("app: a", "app: b")));
        assert!(echoes.was_printed(&late));
        assert!(!echoes.was_printed(&late));
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_ends_with_the_invocation() {
        let echoes = Echoes::default();
        let listening = echoes.listen(ID);
        for n in 0..KEPT_PER_INVOCATION + 10 {
            echoes.hear(&format!("{n} id={ID}"));
            echoes.hear("x");
        }
        let kept = |echoes: &Echoes| {
            let heard = echoes.lock();
            (
                heard.by_invocation.get(ID).map(VecDeque::len),
                heard.others.len(),
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
            without_span(&line, ID).as_deref(),
            Some("INFO app: counted n=75")
        );
        assert_eq!(without_span(&format!("text id={ID}"), ID), None);
        assert_eq!(without_span("text", ID), None);
    }
}
