//! Where messages are: while they are under way, and when all are done.

use std::collections::BTreeMap;

use durable_functions::{Query, Status};
use function_app::{
    functions::process_submission::{JobInput, PROCESS_SUBMISSION},
    sessions::{SessionId, Sessions},
};

use super::{messages::Messages, stores::jobs_of};
use crate::support::{host::Host, task_hub::TaskHub};

/// The jobs of a task hub: id and input.
async fn jobs(hub: &TaskHub) -> BTreeMap<String, JobInput> {
    let all = hub.client().query(Query::new().with_inputs_and_outputs());
    let job = |status: Status| {
        assert!(status.name.eq_ignore_ascii_case(PROCESS_SUBMISSION.name()));
        let input = status.input_as::<JobInput>().unwrap().unwrap();
        (status.instance_id, input)
    };
    all.all().await.unwrap().into_iter().map(job).collect()
}

/// How far messages are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) not_mapped: usize,
    pub(super) mapped_and_not_started: usize,
    pub(super) started: usize,
}

impl Progress {
    /// Looks while messages are held, and panics when a job runs that its session does not know.
    pub(super) async fn of(messages: &Messages, sessions: &Sessions, hub: &TaskHub) -> Self {
        // In this order: should something not be held, the session gets a job before the job starts.
        let jobs = jobs(hub).await;
        let mut mapped = Vec::new();
        for session in messages.sessions() {
            let of_session = jobs_of(sessions, session).await;
            mapped.extend(of_session.into_iter().map(|job| job.id));
        }
        let sent = messages.sent().len();
        for id in jobs.keys() {
            assert!(mapped.contains(id), "no session knows the job {id}");
        }
        Self {
            not_mapped: sent - mapped.len(),
            mapped_and_not_started: mapped.len() - jobs.len(),
            started: jobs.len(),
        }
    }
}

/// Every message has one job with its input, and its session lists exactly the jobs of its messages, the newest first.
pub(super) async fn every_message_has_its_job(
    messages: &Messages,
    sessions: &Sessions,
    host: &Host,
    hub: &TaskHub,
) {
    let mut jobs = jobs(hub).await;
    // In the order in which the messages were sent.
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in messages.sent() {
        let of_message = |input: &JobInput| input.range.start().to_string() == message.day;
        let of_message = jobs.iter().filter(|(_, input)| of_message(input));
        let of_message: Vec<_> = of_message.map(|(id, _)| id.clone()).collect();
        let [id] = &of_message[..] else {
            panic!("{message:?} has the jobs {of_message:?}\n{}", host.log());
        };
        let input = jobs.remove(id).unwrap();
        assert_eq!(input.range.end().to_string(), message.day);
        let key = SessionId::parse(&message.session).unwrap().key();
        assert_eq!(input.session, Some(key), "{message:?}");
        expected
            .entry(message.session)
            .or_default()
            .push(id.clone());
    }
    assert!(jobs.is_empty(), "jobs without a message: {jobs:?}");
    for session in messages.sessions() {
        let expected = expected.remove(session).unwrap_or_default();
        let listed = jobs_of(sessions, session).await;
        assert!(listed.is_sorted(), "{listed:?}");
        if !listed.is_empty() {
            let ids: Vec<_> = listed.iter().map(|job| job.id.clone()).collect();
            assert_eq!(shown(host, session).await, ids);
        }
        // Messages of a storage queue that were sent in the same second are in the order of the ids of their jobs.
        let mut oldest_first = listed.clone();
        let place = |id: &str| expected.iter().position(|it| it == id);
        oldest_first.sort_by_key(|job| (job.created, place(&job.id)));
        let listed: Vec<_> = oldest_first.into_iter().map(|job| job.id).collect();
        assert_eq!(listed, expected, "{session}\n{}", host.log());
    }
}

/// The ids of the jobs that clients are shown, page by page.
async fn shown(host: &Host, session: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let target = format!("/api/sessions/{session}?maxpagesize=7");
    let mut next = Some(host.client().url(&target));
    while let Some(url) = next {
        let answer = host.client().get_with(&url, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        let jobs = page["value"].as_array().unwrap();
        ids.extend(
            jobs.iter()
                .map(|job| job["id"].as_str().unwrap().to_owned()),
        );
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    ids
}
