//! Who sends a POST: a page of another site must not be able to start jobs by it.
//!
//! A browser sends a cross-site request without asking the app first if an HTML form could send it: without a content
//! type, or with one of three. It adds what it has for the app, such as cookies for a gateway in front of it. For any
//! other content type it asks first, which CORS of the platform answers.
//!
//! GET is not checked: a link on another site is what it is kept for. It can be switched off.

use axum::http::{HeaderMap, HeaderName, header};

use super::range::Refusal;

/// Where a request comes from, by the browser's own knowledge. No script can set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses the content types of HTML forms, and a cross-site request without a content type. A request whose body is
/// read must have JSON.
pub(super) fn check(headers: &HeaderMap, reads_body: bool) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_TYPE) {
        Some(content_type) => {
            let essence = essence(content_type.as_bytes());
            match is_json(&essence) || !(reads_body || is_of_forms(&essence)) {
                true => Ok(()),
                false => Err(Refusal::NotJson),
            }
        }
        None => match headers.get(SEC_FETCH_SITE) {
            Some(site) if site == "cross-site" => Err(Refusal::CrossSite),
            _ => Ok(()),
        },
    }
}

/// A content type in lower case without its parameters.
fn essence(content_type: &[u8]) -> Vec<u8> {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase()
}

/// `application/json` or `application/…+json`.
fn is_json(essence: &[u8]) -> bool {
    essence == b"application/json"
        || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

/// An empty one, too: a browser makes no difference between it and none.
fn is_of_forms(essence: &[u8]) -> bool {
    const OF_FORMS: [&[u8]; 4] = [
        b"application/x-www-form-urlencoded",
        b"multipart/form-data",
        b"text/plain",
        b"",
    ];
    OF_FORMS.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn post(
        content_type: &'static str,
        site: &'static str,
        reads_body: bool,
    ) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::CONTENT_TYPE, content_type), (SEC_FETCH_SITE, site)] {
            if value != "-" {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        check(&headers, reads_body)
    }

    #[test]
    fn what_a_browser_sends_to_another_site_without_asking_is_refused() {
        for reads_body in [false, true] {
            for form in [
                "application/x-www-form-urlencoded",
                "Multipart/Form-Data; boundary=x",
                "text/plain;charset=UTF-8",
                "",
            ] {
                for site in ["cross-site", "-"] {
                    assert_eq!(
                        post(form, site, reads_body),
                        Err(Refusal::NotJson),
                        "{form}"
                    );
                }
            }
            assert_eq!(post("-", "cross-site", reads_body), Err(Refusal::CrossSite));
            // CORS has allowed it, or it is of the same site, or of no browser.
            assert_eq!(post("application/json", "cross-site", reads_body), Ok(()));
            for site in ["same-origin", "same-site", "none", "-"] {
                assert_eq!(post("-", site, reads_body), Ok(()));
            }
        }
        assert_eq!(
            post("application/octet-stream", "cross-site", false),
            Ok(())
        );
        assert_eq!(
            post("application/octet-stream", "-", true),
            Err(Refusal::NotJson)
        );
    }
}
