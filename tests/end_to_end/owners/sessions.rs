//! The sessions of others, and the jobs that their messages start.

use reqwest::Method;

use super::{
    super::{
        leaks::routes::{Ids, Probe, Route},
        support::messages::{Delivery, job_id},
    },
    BY_PRINCIPAL,
    identities::Who,
    product,
    world::{World, compared, get},
};

/// Anna's, with a job.
const STARTED: &str = "session-of-anna-started";
/// Anna's, for which nothing has started yet.
const WAITING: &str = "session-of-anna-waiting";
/// That of a message, which nobody had registered before.
const OPEN: &str = "session-of-nobody-there";
/// As long as the others.
const UNKNOWN: &str = "session-of-nobody-never";

/// The jobs of the messages of [`STARTED`] and [`OPEN`].
const MESSAGES: [(&str, &str); 2] = [("m-1", STARTED), ("m-2", OPEN)];

fn of_sessions() -> Vec<Route> {
    let of_session = |route: &Route| route.template.contains("{sessionId}");
    let found: Vec<_> = product().into_iter().filter(of_session).collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

fn probes(route: &Route, session: &str) -> Vec<Probe> {
    route.probes(&Ids {
        kept: Vec::new(),
        others: Vec::new(),
        sessions: vec![session.to_owned()],
    })
}

async fn start() -> World {
    let world = World::start(&BY_PRINCIPAL, &[]).await;
    for session in [STARTED, WAITING] {
        let register = Probe {
            method: Method::PUT,
            ..get(&format!("sessions/{session}"))
        };
        let answer = world.client.ask(&register, &Who::Anna.headers()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    for (id, session) in MESSAGES {
        Delivery::submission(id, session).to(&world.host).await;
    }
    let taken = "Executed 'Functions.submit-event' (Succeeded";
    world.host.logged(taken, MESSAGES.len()).await;
    world
}

/// Everybody is told what he may know, by the routes of sessions and by those of their jobs.
async fn is_as_it_was(world: &World) {
    for who in Who::ALL {
        let headers = who.headers();
        let sees_annas = [Who::Anna, Who::Admin].contains(&who);
        for (target, if_visible, sees) in [
            (format!("sessions/{STARTED}"), 200, sees_annas),
            (format!("sessions/{STARTED}/latest"), 202, sees_annas),
            (format!("sessions/{WAITING}"), 202, sees_annas),
            (format!("sessions/{WAITING}/latest"), 202, sees_annas),
            (format!("status/{}", job_id("m-1")), 202, sees_annas),
            (format!("sessions/{OPEN}"), 200, true),
            (format!("sessions/{OPEN}/latest"), 202, true),
            (format!("status/{}", job_id("m-2")), 202, true),
        ] {
            let answer = world.client.get(&target, &headers).await;
            let expected = if sees { if_visible } else { 404 };
            assert_eq!(answer.status, expected, "{who:?} {target}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn row_61_a_foreign_session_is_answered_like_one_that_was_never_seen() {
    let world = start().await;
    is_as_it_was(&world).await;
    for route in of_sessions() {
        for who in [Who::Ben, Who::Nobody] {
            let headers = who.headers();
            let [started, waiting, unknown] =
                [STARTED, WAITING, UNKNOWN].map(|session| probes(&route, session));
            for (number, unknown) in unknown.iter().enumerate() {
                let (started, waiting) = (&started[number], &waiting[number]);
                let of_started = world.client.ask(started, &headers).await;
                assert!(of_started.status >= 400, "{started:?}: {of_started:?}");
                let of_started = compared(of_started, STARTED);
                let of_waiting = compared(world.client.ask(waiting, &headers).await, WAITING);
                assert_eq!(of_started, of_waiting, "{who:?} {started:?}");
                match unknown.method {
                    Method::GET => {
                        let expected = world.client.ask(unknown, &headers).await;
                        let expected = compared(expected, UNKNOWN);
                        assert_eq!(of_started, expected, "{who:?} {started:?}");
                    }
                    // It would make the session known.
                    Method::PUT => assert!(of_started.contains("SessionNotFound"), "{of_started}"),
                    _ => panic!("{unknown:?}: say here what others are answered"),
                }
            }
        }
    }
    is_as_it_was(&world).await;
}

#[tokio::test]
async fn row_61_a_session_that_is_known_never_gets_another_owner() {
    let world = start().await;
    let register = Probe {
        method: Method::PUT,
        ..get(&format!("sessions/{OPEN}"))
    };
    let answer = world.client.ask(&register, &Who::Ben.headers()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let register = Probe {
        method: Method::PUT,
        ..get(&format!("sessions/{STARTED}"))
    };
    let answer = world.client.ask(&register, &Who::Admin.headers()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    is_as_it_was(&world).await;
}
