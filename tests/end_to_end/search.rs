//! The search for secrets finds a secret in an answer.

use reqwest::header::HeaderMap;
use serde_json::json;

use super::support::http::Answer;

#[test]
#[should_panic(expected = "code=")]
fn the_search_for_secrets_looks_into_nested_texts() {
    let inner = json!({ "url": "https://host/api?code=key" }).to_string();
    let body = json!({ "list": [{ "text": inner }] }).to_string();
    let escaped = body.replace("code=", r"code\\u003d");
    assert!(!escaped.contains("code="));
    let answer = Answer {
        status: 200,
        headers: HeaderMap::new(),
        body: escaped,
    };
    answer.search_for_secrets();
}
