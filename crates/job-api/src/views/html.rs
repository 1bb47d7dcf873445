//! The page for people: a job, or an error, as one HTML document without a script.
//!
//! Invariant: every text that is not written here goes through `Escaped`, and the style sheet is the only thing that
//! the content security policy lets a browser use. So a text that slips through still runs nothing and loads nothing.
//!
//! The page of a running job asks for itself again with the header `Refresh`. The link that switches this off is there
//! for readers who need more time than the interval gives them.
//!
//! There is no button to cancel a job: a form cannot send DELETE, and a POST would need a token against requests from
//! other sites, which an app without sessions has nowhere to keep.

use std::{
    fmt::{self, Display, Formatter, Write},
    time::{Duration, SystemTime},
};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::RuntimeStatus;
use serde_json::Value;
use time::{OffsetDateTime, macros::format_description};

use super::job::rfc3339;
use crate::{ApiRequest, Details, ErrorOf, Job, JobError, Progress};

/// The style sheet, which is in every page: a file of its own would be one more route to protect.
const STYLE: &str = include_str!("html/page.css");

/// What a browser may do with the page. The hash is that of [`STYLE`]; a test compares them.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-lQStqT/zy2bk0eR15yfpG8ep8A5Mq0GUH4FWbTNPvTo='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// What a reader needs at least, in seconds.
const SHORTEST_REFRESH: u64 = 3;

/// The parameter of the query string that switches the refresh: `refresh=off`.
const REFRESH_PARAMETER: &str = "refresh";

/// The page of a job. A running job's page asks for itself again after `retry_after`, if that is not too soon for a
/// reader, unless the query string has `refresh=off`. The caller adds the status code and the headers that are not the page's own.
#[must_use]
pub fn job(request: &ApiRequest, job: &Job, retry_after: Duration) -> Response {
    let off = request
        .parameter(REFRESH_PARAMETER)
        .is_some_and(|value| value.eq_ignore_ascii_case("off"));
    let api = request.api();
    let page = JobPage {
        job,
        details: api.details(job),
        error_of: api.error_of(),
        address: &request.links().status(&job.id),
        refresh: Refresh {
            every: retry_after.as_secs().max(SHORTEST_REFRESH),
            off,
            switch: switch(request.query(), off),
        },
        now: SystemTime::now(),
    };
    let every = (!job.status.is_terminal() && !off).then_some(page.refresh.every);
    response(StatusCode::OK, every, page.to_string())
}

/// The page of an error. `refresh` in seconds: for an error that will pass, such as 503, so that the page of a running
/// job comes back by itself.
#[must_use]
pub fn error(status: StatusCode, code: &str, message: &str, refresh: Option<u64>) -> Response {
    let page = ErrorPage {
        status,
        code,
        message,
        refresh,
    };
    response(status, refresh, page.to_string())
}

/// The page of something that has not started, which the message names. It refreshes itself after so many seconds.
#[must_use]
pub fn not_started(message: &str, refresh: u64) -> Response {
    let page = ErrorPage {
        status: StatusCode::ACCEPTED,
        code: "",
        message,
        refresh: Some(refresh),
    };
    response(StatusCode::ACCEPTED, Some(refresh), page.to_string())
}

fn response(status: StatusCode, refresh: Option<u64>, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address may hold a key of the client.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let refresh = refresh.map(|seconds| [(REFRESH, HeaderValue::from(seconds))]);
    match refresh {
        Some(refresh) => (status, headers, refresh, page).into_response(),
        None => (status, headers, page).into_response(),
    }
}

/// The address that switches the refresh off or on again, relative to the page. A relative query replaces the whole
/// query string, so there is none when the client has parameters there that are not ours: one may be its key, without
/// which the host would refuse the request, and which must not be in a body.
fn switch(query: &str, off: bool) -> Option<&'static str> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    let ours = parameters.all(|(name, _)| name.eq_ignore_ascii_case(REFRESH_PARAMETER));
    match (ours, off) {
        (false, _) => None,
        (true, false) => Some("?refresh=off"),
        (true, true) => Some("?refresh=on"),
    }
}

struct Refresh {
    /// In seconds.
    every: u64,
    off: bool,
    switch: Option<&'static str>,
}

/// The state of a job, in words.
struct Words {
    /// The class of the page, which gives it its colour.
    class: &'static str,
    icon: Icon,
    heading: &'static str,
    /// The heading of a running job says it all; below it is the stage.
    sentence: Option<&'static str>,
}

fn words(status: RuntimeStatus) -> Words {
    let (class, icon, heading, sentence) = match status {
        RuntimeStatus::Pending => (
            "waiting",
            Icon::Clock,
            "Waiting to start",
            Some("The job is accepted and will start soon."),
        ),
        RuntimeStatus::Running | RuntimeStatus::ContinuedAsNew => {
            ("running", Icon::Ring, "Running", None)
        }
        RuntimeStatus::Suspended => (
            "suspended",
            Icon::Pause,
            "Suspended",
            Some("The job pauses until an operator resumes it."),
        ),
        RuntimeStatus::Completed => (
            "completed",
            Icon::Tick,
            "Completed",
            Some("The job has its result."),
        ),
        RuntimeStatus::Failed => (
            "failed",
            Icon::Cross,
            "Failed",
            Some("The job ended without a result."),
        ),
        RuntimeStatus::Terminated | RuntimeStatus::Canceled => (
            "canceled",
            Icon::Square,
            "Canceled",
            Some("The job was stopped before it had a result."),
        ),
        _ => (
            "waiting",
            Icon::Clock,
            "Unknown",
            Some("The job is in a state that this app does not know."),
        ),
    };
    Words {
        class,
        icon,
        heading,
        sentence,
    }
}

/// A drawing beside the heading, for the eye only.
#[derive(Clone, Copy)]
enum Icon {
    Clock,
    Ring,
    Pause,
    Tick,
    Cross,
    Square,
    Question,
}

impl Display for Icon {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let (class, path) = match self {
            Self::Clock => ("icon", "M12 3a9 9 0 1 0 .01 0M12 7.5V12l3 2"),
            Self::Ring => ("icon turns", "M12 3a9 9 0 1 1-9 9"),
            Self::Pause => ("icon", "M9 6v12M15 6v12"),
            Self::Tick => ("icon", "M4.5 12.5l5 5 10-11"),
            Self::Cross => ("icon", "M6 6l12 12M18 6L6 18"),
            Self::Square => ("icon", "M6.5 6.5h11v11h-11z"),
            Self::Question => (
                "icon",
                "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.2-1.5 2.3M12 18.5v.01",
            ),
        };
        write!(
            page,
            "<svg class=\"{class}\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>"
        )
    }
}

struct JobPage<'a> {
    job: &'a Job,
    details: Details,
    error_of: ErrorOf,
    /// The address of the job, without a key.
    address: &'a str,
    refresh: Refresh,
    now: SystemTime,
}

impl Display for JobPage<'_> {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, details, .. } = self;
        let words = words(job.status);
        let progress = details.progress.as_ref();
        let runs = !job.status.is_terminal();

        // The title is what a screen reader says, and a tab shows, after each refresh.
        let percent = match progress {
            Some(progress) if runs => format!("{} % · ", progress.percent),
            _ => String::new(),
        };
        let title = format!("{percent}{} · Job {}", words.heading, job.id);
        head(page, &title, words.class)?;
        let stage = match progress {
            Some(progress) if runs => Some(progress.stage.clone()),
            Some(_) => None,
            None => details.stage.clone().or_else(|| self.custom_stage()),
        };
        header(
            page,
            words.icon,
            words.heading,
            [words.sentence, stage.as_deref()],
        )?;
        if runs {
            self.bar(page, progress)?;
        }
        self.outcome(page)?;
        self.facts(page, progress)?;
        self.about(page)?;
        if runs {
            self.refreshing(page)?;
        }
        foot(page)
    }
}

impl JobPage<'_> {
    /// Before anything is done the bar shows only that something goes on.
    fn bar(&self, page: &mut Formatter<'_>, progress: Option<&Progress>) -> fmt::Result {
        let Some(Progress {
            done,
            total,
            percent,
            unit,
            ..
        }) = progress
        else {
            return page.write_str("<progress aria-label=\"Progress\"></progress>\n");
        };
        let value = match done {
            0 => String::new(),
            _ => format!(" max=\"100\" value=\"{percent}\""),
        };
        writeln!(
            page,
            "<div class=\"bar\">\n<p><strong>{percent}<span> %</span></strong> {done} of {total} {}</p>\n\
             <progress{value} aria-label=\"Progress\">{percent} %</progress>\n</div>",
            Escaped(unit)
        )
    }

    /// A custom status that is no progress, as text.
    fn custom_stage(&self) -> Option<String> {
        let text = self.job.custom_status.as_deref()?;
        match serde_json::from_str(text) {
            Ok(Value::Null) => None,
            Ok(Value::String(stage)) => Some(stage),
            _ => Some(text.to_owned()),
        }
        .filter(|text| !text.is_empty())
    }

    fn outcome(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let output = self.job.output.as_deref();
        match self.job.status {
            RuntimeStatus::Completed => {
                page.write_str("<section class=\"outcome\" aria-labelledby=\"outcome\">\n")?;
                page.write_str("<h2 id=\"outcome\">Result</h2>\n")?;
                if let Some(result) = &self.details.result {
                    return writeln!(page, "<p>{}</p>\n</section>", Escaped(result));
                }
                match output.map(serde_json::from_str) {
                    Some(Ok(Value::Number(number))) => writeln!(
                        page,
                        "<p><data value=\"{number}\">{}</data></p>",
                        grouped(&number.to_string())
                    )?,
                    Some(Ok(Value::String(text))) => writeln!(page, "<p>{}</p>", Escaped(&text))?,
                    Some(Ok(value)) => writeln!(
                        page,
                        "<pre tabindex=\"0\">{}</pre>",
                        Escaped(&format!("{value:#}"))
                    )?,
                    Some(Err(_)) => {
                        writeln!(page, "<p>{}</p>", Escaped(output.unwrap_or_default()))?;
                    }
                    None => page.write_str("<p>The job has no result.</p>\n")?,
                }
                page.write_str("</section>\n")
            }
            RuntimeStatus::Failed => {
                let JobError { code, message } = (self.error_of)(output);
                writeln!(
                    page,
                    "<section class=\"outcome\" aria-labelledby=\"outcome\">\n\
                     <h2 id=\"outcome\">Error</h2>\n<p>{}</p>\n<p><code>{}</code></p>\n</section>",
                    Escaped(&message),
                    Escaped(code)
                )
            }
            _ => Ok(()),
        }
    }

    fn facts(&self, page: &mut Formatter<'_>, progress: Option<&Progress>) -> fmt::Result {
        let Self { job, now, .. } = self;
        page.write_str("<dl class=\"facts\">\n")?;
        if let Some(progress) = progress {
            let Progress { done, total, .. } = progress;
            if job.status.is_terminal() {
                fact(page, progress.done_name, format_args!("{done} of {total}"))?;
            }
            for (name, number) in &progress.numbers {
                fact(page, name, grouped(&number.to_string()))?;
            }
        }
        let between = |start: SystemTime, end: SystemTime| {
            in_words(end.duration_since(start).unwrap_or_default())
        };
        if job.status.is_terminal() {
            fact(page, "Duration", between(job.created, job.last_updated))?;
        } else {
            fact(page, "Time so far", between(job.created, *now))?;
            if let Some(eta) = progress.and_then(|progress| progress.eta) {
                fact(page, "Time left, estimated", between(*now, eta))?;
            }
        }
        page.write_str("</dl>\n")
    }

    fn about(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, address, .. } = self;
        page.write_str("<dl class=\"about\">\n")?;
        fact(page, "Submitted", Time(job.created))?;
        fact(page, "Last change", Time(job.last_updated))?;
        fact(
            page,
            "Job id",
            format_args!("<code>{}</code>", Escaped(&job.id)),
        )?;
        // No link: the address has no key, and the host may ask for one.
        fact(
            page,
            "Address",
            format_args!("<code>{}</code>", Escaped(address)),
        )?;
        page.write_str("</dl>\n")
    }

    fn refreshing(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Refresh { every, off, switch } = &self.refresh;
        page.write_str("<footer>\n<p>")?;
        if *off {
            page.write_str("This page does not refresh itself.")?;
        } else {
            write!(page, "This page refreshes itself every {every} seconds.")?;
        }
        if let Some(switch) = switch {
            let text = if *off {
                "Refresh it automatically"
            } else {
                "Stop refreshing"
            };
            write!(page, " <a href=\"{switch}\">{text}</a>")?;
        }
        page.write_str("</p>\n</footer>\n")
    }
}

/// What there is to say where there is no job to show.
struct ErrorPage<'a> {
    status: StatusCode,
    /// Empty for what is no error.
    code: &'a str,
    message: &'a str,
    /// In seconds.
    refresh: Option<u64>,
}

impl Display for ErrorPage<'_> {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            code,
            message,
            refresh,
        } = self;
        let (class, icon, heading, advice) = match *status {
            StatusCode::NOT_FOUND => (
                "canceled",
                Icon::Question,
                "Not found",
                Some("Check that the address is complete."),
            ),
            StatusCode::ACCEPTED => ("waiting", Icon::Clock, "Not started yet", None),
            StatusCode::GONE => ("canceled", Icon::Clock, "Expired", None),
            StatusCode::SERVICE_UNAVAILABLE => ("suspended", Icon::Pause, "Not available", None),
            status if status.is_client_error() => ("failed", Icon::Cross, "Not possible", None),
            _ => ("failed", Icon::Cross, "Something went wrong", None),
        };
        head(page, heading, class)?;
        header(page, icon, heading, [Some(message), advice])?;
        if !code.is_empty() {
            page.write_str("<dl class=\"about\">\n")?;
            fact(
                page,
                "Error code",
                format_args!("<code>{}</code>", Escaped(code)),
            )?;
            page.write_str("</dl>\n")?;
        }
        if let Some(seconds) = refresh {
            writeln!(
                page,
                "<footer>\n<p>This page tries again by itself. Seconds until then: {seconds}.</p>\n</footer>"
            )?;
        }
        foot(page)
    }
}

fn head(page: &mut Formatter<'_>, title: &str, class: &str) -> fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body class=\"{class}\">\n<main>\n",
        Escaped(title)
    )
}

fn foot(page: &mut Formatter<'_>) -> fmt::Result {
    page.write_str("</main>\n</body>\n</html>\n")
}

fn header(
    page: &mut Formatter<'_>,
    icon: Icon,
    heading: &str,
    sentences: [Option<&str>; 2],
) -> fmt::Result {
    writeln!(page, "<header>\n{icon}\n<h1>{heading}</h1>")?;
    for text in sentences.into_iter().flatten() {
        writeln!(page, "<p>{}</p>", Escaped(text))?;
    }
    page.write_str("</header>\n")
}

/// `value` is HTML.
fn fact(page: &mut Formatter<'_>, name: &str, value: impl Display) -> fmt::Result {
    writeln!(
        page,
        "<div><dt>{}</dt><dd>{value}</dd></div>",
        Escaped(name)
    )
}

/// A text in HTML, also between the quotes of an attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, html: &mut Formatter<'_>) -> fmt::Result {
        for sign in self.0.chars() {
            match sign {
                '&' => html.write_str("&amp;")?,
                '<' => html.write_str("&lt;")?,
                '>' => html.write_str("&gt;")?,
                '"' => html.write_str("&quot;")?,
                '\'' => html.write_str("&#39;")?,
                sign => html.write_char(sign)?,
            }
        }
        Ok(())
    }
}

/// A time in UTC, to the second for people.
struct Time(SystemTime);

impl Display for Time {
    fn fmt(&self, html: &mut Formatter<'_>) -> fmt::Result {
        let format = format_description!(
            "[day padding:none] [month repr:long] [year], [hour]:[minute]:[second] UTC"
        );
        // It fails for years beyond 9999 only, which no host sends.
        let text = OffsetDateTime::from(self.0)
            .format(format)
            .unwrap_or_default();
        write!(html, "<time datetime=\"{}\">{text}</time>", rfc3339(self.0))
    }
}

/// A number with its digits in groups of three. Anything but an integer stays as it is.
fn grouped(number: &str) -> String {
    let digits = number.trim_start_matches('-');
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut grouped = String::with_capacity(number.len() * 4 / 3 + 1);
    if digits.len() < number.len() {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The two largest units of a duration.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => "under 1 s".to_owned(),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests;
