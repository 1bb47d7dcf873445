//! An app for the tests of this crate: jobs that read a table day by day.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    ApiRequest, DefaultView, Details, ErrorOf, ErrorsOf, Job, JobApi, JobError, Progress, Route,
    settings::{HttpSettings, Reader, StatusSettings},
    views::View,
};

#[derive(Debug)]
struct TestApi {
    http: HttpSettings,
    status: StatusSettings,
    default_view: DefaultView,
}

impl JobApi for TestApi {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn status(&self) -> &StatusSettings {
        &self.status
    }

    fn route(&self, function: &str) -> Option<Route> {
        let errors = match function.to_ascii_lowercase().as_str() {
            "get-status" => ErrorsOf::Status,
            "get-operation" => ErrorsOf::Operation,
            _ => ErrorsOf::Other,
        };
        Some(Route::new("status/{id}").with_errors(errors))
    }

    fn default_view(&self) -> DefaultView {
        self.default_view
    }

    fn error_of(&self) -> ErrorOf {
        |output| {
            let is_table = output.is_some_and(|text| text.starts_with("TableNotFound: "));
            let (code, message) = match is_table {
                true => ("TableNotFound", "The table does not exist."),
                false => ("Internal", "The job failed with an internal error."),
            };
            JobError {
                code,
                message: message.to_owned(),
            }
        }
    }

    fn details(&self, job: &Job) -> Details {
        let custom = job.custom_status.as_deref();
        let custom = custom.and_then(|text| serde_json::from_str(text).ok());
        Details {
            progress: custom.as_ref().and_then(progress),
            ..Details::default()
        }
    }
}

fn progress(custom: &Value) -> Option<Progress> {
    let number = |name: &str| custom.get(name)?.as_u64();
    let eta = custom.get("eta")?.as_str();
    Some(Progress {
        stage: match custom.get("stage")?.as_str()? {
            "querying" => "Reading the table".to_owned(),
            _ => "Done".to_owned(),
        },
        done: number("completed")?.try_into().ok()?,
        total: number("total")?.try_into().ok()?,
        percent: number("percent")?.try_into().ok()?,
        unit: "days",
        done_name: "Days scanned",
        numbers: vec![("Rows read", number("rows")?)],
        eta: eta.map(|text| OffsetDateTime::parse(text, &Rfc3339).unwrap().into()),
    })
}

/// The request of a function with `own_segments`, under these settings. `View` is the default view.
pub(crate) fn request(
    method: Method,
    url: &str,
    own_segments: usize,
    headers: &[(&'static str, &'static str)],
    settings: &[(&str, &str)],
) -> ApiRequest {
    let value = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let default = match value("View").as_deref() {
        None => DefaultView {
            view: View::Job,
            page_for_browsers: true,
        },
        Some(view) => DefaultView {
            view: match view {
                "text" => View::Text,
                "minimal" => View::Minimal,
                "id-status-result" => View::IdStatusResult,
                _ => panic!("no view {view}"),
            },
            page_for_browsers: value("PageForBrowsers").is_some(),
        },
    };
    let mut reader = Reader::new(value);
    let api = TestApi {
        http: HttpSettings::read(&mut reader).unwrap(),
        status: StatusSettings::read(&mut reader, "5").unwrap(),
        default_view: default,
    };
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, target) = rest.split_once('/').unwrap();
    let origin = format!("{scheme}://{host}");
    let headers = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    });
    let headers: HeaderMap = headers.collect();
    let url = (origin.as_str(), &*format!("/{target}"));
    ApiRequest::new(Arc::new(api), method, headers, url, own_segments)
}

/// The same request, of this function.
pub(crate) fn of_function(request: ApiRequest, function: &str) -> ApiRequest {
    let route = request.api().route(function).unwrap();
    request.of_route(route)
}
