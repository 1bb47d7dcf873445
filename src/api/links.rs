//! The addresses that only this app has. Those of every app, and how they come about, are in `job-api`.

use job_api::links::Links;

use crate::sessions::SessionId;

/// The addresses of sessions.
pub(crate) trait SessionLinks {
    /// The address of a session.
    fn session(&self, id: &SessionId) -> String;

    /// The address of the status of a session's newest job.
    fn latest_job(&self, id: &SessionId) -> String;
}

impl SessionLinks for Links {
    fn session(&self, id: &SessionId) -> String {
        self.of(&["sessions", id.as_str()])
    }

    fn latest_job(&self, id: &SessionId) -> String {
        self.of(&["sessions", id.as_str(), "latest"])
    }
}
