//! A client behind the proxy, which searches every answer and follows every address in it.

use std::collections::BTreeSet;

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use url::Url;

use super::{
    super::support::{
        azurite::ACCOUNT_KEY,
        host::{Host, TIME_LIMIT},
        http::{Answer, collect_texts},
        reverse_proxy::{ORIGIN, PREFIX, ReverseProxy},
    },
    REASON,
    routes::{KEY, Probe},
};

/// What no client may see, in lower case.
const HIDDEN: [&str; 18] = [
    "/runtime",
    "/admin/",
    "code=",
    "taskhub=",
    // Its name, from host.json.
    "auditjobs",
    "rpcbaseurl",
    "accountkey",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "azurewebsites.net",
    "198.51.100.7",
    "panicked",
    "internal text",
    "backtrace",
    "   at ",
    "src/",
    "evil.example",
];

/// Headers that hold one address.
const ADDRESSES: [&str; 4] = [
    "location",
    "operation-location",
    "content-location",
    "azure-asyncoperation",
];

pub(super) struct Visitor {
    proxy: ReverseProxy,
    http: reqwest::Client,
    /// Where the routes are, as clients see it.
    base: String,
    /// In lower case.
    hidden: Vec<String>,
    followed: BTreeSet<String>,
    open: Vec<String>,
}

impl Visitor {
    /// `base` is the path of the routes below the proxy's own path.
    pub(super) fn new(host: &Host, proxy: ReverseProxy, base: &str) -> Self {
        let own = [
            format!(":{}", host.port()),
            KEY.to_owned(),
            ACCOUNT_KEY.to_lowercase(),
            REASON.to_owned(),
        ];
        let hidden = HIDDEN.iter().map(|text| (*text).to_owned());
        Self {
            proxy,
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(TIME_LIMIT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: format!("{ORIGIN}{PREFIX}{base}"),
            hidden: hidden.chain(own).collect(),
            followed: BTreeSet::new(),
            open: Vec::new(),
        }
    }

    /// The public address of a target below the routes.
    pub(super) fn url(&self, target: &str) -> String {
        format!("{}/{target}", self.base)
    }

    pub(super) async fn ask(&mut self, probe: &Probe) -> Answer {
        let url = self.url(&probe.target);
        let mut headers = HeaderMap::new();
        headers.insert("x-functions-key", KEY.parse().unwrap());
        headers.insert("origin", "https://portal.example".parse().unwrap());
        // The client's own, which the proxy replaces.
        headers.insert("x-forwarded-host", "evil.example".parse().unwrap());
        headers.insert("forwarded", "host=evil.example".parse().unwrap());
        if let Some(accept) = probe.accept {
            headers.insert("accept", accept.parse().unwrap());
        }
        if probe.body.is_some() {
            headers.insert("content-type", "application/json".parse().unwrap());
        }
        let body = probe.body.unwrap_or_default();
        self.visit(probe.method.clone(), &url, headers, body).await
    }

    pub(super) async fn get(&mut self, url: &str) -> Answer {
        self.visit(Method::GET, url, HeaderMap::new(), "").await
    }

    /// Follows all addresses that were found, and those that are found on the way. Returns how many they are.
    pub(super) async fn follow(&mut self) -> usize {
        while let Some(url) = self.open.pop() {
            if !self.followed.insert(url.clone()) {
                continue;
            }
            let answer = self.get(&url).await;
            // A host answers 404 without a body where it has no route.
            let is_there = answer.status < 500 && !(answer.status == 404 && answer.body.is_empty());
            assert!(is_there, "{url} leads nowhere: {answer:?}");
        }
        assert_eq!(self.proxy.refused(), [""; 0], "outside of the proxy");
        self.followed.len()
    }

    async fn visit(&mut self, method: Method, url: &str, headers: HeaderMap, body: &str) -> Answer {
        let path = url.strip_prefix(ORIGIN).unwrap();
        let address = format!("http://{}{path}", self.proxy.address());
        let request = self.http.request(method.clone(), address).headers(headers);
        let host = ORIGIN.trim_start_matches("https://");
        let request = request.header("Host", host).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        };
        self.search(&format!("{method} {url}"), &answer);
        self.note_addresses(url, &answer);
        answer
    }

    fn search(&self, request: &str, answer: &Answer) {
        answer.search_for_secrets();
        for text in texts(answer) {
            let text = text.to_lowercase();
            // The state of the task hub is what the health is about.
            let health = ["/health", "/openapi.json"];
            let is_health = health.iter().any(|route| request.contains(route));
            assert!(
                is_health || !text.contains("taskhub"),
                "{request}: {answer:?}"
            );
            for hidden in &self.hidden {
                assert!(
                    !text.contains(hidden),
                    "{hidden} after {request}: {answer:?}"
                );
            }
        }
    }

    /// Every address must be below the proxy's own.
    fn note_addresses(&mut self, of: &str, answer: &Answer) {
        let of = Url::parse(of).unwrap();
        for address in addresses(answer) {
            let url = of.join(&address).unwrap();
            let is_inside = url
                .as_str()
                .strip_prefix(ORIGIN)
                .and_then(|path| path.strip_prefix(PREFIX))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            assert!(is_inside, "{address} in the answer to {of}: {answer:?}");
            self.open.push(url.into());
        }
    }
}

/// Headers, body, and all names and strings of a body that is JSON or consists of events with JSON.
fn texts(answer: &Answer) -> Vec<String> {
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {value}")
    });
    let mut texts: Vec<_> = headers.chain([answer.body.clone()]).collect();
    for json in documents(answer) {
        collect_texts(&json, &mut texts);
    }
    texts
}

fn documents(answer: &Answer) -> Vec<Value> {
    let lines = answer.body.lines();
    let events = lines.filter_map(|line| line.strip_prefix("data:"));
    [answer.body.as_str()]
        .into_iter()
        .chain(events)
        .filter_map(|text| serde_json::from_str(text.trim()).ok())
        .collect()
}

fn addresses(answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    for name in ADDRESSES {
        found.extend(Some(answer.header(name).to_owned()).filter(|address| !address.is_empty()));
    }
    if let Some((_, address)) = answer.header("refresh").split_once("url=") {
        found.push(address.to_owned());
    }
    let of_link = answer.header("link").split(',').filter_map(|link| {
        let (_, rest) = link.split_once('<')?;
        Some(rest.split_once('>')?.0.to_owned())
    });
    found.extend(of_link);
    for document in documents(answer) {
        if document.get("openapi").is_some() {
            found.extend(of_openapi(&document));
        } else {
            of_json(&document, &mut found);
        }
    }
    if answer.header("content-type").starts_with("text/html") {
        found.extend(of_html(&answer.body));
    } else if answer.header("content-type").starts_with("text/plain") {
        let words = answer.body.split_whitespace();
        found.extend(words.filter(|word| word.contains("://")).map(str::to_owned));
    }
    found
}

/// The strings that are an address: an absolute one, or a path.
fn of_json(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => members.values().for_each(|value| of_json(value, found)),
        Value::Array(values) => values.iter().for_each(|value| of_json(value, found)),
        Value::String(text) if text.contains("://") || text.starts_with('/') => {
            found.push(text.clone());
        }
        _ => {}
    }
}

/// The routes without a parameter, below each server.
fn of_openapi(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let plain = paths.filter(|(path, item)| !path.contains('{') && item.get("get").is_some());
    let plain: Vec<_> = plain.map(|(path, _)| path).collect();
    assert!(!plain.is_empty());
    let servers = document["servers"].as_array().unwrap().iter();
    let servers = servers.map(|server| server["url"].as_str().unwrap().trim_end_matches('/'));
    servers
        .flat_map(|server| plain.iter().map(move |path| format!("{server}{path}")))
        .collect()
}

/// The values of the attributes that hold an address.
fn of_html(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in [" href=\"", " src=\"", " action=\"", " content=\"0;url="] {
        let values = page.split(attribute).skip(1);
        let values = values.filter_map(|rest| Some(rest.split_once('"')?.0.replace("&amp;", "&")));
        found.extend(values.filter(|value| !value.starts_with('#') && !value.starts_with("data:")));
    }
    found
}
