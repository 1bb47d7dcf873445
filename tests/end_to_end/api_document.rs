//! docs/api.md shows what the app answers: each of its curl lines is run, in order, and the output compared.
//!
//! - An id that is shown stands for the id that this run got in the same place, from then on in requests too.
//! - The same of an `ETag`, and of the id of an event.
//! - Times are compared by their form, and so are the counters of the health.
//! - Of the headers, those that are shown are compared.
//! - A line `…` stands for all further lines.
//! - `<!-- table: asked N -->` waits until the table was asked for the first day of the Nth job; it answers that at
//!   `<!-- table: answers N -->`. The other days of a job have no entity.

use std::{collections::BTreeMap, path::Path, time::Duration};

use reqwest::Method;
use serde_json::Value;
use tokio::sync::watch;

use super::support::{
    app_folder::AppFolder,
    console::{self, Request, Shown},
    fake_table::{FakeTable, Gate, Step},
    host::TIME_LIMIT,
    http::{Answer, Client},
};

/// The address in the document, which is the host's default.
const SHOWN_ADDRESS: &str = "http://localhost:7071";

/// The pause before the same question is asked again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Headers that differ in each run: only that they are there is compared.
const VARIABLE_HEADERS: [&str; 4] = [
    "retry-after",
    "traceparent",
    "x-ms-request-id",
    "x-request-id",
];

/// The jobs of the document that do not fail have the values of local-host's sample data.
const VALUES: usize = 119;

/// The first day of all jobs.
const FIRST_DAY: &str = "2021-01-01";

/// A table that is asked for the first day of one job after the other, and how often it was.
async fn table(gates: &[Gate]) -> (FakeTable, watch::Receiver<usize>) {
    let gates = gates.to_vec();
    let (sender, asked) = watch::channel(0);
    let table = FakeTable::answering(move |head| {
        if !head.contains(FIRST_DAY) {
            return Step::page(&[]);
        }
        let mut number = 0;
        sender.send_modify(|asked| {
            number = *asked;
            *asked += 1;
        });
        let then = match number {
            FAILS => Step::Status(404, vec![("x-ms-error-code", "TableNotFound")], ""),
            _ => {
                let ids: Vec<String> = (0..VALUES).map(|id| id.to_string()).collect();
                Step::page(&ids.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        Step::Held(gates[number].clone(), Box::new(then))
    });
    (table.await, asked)
}

/// The job whose request is answered with an error, counted from 0.
const FAILS: usize = 2;

/// A part of the document.
enum Part {
    Command(Shown),
    /// Of the table: the number of a job, and whether its request is answered.
    Table(usize, bool),
}

fn parts(document: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line == "```console" {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            parts.extend(
                console::shown(block.into_iter())
                    .into_iter()
                    .map(Part::Command),
            );
        } else if let Some(what) = line.strip_prefix("<!-- table: ") {
            let (what, number) = what.trim_end_matches(" -->").split_once(' ').unwrap();
            let number = number.parse().unwrap();
            parts.push(Part::Table(number, what == "answers"));
        }
    }
    parts
}

/// The ids of the document, and what they stand for.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    /// Binds those of the document to those in the same places of the answer.
    fn learn(&mut self, shown: &str, answered: &str) {
        let tags = tag(shown).into_iter().zip(tag(answered));
        let ids = [UUID, DIGEST].into_iter().flat_map(|form| {
            let shown = of_form(shown, form);
            shown.zip(of_form(answered, form))
        });
        for (shown, answered) in ids.chain(tags) {
            let known = self.0.entry(shown.to_owned());
            known.or_insert_with(|| answered.to_owned());
        }
    }

    fn in_request(&self, text: &str) -> String {
        let ids = self.0.iter();
        ids.fold(text.to_owned(), |text, (shown, real)| {
            text.replace(shown.as_str(), real)
        })
    }

    fn in_answer(&self, text: &str) -> String {
        let ids = self.0.iter();
        ids.fold(text.to_owned(), |text, (shown, real)| {
            text.replace(real.as_str(), shown)
        })
    }
}

/// `x` is a hexadecimal digit, `9` a decimal one, anything else itself.
const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
/// The id of a job that is started by a message.
const DIGEST: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const TIME: [&str; 2] = ["9999-99-99T99:99:99", "99 November 9999, 99:99:99"];

fn has_form(text: &str, form: &str) -> bool {
    text.len() >= form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'x' => byte.is_ascii_hexdigit(),
                b'9' => byte.is_ascii_digit(),
                form => byte == form,
            })
}

fn of_form<'a>(text: &'a str, form: &'a str) -> impl Iterator<Item = &'a str> {
    let starts = text.char_indices().map(|(at, _)| &text[at..]);
    let found = starts.filter(|rest| has_form(rest, form));
    found.map(|rest| &rest[..form.len()])
}

/// The value of the header `ETag`, or the id of an event.
fn tag(printed: &str) -> Option<&str> {
    let mut values = printed
        .lines()
        .filter_map(|line| line.strip_prefix("ETag: ").or(line.strip_prefix("id: ")));
    values.next()
}

/// The text with all times the same, their fractions included.
fn without_times(text: &str) -> String {
    let mut rest = text;
    let mut without = String::new();
    while let Some(sign) = rest.chars().next() {
        match TIME.iter().find(|form| has_form(rest, form)) {
            Some(form) => {
                without.push_str("TIME");
                rest = &rest[form.len()..];
                let fraction = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
                rest = if rest.starts_with('.') {
                    fraction
                } else {
                    rest
                };
            }
            None => {
                without.push(sign);
                rest = &rest[sign.len_utf8()..];
            }
        }
    }
    without
}

fn without_numbers(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "")
}

/// An answer in the form of the document: the lines that curl prints, with the headers that are shown.
fn printed(answer: &Answer, request: &Request, shown: &[String], client: &Client) -> String {
    let mut lines = Vec::new();
    if request.with_headers {
        let status = reqwest::StatusCode::from_u16(answer.status).unwrap();
        lines.push(format!("HTTP/1.1 {status}"));
        let headers = shown.iter().skip(1).take_while(|line| !line.is_empty());
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            let answered = answer.header(name);
            let variable = VARIABLE_HEADERS.contains(&name.to_ascii_lowercase().as_str());
            let value = if variable && !answered.is_empty() {
                value
            } else {
                answered
            };
            lines.push(format!("{name}: {value}"));
        }
        if !answer.body.is_empty() {
            lines.push(String::new());
        }
    }
    lines.extend(answer.body.lines().map(str::to_owned));
    if shown.last().is_some_and(|line| line == "…") {
        lines.truncate(shown.len() - 1);
        lines.push("…".to_owned());
    }
    lines.join("\n").replace(&client.url(""), SHOWN_ADDRESS)
}

/// The HTTP functions: the route and one of its methods.
fn routes() -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for entry in std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let file = entry.unwrap().path().join("function.json");
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        let function: Value = serde_json::from_str(&text).unwrap();
        let bindings = function["bindings"].as_array().unwrap();
        for trigger in bindings
            .iter()
            .filter(|binding| binding["type"] == "httpTrigger")
        {
            for method in trigger["methods"].as_array().unwrap() {
                let route = trigger["route"].as_str().unwrap();
                routes.push((
                    method.as_str().unwrap().to_uppercase(),
                    format!("/api/{route}"),
                ));
            }
        }
    }
    routes
}

/// Whether a path is one of a route.
fn is_of(path: &str, route: &str) -> bool {
    let mut path = path.split('/');
    let all = route.split('/').all(|segment| match path.next() {
        Some(value) => segment.starts_with('{') || segment == value,
        None => segment.ends_with("?}"),
    });
    all && path.next().is_none()
}

#[test]
fn the_document_shows_every_method_of_every_route() {
    let shown: Vec<(String, String)> = parts(&document())
        .into_iter()
        .filter_map(|part| match part {
            Part::Command(shown) => Some(Request::of_curl(&shown.command)),
            Part::Table(..) => None,
        })
        .map(|request| {
            let target = request.url.strip_prefix(SHOWN_ADDRESS).unwrap();
            let path = target.split('?').next().unwrap().to_owned();
            (request.method.to_string(), path)
        })
        .collect();
    let routes = routes();
    assert!(routes.len() > 5, "{routes:?}");
    for (method, route) in routes {
        let is_shown = |(by, path): &(String, String)| *by == method && is_of(path, &route);
        assert!(shown.iter().any(is_shown), "{method} {route}");
    }
}

fn document() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn each_command_of_the_document_gives_the_output_that_is_shown() {
    let gates: Vec<Gate> = (0..20).map(|_| Gate::closed()).collect();
    let (table, mut asked) = table(&gates).await;
    let host = AppFolder::product(&table.connection_string()).start().await;
    let client = host.client();
    let mut ids = Ids::default();
    let mut differences = Vec::new();
    for part in parts(&document()) {
        match part {
            Part::Table(number, false) => {
                let enough = asked.wait_for(|asked| *asked >= number);
                let in_time = tokio::time::timeout(TIME_LIMIT, enough).await;
                in_time.expect("the table is asked").unwrap();
            }
            Part::Table(number, true) => gates[number - 1].open(),
            Part::Command(Shown { command, output }) => {
                let command: Vec<_> = command.iter().map(|word| ids.in_request(word)).collect();
                let request = Request::of_curl(&command);
                let expected = output.join("\n");
                let mut expected = without_times(expected.trim_end());
                let mut printed_last = String::new();
                // To ask again what starts a job would start another one.
                let asks = request.method == Method::GET && !request.url.contains("/submit");
                let same = async {
                    loop {
                        let answer = request.send(client, SHOWN_ADDRESS).await;
                        let printed = printed(&answer, &request, &output, client);
                        ids.learn(&expected, &printed);
                        printed_last = without_times(ids.in_answer(&printed).trim_end());
                        if request.url.ends_with("/health") {
                            printed_last = without_numbers(&printed_last);
                            expected = without_numbers(&expected);
                        }
                        let runs = answer.status == 202 || answer.body.contains("Running");
                        if printed_last == expected || !asks || !runs {
                            break;
                        }
                        tokio::time::sleep(POLL_INTERVAL).await;
                    }
                };
                let _ = tokio::time::timeout(TIME_LIMIT, same).await;
                if printed_last != expected {
                    differences.push(format!("$ {command:?}\n{printed_last}"));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "docs/api.md shows something else for:\n\n{}",
        differences.join("\n\n")
    );
}
