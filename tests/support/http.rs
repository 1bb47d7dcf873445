//! A client of the function app. It searches every answer for secrets.

use std::time::Duration;

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

use super::{app_folder::RETRY_AFTER, azurite::ACCOUNT_KEY, host::TIME_LIMIT};

/// How long a client waits between two polls, and how often it polls: two minutes, far longer than any job takes.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const POLLS: u32 = 600;

/// The content type of every answer; the host adds the character set.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// What gives access to the host or to the storage account.
const SECRETS: [&str; 4] = ["rpcBaseUrl", "/runtime/webhooks", "code=", ACCOUNT_KEY];

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The header's value; empty without such a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Panics if a key or an address of the host is anywhere in the answer.
    pub(crate) fn search_for_secrets(&self) {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {value}")
        });
        let mut texts: Vec<String> = headers.chain([self.body.clone()]).collect();
        if let Ok(json) = serde_json::from_str(&self.body) {
            collect_texts(&json, &mut texts);
        }
        for text in texts {
            for secret in SECRETS {
                assert!(!text.contains(secret), "{secret} in {self:?}");
            }
        }
    }
}

/// All names and strings with escapes resolved, and the contents of strings that hold JSON themselves.
pub(crate) fn collect_texts(json: &Value, texts: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                texts.push(name.clone());
                collect_texts(value, texts);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::String(text) => {
            texts.push(text.clone());
            if let Ok(inner) = serde_json::from_str(text) {
                collect_texts(&inner, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A client of one host.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        // reqwest has no TLS provider of its own here and refuses to be built without one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIME_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { base, http }
    }

    /// An absolute address on the host.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.base)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, None, "").await
    }

    pub(crate) async fn post(&self, target: &str, json: &str) -> Answer {
        let json_type = Some("application/json");
        self.send(Method::POST, target, json_type, json).await
    }

    /// The same where the connection may fail: `None` when it broke before there was an answer.
    pub(crate) async fn try_post(&self, target: &str, json: &str) -> Option<Answer> {
        let json_type = Some("application/json");
        let answer = self
            .try_request(Method::POST, &self.url(target), json_type, json)
            .await
            .ok()?;
        answer.search_for_secrets();
        Some(answer)
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        target: &str,
        content_type: Option<&str>,
        body: &str,
    ) -> Answer {
        self.request(method, &self.url(target), content_type, body)
            .await
    }

    /// Submits a job and returns its id and the address of its status.
    pub(crate) async fn submit(&self, start: &str, end: &str) -> (String, String) {
        let body = format!(r#"{{"start":"{start}","end":"{end}"}}"#);
        self.accepted(&self.post("/api/submit", &body).await)
    }

    /// The id of a job and the address of its status, from the answer to its submission.
    pub(crate) fn accepted(&self, answer: &Answer) -> (String, String) {
        assert_eq!(answer.status, 202, "{answer:?}");
        let body = answer.json();
        let id = body["id"].as_str().unwrap().to_owned();
        let location = self.url(&format!("/api/status/{id}"));
        let expected = format!(r#"{{"id":"{id}","statusUri":"{location}"}}"#);
        assert_eq!(answer.body, expected);
        assert_eq!(answer.header("Content-Type"), JSON);
        assert_eq!(answer.header("Location"), location);
        assert_eq!(answer.header("Retry-After"), RETRY_AFTER);
        (id, location)
    }

    /// Asks for the status of a job, once.
    pub(crate) async fn status(&self, location: &str) -> Answer {
        self.request(Method::GET, location, None, "").await
    }

    /// Sends a request without a body to an absolute address, such as that of a job.
    pub(crate) async fn send_to(&self, method: Method, location: &str) -> Answer {
        self.request(method, location, None, "").await
    }

    /// Asks with these headers besides.
    pub(crate) async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let answer = Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        };
        answer.search_for_secrets();
        answer
    }

    /// Polls until the job has ended: as a client does, again at the same address after each 202.
    pub(crate) async fn poll(&self, location: &str) -> Answer {
        self.poll_until(location, |answer| answer.status != 202)
            .await
    }

    /// Polls until an answer is as wanted.
    pub(crate) async fn poll_until(
        &self,
        location: &str,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let mut last = None;
        for _ in 0..POLLS {
            let answer = self.status(location).await;
            if answer.status == 202 {
                assert_eq!(answer.header("Location"), location);
                // It follows the job, up to the setting.
                let retry_after: u32 = answer.header("Retry-After").parse().unwrap();
                let ceiling: u32 = RETRY_AFTER.parse().unwrap();
                assert!((1..=ceiling).contains(&retry_after), "{answer:?}");
            }
            if wanted(&answer) {
                return answer;
            }
            last = Some(answer);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        panic!("{location} is still not as expected: {last:?}");
    }

    /// Posts JSON without a `Content-Length`.
    pub(crate) async fn post_chunked(&self, target: &str, json: &str) -> Answer {
        let chunks = [Ok::<_, std::io::Error>(json.to_owned())];
        let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
        let request = self.http.post(self.url(target)).body(body);
        let request = request.header("Content-Type", "application/json");
        let answer = Self::send_request(request).await.unwrap();
        answer.search_for_secrets();
        answer
    }

    /// Posts JSON with further headers.
    pub(crate) async fn post_with(
        &self,
        target: &str,
        json: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = self.try_post_with(target, json, headers).await;
        answer.unwrap()
    }

    /// The same where the connection may fail: `None` when it broke before there was an answer.
    pub(crate) async fn try_post_with(
        &self,
        target: &str,
        json: &str,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let request = self.http.post(self.url(target)).body(json.to_owned());
        let request = request.header("Content-Type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = Self::send_request(request).await.ok()?;
        answer.search_for_secrets();
        Some(answer)
    }

    /// Sends these headers, and no content type of its own.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = self.http.request(method, self.url(target));
        let request = request.body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = Self::send_request(request).await.unwrap();
        answer.search_for_secrets();
        answer
    }

    async fn request(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: &str,
    ) -> Answer {
        let answer = self
            .request_unsearched(method, url, content_type, body)
            .await;
        answer.search_for_secrets();
        answer
    }

    /// The only request whose answer is not searched: for tests that need what clients must not see.
    pub(crate) async fn request_unsearched(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: &str,
    ) -> Answer {
        self.try_request(method, url, content_type, body)
            .await
            .unwrap()
    }

    /// The same where the connection may fail.
    pub(crate) async fn try_request(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: &str,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, url).body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        Self::send_request(request).await
    }

    async fn send_request(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await?,
        })
    }
}
