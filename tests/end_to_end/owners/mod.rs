//! Who finds which job: identities, by every route and method of the function folders, for jobs of each owner.
//!
//! The rule: what belongs to somebody else is answered like what never was, byte for byte. What belongs to nobody is
//! there for everybody who knows its id.

mod identities;
mod sessions;
mod world;

use std::path::Path;

use reqwest::Method;

use self::{
    identities::{Headers, PERSONAL, PRINCIPAL, Who, malformed},
    world::{Job, RANGE, UNKNOWN, World, compared, get},
};
use super::leaks::routes::{self, Ids, Probe, Route};

const BY_PRINCIPAL: [(&str, &str); 2] = [
    ("OwnerHeader", PRINCIPAL),
    ("AdminClaim", "roles=Jobs.Admin"),
];

/// Those who own jobs here.
const OWNERS: [Who; 3] = [Who::Anna, Who::Ben, Who::Nobody];

/// The routes that answer everybody alike.
const OPEN: [&str; 2] = ["get-health", "get-openapi"];

fn product() -> Vec<Route> {
    routes::of_folder(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The routes of one job.
fn of_jobs() -> Vec<Route> {
    let of_job = |route: &Route| route.template.contains("{id}");
    let found: Vec<_> = product().into_iter().filter(of_job).collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

/// Everything that is asked of a job.
fn probes(route: &Route, id: &str) -> Vec<Probe> {
    route.probes(&Ids {
        kept: Vec::new(),
        others: vec![id.to_owned()],
        sessions: Vec::new(),
    })
}

fn may_see(who: Who, job: &Job) -> bool {
    job.owner == Who::Nobody || who == job.owner || who == Who::Admin
}

#[tokio::test]
async fn row_61_a5_3_a_foreign_job_is_answered_like_one_that_never_was_whatever_is_asked() {
    let world = World::start(&BY_PRINCIPAL, &OWNERS).await;
    let mut compared_answers = 0;
    for route in of_jobs() {
        for who in Who::ALL {
            let headers = who.headers();
            let foreign = world.jobs.iter().filter(|job| !may_see(who, job));
            let foreign: Vec<_> = foreign.collect();
            let asked: Vec<_> = foreign.iter().map(|job| probes(&route, &job.id)).collect();
            for (number, unknown) in probes(&route, UNKNOWN).iter().enumerate() {
                if foreign.is_empty() {
                    continue;
                }
                let expected = world.client.ask(unknown, &headers).await;
                assert!(expected.status >= 400, "{unknown:?}: {expected:?}");
                let expected = compared(expected, UNKNOWN);
                for (job, probes) in foreign.iter().zip(&asked) {
                    let answer = world.client.ask(&probes[number], &headers).await;
                    let answer = compared(answer, &job.id);
                    assert_eq!(answer, expected, "{who:?} {:?} {job:?}", probes[number]);
                    compared_answers += 1;
                }
            }
        }
    }
    assert!(compared_answers > 1_000, "{compared_answers}");

    // None of that has changed a job, and those who may see one see it by every route.
    for job in &world.jobs {
        for who in Who::ALL.into_iter().filter(|who| may_see(*who, job)) {
            let headers = who.headers();
            let answer = world
                .client
                .get(&format!("status/{}", job.id), &headers)
                .await;
            assert_eq!(answer.status, job.status, "{who:?} {job:?}: {answer:?}");
            for route in of_jobs() {
                let probe = get(&route.template.replace("{id}", &job.id));
                let answer = world.client.ask(&probe, &headers).await;
                let is_there = match job.status {
                    410 => answer.status == 410,
                    _ => [200, 202].contains(&answer.status),
                };
                assert!(is_there, "{who:?} {probe:?} {job:?}: {answer:?}");
                if job.status != 202 {
                    let of_owner = world.client.ask(&probe, &job.owner.headers()).await;
                    assert_eq!(compared(answer, ""), compared(of_owner, ""), "{who:?}");
                }
            }
        }
    }
}

/// What only somebody can know who has seen the job.
#[tokio::test]
async fn row_61_a_tag_or_a_wait_tells_nobody_that_a_foreign_job_is_there() {
    let world = World::start(&BY_PRINCIPAL, &[Who::Anna]).await;
    for job in &world.jobs {
        let target = format!("status/{}", job.id);
        let of_owner = world.client.get(&target, &Who::Anna.headers()).await;
        let tag = of_owner.header("etag").to_owned();
        let event = tag.trim_matches('"').to_owned();
        for (more, header, value) in [
            ("", "If-None-Match", tag.as_str()),
            ("", "If-None-Match", "*"),
            ("/events", "Last-Event-ID", &event),
            ("", "Prefer", "wait=100"),
            ("?wait=100&until=change", "Accept", "*/*"),
            ("/events?wait=100", "Accept", "*/*"),
        ] {
            let answers = async |id: &str| {
                let mut headers: Vec<_> = Who::Ben.headers();
                headers.push((header, value.to_owned()));
                let probe = get(&format!("status/{id}{more}"));
                compared(world.client.ask(&probe, &headers).await, id)
            };
            let expected = answers(UNKNOWN).await;
            assert!(expected.contains("status: 404"), "{expected}");
            assert_eq!(answers(&job.id).await, expected, "{job:?} {more} {header}");
        }
    }
}

#[tokio::test]
async fn row_61_an_identity_that_cannot_be_read_is_refused_by_every_route_that_is_not_open() {
    let world = World::start(&BY_PRINCIPAL, &[Who::Anna, Who::Nobody]).await;
    let ids = Ids {
        kept: Vec::new(),
        others: world.jobs.iter().map(|job| job.id.clone()).collect(),
        sessions: vec!["session".to_owned()],
    };
    for headers in malformed() {
        for route in product() {
            for probe in route.probes(&ids) {
                let answer = world.client.ask(&probe, &headers).await;
                if OPEN.contains(&route.function.as_str()) {
                    assert_eq!(answer.status, 200, "{probe:?}: {answer:?}");
                    continue;
                }
                assert_eq!(answer.status, 401, "{probe:?} {headers:?}: {answer:?}");
                assert_eq!(answer.header("x-ms-error-code"), "InvalidIdentity");
                assert_eq!(answer.header("cache-control"), "no-store");
                let text = "The identity of the caller cannot be read.";
                assert!(answer.body.contains(text), "{probe:?}: {answer:?}");
                let echo = headers.iter().any(|(_, value)| {
                    !value.is_empty() && format!("{answer:?}").contains(value.as_str())
                });
                assert!(!echo, "{answer:?}");
            }
        }
    }
    // Nothing was cancelled or registered.
    assert_eq!(world.client.get("sessions/session", &[]).await.status, 404);
    for job in &world.jobs {
        let target = format!("status/{}", job.id);
        let answer = world.client.get(&target, &job.owner.headers()).await;
        assert_eq!(answer.status, job.status, "{answer:?}");
    }
}

#[tokio::test]
async fn row_61_a_job_is_cancelled_by_its_owner_and_by_admins_and_nobodys_job_by_everybody() {
    let world = World::start(&BY_PRINCIPAL, &[]).await;
    for (owner, who) in [
        (Who::Anna, Who::Anna),
        (Who::Anna, Who::Admin),
        (Who::Nobody, Who::Nobody),
        (Who::Nobody, Who::Ben),
    ] {
        for method in [Method::DELETE, Method::POST] {
            let id = world.client.submit(&owner.headers()).await;
            let target = match method {
                Method::POST => format!("operations/{id}:cancel"),
                _ => format!("status/{id}"),
            };
            let probe = Probe {
                method: method.clone(),
                ..get(&target)
            };
            if owner == Who::Anna {
                for stranger in [Who::Ben, Who::Nobody] {
                    let answer = world.client.ask(&probe, &stranger.headers()).await;
                    assert_eq!(answer.status, 404, "{stranger:?}: {answer:?}");
                }
            }
            let answer = world.client.ask(&probe, &who.headers()).await;
            assert_eq!(answer.status, 200, "{who:?} {probe:?}: {answer:?}");
        }
    }
}

/// Sends a submission of this range, and returns what it is answered with.
async fn submit(world: &World, who: Who, key: (&'static str, &str), body: &'static str) -> String {
    let mut headers = who.headers();
    headers.push((key.0, key.1.to_owned()));
    let probe = Probe {
        method: Method::POST,
        body: Some(body),
        ..get("submit")
    };
    let answer = world.client.ask(&probe, &headers).await;
    match answer.status {
        202 => answer.json()["id"].as_str().unwrap().to_owned(),
        _ => compared(answer, ""),
    }
}

#[tokio::test]
async fn row_61_each_owner_has_idempotency_keys_of_his_own() {
    let world = World::start(&BY_PRINCIPAL, &[]).await;
    let key = ("Idempotency-Key", "order-4711");
    let mut ids = Vec::new();
    for who in Who::ALL {
        let id = submit(&world, who, key, RANGE).await;
        assert_eq!(submit(&world, who, key, RANGE).await, id, "{who:?}");
        let target = format!("status/{id}");
        assert_ne!(world.client.get(&target, &who.headers()).await.status, 404);
        ids.push(id);
    }
    // What a key without an owner has given before there were owners.
    assert_eq!(ids[0], "8b7cecbe7565912c395b5c3dec9fdeb2");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), Who::ALL.len());
}

#[tokio::test]
async fn row_61_an_operation_id_of_somebody_else_is_in_use_and_nothing_more() {
    let world = World::start(&BY_PRINCIPAL, &[]).await;
    const OTHER: &str = r#"{"start":"2021-06-01","end":"2021-06-02"}"#;
    for owner in OWNERS {
        let id = format!("operation-of-{owner:?}");
        let key = ("Operation-Id", id.as_str());
        assert_eq!(submit(&world, owner, key, RANGE).await, id);
        assert_eq!(submit(&world, owner, key, RANGE).await, id);
        let in_use = submit(&world, owner, key, OTHER).await;
        assert!(in_use.contains("OperationIdReused"), "{in_use}");
        for who in Who::ALL.into_iter().filter(|who| *who != owner) {
            for range in [RANGE, OTHER] {
                assert_eq!(submit(&world, who, key, range).await, in_use, "{who:?}");
            }
        }
    }
}

#[tokio::test]
async fn row_61_without_the_setting_a_forged_identity_changes_no_byte() {
    // These say who they are, and nobody listens.
    let world = World::start(&[], &[Who::Anna, Who::Nobody]).await;
    let ids = Ids {
        kept: world.jobs.iter().map(|job| job.id.clone()).collect(),
        others: vec![UNKNOWN.to_owned()],
        sessions: vec!["session".to_owned()],
    };
    let mut identities: Vec<Headers> = Who::ALL.iter().map(|who| who.headers()).collect();
    identities.extend(malformed());
    for route in product() {
        for probe in route.probes(&ids) {
            // It counts requests.
            if route.function == "get-health" {
                continue;
            }
            let expected = compared(world.client.ask(&probe, &[]).await, "");
            for headers in &identities {
                let forged = compared(world.client.ask(&probe, headers).await, "");
                if forged != expected {
                    // A page says for how many seconds a job has been running, which may just have changed.
                    let again = compared(world.client.ask(&probe, &[]).await, "");
                    assert_eq!(forged, again, "{probe:?} {headers:?}");
                }
            }
        }
    }
    for job in &world.jobs {
        let target = format!("status/{}", job.id);
        for headers in &identities {
            let answer = world.client.get(&target, headers).await;
            assert_eq!(answer.status, job.status, "{headers:?}: {answer:?}");
        }
    }
    let key = ("Idempotency-Key", "order-4711");
    for who in Who::ALL {
        let id = submit(&world, who, key, RANGE).await;
        assert_eq!(id, "8b7cecbe7565912c395b5c3dec9fdeb2", "{who:?}");
    }
}

#[tokio::test]
async fn row_61_a_header_of_api_management_is_the_identity_and_no_other_is_believed() {
    let world = World::start(&[("OwnerHeader", "X-Owner")], &[]).await;
    let of = |name: &str| vec![("x-owner", name.to_owned())];
    let anna = of("anna.lindqvist");
    let target = format!("status/{}", world.client.submit(&anna).await);
    assert_ne!(world.client.get(&target, &anna).await.status, 404);
    let mut others = vec![of("Anna.Lindqvist"), of("benjamin.okafor"), Vec::new()];
    // The header that this app does not believe.
    others.extend(Who::ALL.iter().map(|who| who.headers()));
    for headers in others {
        let answer = world.client.get(&target, &headers).await;
        assert_eq!(answer.status, 404, "{headers:?}: {answer:?}");
    }
    let twice = [of("anna.lindqvist"), of("anna.lindqvist")].concat();
    for headers in [of(""), of("anna.lindqvist, x"), of("a b"), twice] {
        let answer = world.client.get(&target, &headers).await;
        assert_eq!(answer.status, 401, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn row_61_no_identity_gets_into_the_task_hub_or_into_the_log() {
    let mut world = World::start(&BY_PRINCIPAL, &[Who::Anna, Who::Admin]).await;
    for headers in malformed() {
        let answer = world
            .client
            .get(&format!("status/{UNKNOWN}"), &headers)
            .await;
        assert_eq!(answer.status, 401);
    }
    let mut hidden: Vec<_> = PERSONAL.iter().map(|text| (*text).to_owned()).collect();
    hidden.extend(malformed().into_iter().flatten().map(|(_, value)| value));
    hidden.retain(|text| !text.is_empty());
    let log = world.host.log();
    assert!(log.contains("its OwnerHeader is malformed"), "{log}");
    world.host.kill().await;
    let mut files = vec![("the log".to_owned(), log.into_bytes())];
    for entry in std::fs::read_dir(world.state.path()).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.display().to_string(), std::fs::read(path).unwrap()));
    }
    let hub: usize = files.iter().skip(1).map(|(_, bytes)| bytes.len()).sum();
    assert!(hub > 10_000, "{hub} bytes of state");
    for (file, bytes) in &files {
        for text in &hidden {
            let found = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            assert!(!found, "{text} in {file}");
        }
    }
}
