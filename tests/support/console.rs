//! Commands with their outputs, as the documents show them.

use reqwest::Method;

use super::http::{Answer, Client};

/// A command, and the lines of the output that is shown below it.
pub(crate) struct Shown {
    pub(crate) command: Vec<String>,
    pub(crate) output: Vec<String>,
}

/// The commands in a block of console lines.
pub(crate) fn shown<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Shown> {
    let mut all = Vec::<Shown>::new();
    for line in lines {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push(Shown {
                command: words(command),
                output: Vec::new(),
            }),
            (None, Some(last)) => last.output.push(line.to_owned()),
            (None, None) => panic!("an output without a command: {line}"),
        }
    }
    all
}

/// The words of a command line. Of the quotes of a shell it knows the single ones.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for sign in line.chars() {
        match sign {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            sign => {
                assert!(quoted || !"\"\\$&|;<>".contains(sign), "{line}");
                words.last_mut().unwrap().push(sign);
            }
        }
    }
    assert!(!quoted, "{line}");
    words
}

/// What curl sends for a command line.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// Whether curl prints the headers too.
    pub(crate) with_headers: bool,
}

impl Request {
    pub(crate) fn of_curl(command: &[String]) -> Self {
        assert_eq!(command[0], "curl");
        let mut method = None;
        let mut request = Self {
            method: Method::GET,
            url: String::new(),
            headers: Vec::new(),
            body: String::new(),
            with_headers: false,
        };
        let mut arguments = command[1..].iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap();
            match argument.as_str() {
                "-i" => request.with_headers = true,
                "-X" => method = Some(value().parse().unwrap()),
                "-d" => {
                    request.method = Method::POST;
                    request.body.clone_from(value());
                }
                "-H" => {
                    let (name, value) = value().split_once(": ").unwrap();
                    request.headers.push((name.to_owned(), value.to_owned()));
                }
                url => {
                    assert!(url.starts_with("http://"), "unknown to this test: {url}");
                    url.clone_into(&mut request.url);
                }
            }
        }
        request.method = method.unwrap_or(request.method);
        request
    }

    /// Sends it to the host of this client in place of the address that is shown.
    pub(crate) async fn send(&self, client: &Client, shown_address: &str) -> Answer {
        let target = self.url.strip_prefix(shown_address).unwrap();
        let headers = self.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        client
            .send_with(self.method.clone(), target, &headers, &self.body)
            .await
    }
}
