//! The requests of the leak test: every route of the function folders, for every job.
//!
//! The folders are read, so that a new route is driven without being named here.

use std::{fs, path::Path};

use reqwest::Method;
use serde_json::Value;

/// A function with an HTTP trigger.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) function: String,
    pub(crate) auth_level: Value,
    pub(crate) methods: Vec<Method>,
    pub(crate) template: String,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) method: Method,
    /// Path and query below the route prefix.
    pub(crate) target: String,
    pub(crate) accept: Option<&'static str>,
    pub(crate) body: Option<&'static str>,
}

/// The ids that are put into a route.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// Of jobs that a request may not change, because a later one still wants them as they are.
    pub(crate) kept: Vec<String>,
    /// Of jobs that may be cancelled, and of no jobs.
    pub(crate) others: Vec<String>,
    /// Of sessions: one without a job, and such that cannot be known.
    pub(crate) sessions: Vec<String>,
}

/// The key that a client of a deployed app sends, here where nobody should.
pub(crate) const KEY: &str = "the-function-key-of-a-client";

const QUERIES: [&str; 10] = [
    "view=minimal",
    "view=text",
    "view=html",
    "view=none",
    "wait=0",
    "wait=x",
    "refresh=off",
    "maxpagesize=1",
    "maxpagesize=x",
    "after=x",
];
const ACCEPTED: [&str; 6] = [
    "text/html",
    "text/plain",
    "application/problem+json",
    "application/json;error=object",
    "text/event-stream",
    "image/png",
];
/// Bodies of a submission: a good one, and such that are refused.
const BODIES: [&str; 5] = [
    r#"{"start":"2021-01-01","end":"2021-01-31"}"#,
    r#"{"start":"2021-01-01","end":"/runtime/webhooks"}"#,
    "{}",
    "https://evil.example/?x",
    "",
];

/// The HTTP functions in the folders of an app.
pub(crate) fn of_folder(folder: &Path) -> Vec<Route> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let Ok(text) = fs::read_to_string(entry.path().join("function.json")) else {
            continue;
        };
        let function: Value = serde_json::from_str(&text).unwrap();
        let mut bindings = function["bindings"].as_array().unwrap().iter();
        let Some(trigger) = bindings.find(|binding| binding["type"] == "httpTrigger") else {
            continue;
        };
        let methods = trigger["methods"].as_array().unwrap().iter();
        let method = |name: &Value| name.as_str().unwrap().to_uppercase().parse().unwrap();
        found.push(Route {
            function: entry.file_name().into_string().unwrap(),
            auth_level: trigger["authLevel"].clone(),
            methods: methods.map(method).collect(),
            template: trigger["route"].as_str().unwrap().to_owned(),
        });
    }
    found
}

impl Route {
    /// Everything that is asked of it.
    pub(crate) fn probes(&self, ids: &Ids) -> Vec<Probe> {
        let mut probes = Vec::new();
        for method in &self.methods {
            for target in self.targets(method, ids) {
                self.add(method, &target, &mut probes);
            }
        }
        probes
    }

    fn targets(&self, method: &Method, ids: &Ids) -> Vec<String> {
        if self.template.contains("{id}") {
            let kept = ids.kept.iter().filter(|_| method == Method::GET);
            let of_id = |id: &String| self.template.replace("{id}", id);
            let plain: Vec<_> = kept.chain(&ids.others).map(of_id).collect();
            let cancel = plain.iter().filter(|_| method == Method::POST);
            let cancel: Vec<_> = cancel.map(|target| format!("{target}:cancel")).collect();
            return [plain, cancel].concat();
        }
        if self.template.contains("{sessionId}") {
            let of_id = |id: &String| self.template.replace("{sessionId}", id);
            return ids.sessions.iter().map(of_id).collect();
        }
        if let Some(path) = self.template.strip_suffix("/{kind?}") {
            let more = ["", "/query?s=2021-01-01&e=2021-01-31", "/query", "/other"];
            return more.iter().map(|more| format!("{path}{more}")).collect();
        }
        assert!(
            !self.template.contains('{'),
            "{}: say here what belongs into its route",
            self.function
        );
        vec![self.template.clone()]
    }

    fn add(&self, method: &Method, target: &str, probes: &mut Vec<Probe>) {
        let probe = |target: String, accept, body| Probe {
            method: method.clone(),
            target,
            accept,
            body,
        };
        let body = (method == Method::POST).then_some(BODIES[0]);
        let separator = if target.contains('?') { '&' } else { '?' };
        probes.push(probe(target.to_owned(), None, body));
        let code = format!("{target}{separator}code={KEY}");
        for accept in ACCEPTED {
            probes.push(probe(target.to_owned(), Some(accept), body));
        }
        probes.push(probe(code.clone(), None, body));
        if method == Method::GET {
            probes.push(probe(code, Some("text/html"), None));
            for query in QUERIES {
                probes.push(probe(format!("{target}{separator}{query}"), None, None));
            }
        } else {
            let bodies = BODIES.iter().skip(1);
            probes.extend(bodies.map(|body| probe(target.to_owned(), None, Some(*body))));
        }
    }
}
