//! The pages of a list: `maxpagesize` and `after`, as the guidelines for Azure's REST APIs have them, and the text in
//! `after`.
//!
//! Invariant: `after` is opaque to clients, but it comes from them. So it is checked as any other parameter, and nothing
//! that a store could take for more than an id gets through.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use job_api::ApiError;

use super::ApiRequest;
use crate::sessions::SessionJob;

/// The parameter that says how many a page has at most.
pub(crate) const MAX_PAGE_SIZE: &str = "maxpagesize";
/// The parameter that says where a page begins.
pub(crate) const AFTER: &str = "after";

/// The size of a page whose client does not say one.
const DEFAULT_SIZE: usize = 20;
const LARGEST_SIZE: usize = 100;

/// The longest instance id of a task hub.
const LONGEST_ID: usize = 100;

/// The end of the year 9999, in milliseconds. A time of another system could not be calculated with.
const LAST_MILLIS: u64 = 253_402_300_799_999;

/// The part of a list that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    /// As the client gave it: it goes into the address of the next page.
    given_size: Option<usize>,
    /// The last job of the page before.
    pub(crate) after: Option<SessionJob>,
}

impl Paging {
    /// # Errors
    /// 400 for a malformed parameter.
    pub(crate) fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let size = |text: String| {
            let size = text.parse().ok().filter(|_| is_number(&text));
            size.filter(|size| (1..=LARGEST_SIZE).contains(size))
                .ok_or_else(|| {
                    ApiError::new(
                        StatusCode::BAD_REQUEST,
                        "InvalidMaxPageSize",
                        "maxpagesize: expected a whole number from 1 to 100",
                    )
                })
        };
        let after = |text: String| {
            read(&text).ok_or_else(|| {
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "InvalidAfter",
                    "after: expected the value in the nextLink of an earlier answer",
                )
            })
        };
        Ok(Self {
            given_size: request.parameter(MAX_PAGE_SIZE).map(size).transpose()?,
            after: request.parameter(AFTER).map(after).transpose()?,
        })
    }

    /// How many a page has at most.
    pub(crate) fn size(&self) -> usize {
        self.given_size.unwrap_or(DEFAULT_SIZE)
    }

    /// The query string of the page that begins after `last`. It has the parameters of the list and no others: one of
    /// those could be the key of the client.
    pub(crate) fn query_after(&self, last: &SessionJob) -> String {
        let after = written(last);
        match self.given_size {
            Some(size) => format!("{MAX_PAGE_SIZE}={size}&{AFTER}={after}"),
            None => format!("{AFTER}={after}"),
        }
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn written(job: &SessionJob) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", job.created_millis(), job.id))
}

fn read(text: &str) -> Option<SessionJob> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (millis, id) = text.split_once(' ')?;
    let millis: u64 = millis.parse().ok().filter(|_| is_number(millis))?;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(allowed);
    if !is_id || millis > LAST_MILLIS {
        return None;
    }
    let created = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    Some(SessionJob::new(id, created))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;
    use proptest::prelude::*;

    fn paging(query: &str) -> Result<Paging, ApiError> {
        let url = format!("http://localhost/api/sessions/s-1{query}");
        Paging::of(&ApiRequest::for_test(Method::GET, &url, 2, &[], &[]))
    }

    fn job(millis: u64, id: &str) -> SessionJob {
        SessionJob::new(id, SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
    }

    #[tokio::test]
    async fn a_page_has_the_size_that_the_client_says_within_limits() {
        assert_eq!(paging("").unwrap().size(), 20);
        assert_eq!(paging("?maxpagesize=1").unwrap().size(), 1);
        assert_eq!(paging("?MaxPageSize=100").unwrap().size(), 100);
        for wrong in [
            "",
            "0",
            "101",
            "-1",
            "+1",
            "1.0",
            "many",
            "99999999999999999999",
        ] {
            let error = paging(&format!("?maxpagesize={wrong}")).unwrap_err();
            let response = ApiRequest::refused(error);
            assert_eq!(response.status(), 400, "{wrong}");
            assert_eq!(response.headers()["x-ms-error-code"], "InvalidMaxPageSize");
        }
    }

    #[tokio::test]
    async fn a_text_that_no_answer_gave_is_no_place_in_a_list() {
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let long = format!("1 {}", "x".repeat(101));
        for wrong in [
            "",
            "abc",
            "%00",
            &encoded("1"),
            &encoded("1 "),
            &encoded(" a"),
            &encoded("-1 a"),
            &encoded("+1 a"),
            &encoded("1.5 a"),
            &encoded("1 a b"),
            &encoded("1 a'b"),
            &encoded("1 ä"),
            &encoded(&long),
            &encoded("253402300800000 a"),
            &encoded("99999999999999999999 a"),
        ] {
            let error = paging(&format!("?after={wrong}")).unwrap_err();
            let response = ApiRequest::refused(error);
            assert_eq!(response.status(), 400, "{wrong}");
            assert_eq!(response.headers()["x-ms-error-code"], "InvalidAfter");
        }
    }

    #[test]
    fn the_next_page_has_the_same_size_and_not_the_key_of_the_client() {
        let first = paging("?code=secret&maxpagesize=7&view=job").unwrap();
        let query = first.query_after(&job(5, "a"));
        let (size, _) = query.split_once('&').unwrap();
        assert_eq!(size, "maxpagesize=7");
        let next = paging(&format!("?{query}")).unwrap();
        assert_eq!((next.size(), next.after), (7, Some(job(5, "a"))));
        assert!(
            !paging("?code=x")
                .unwrap()
                .query_after(&job(5, "a"))
                .contains("maxpagesize")
        );
    }

    proptest! {
        #[test]
        fn a_place_in_a_list_comes_back_as_it_was(millis in 0..=LAST_MILLIS, id in "[0-9a-f]{1,100}") {
            let job = job(millis, &id);
            let text = written(&job);
            prop_assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)));
            prop_assert_eq!(read(&text), Some(job));
        }

        #[test]
        fn no_text_ends_in_a_panic(text in "\\PC{0,60}") {
            read(&text);
        }
    }
}
