//! Random calls, compared with a model that is simple enough to be right.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use function_app::{
    owners::Owner,
    sessions::{Expiry, Page, Registration, SessionJob, SessionKey, SessionStore},
};
use proptest::{prelude::*, test_runner::TestRunner};

use super::{job, owner, session};

/// One call. Sessions, owners and jobs are numbers below a few.
#[derive(Clone, Debug)]
enum Call {
    Register(usize, Option<u8>, Lifetime),
    Add(usize, u8, u64, Lifetime),
    Extend(usize, u8, Lifetime),
    Page(usize, Option<(u8, u64)>, usize),
    RemoveExpired,
}

/// Expiries that do not come while the test runs, or have come before it.
#[derive(Clone, Copy, Debug)]
enum Lifetime {
    Over,
    Hours(u64),
    Endless,
}

const SESSIONS: usize = 2;

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let lifetime = || {
        prop_oneof![
            3 => Just(Lifetime::Over),
            4 => (1..4_u64).prop_map(Lifetime::Hours),
            1 => Just(Lifetime::Endless),
        ]
    };
    let session = || 0..SESSIONS;
    let call = prop_oneof![
        2 => (session(), proptest::option::of(0..3_u8), lifetime())
            .prop_map(|(session, owner, life)| Call::Register(session, owner, life)),
        6 => (session(), 0..4_u8, 0..3_u64, lifetime())
            .prop_map(|(session, job, millis, life)| Call::Add(session, job, millis, life)),
        2 => (session(), 0..4_u8, lifetime())
            .prop_map(|(session, job, life)| Call::Extend(session, job, life)),
        4 => (session(), proptest::option::of((0..4_u8, 0..3_u64)), 1..5_usize)
            .prop_map(|(session, after, limit)| Call::Page(session, after, limit)),
        1 => Just(Call::RemoveExpired),
    ];
    proptest::collection::vec(call, 1..24)
}

/// The sessions that are known, by their number.
#[derive(Debug, Default)]
struct Model(BTreeMap<usize, Known>);

#[derive(Debug)]
struct Known {
    owner: Option<Owner>,
    expiry: Expiry,
    /// By id.
    jobs: BTreeMap<String, (SessionJob, Expiry)>,
}

impl Model {
    fn forget(&mut self, now: SystemTime) {
        self.0.retain(|_, session| !session.expiry.is_over(now));
        for session in self.0.values_mut() {
            session.jobs.retain(|_, (_, expiry)| !expiry.is_over(now));
        }
    }

    fn register(&mut self, session: usize, owner: Option<Owner>, expiry: Expiry) -> Registration {
        let is_new = !self.0.contains_key(&session);
        let session = self.0.entry(session).or_insert(Known {
            owner,
            expiry,
            jobs: BTreeMap::new(),
        });
        session.expiry = session.expiry.max(expiry);
        Registration {
            owner: session.owner.clone(),
            is_new,
        }
    }

    fn add(&mut self, session: usize, job: SessionJob, expiry: Expiry) -> Registration {
        let told = self.register(session, None, expiry);
        let known = self.0.get_mut(&session).unwrap();
        let (_, kept) = known.jobs.entry(job.id.clone()).or_insert((job, expiry));
        *kept = (*kept).max(expiry);
        told
    }

    fn extend(&mut self, session: usize, job: &str, expiry: Expiry) {
        let Some(known) = self.0.get_mut(&session) else {
            return;
        };
        if let Some((_, kept)) = known.jobs.get_mut(job) {
            *kept = (*kept).max(expiry);
            known.expiry = known.expiry.max(expiry);
        }
    }

    fn page(&self, session: usize, after: Option<&SessionJob>, limit: usize) -> Option<Page> {
        let known = self.0.get(&session)?;
        let mut jobs: Vec<_> = known.jobs.values().map(|(job, _)| job.clone()).collect();
        jobs.sort();
        jobs.retain(|job| after.is_none_or(|after| job > after));
        let has_more = jobs.len() > limit;
        jobs.truncate(limit);
        Some(Page {
            owner: known.owner.clone(),
            jobs,
            has_more,
        })
    }
}

fn id(job: u8) -> String {
    format!("job-{job}")
}

async fn compare(store: &dyn SessionStore, keys: &[SessionKey], calls: &[Call]) {
    let begin = SystemTime::now();
    let expiry = |life: Lifetime| match life {
        Lifetime::Over => Expiry::At(begin - Duration::from_secs(1)),
        Lifetime::Hours(hours) => Expiry::At(begin + Duration::from_secs(3600 * hours)),
        Lifetime::Endless => Expiry::Never,
    };
    let mut model = Model::default();
    for (place, call) in calls.iter().enumerate() {
        model.forget(begin);
        let seen = || format!("call {place} of {calls:#?}");
        match call.clone() {
            Call::Register(session, name, life) => {
                let owner = name.map(|name| owner(&name.to_string()));
                let expected = model.register(session, owner.clone(), expiry(life));
                let told = store.register(&keys[session], owner.as_ref(), expiry(life));
                assert_eq!(told.await.unwrap(), expected, "{}", seen());
            }
            Call::Add(session, number, millis, life) => {
                let job = job(&id(number), millis);
                let expected = model.add(session, job.clone(), expiry(life));
                let told = store.add(&keys[session], &job, expiry(life));
                assert_eq!(told.await.unwrap(), expected, "{}", seen());
            }
            Call::Extend(session, number, life) => {
                model.extend(session, &id(number), expiry(life));
                let extended = store
                    .extend(&keys[session], &id(number), expiry(life))
                    .await;
                extended.unwrap();
            }
            Call::Page(session, after, limit) => {
                let after = after.map(|(number, millis)| job(&id(number), millis));
                let expected = model.page(session, after.as_ref(), limit);
                let page = store.page(&keys[session], after.as_ref(), limit);
                assert_eq!(page.await.unwrap(), expected, "{}", seen());
            }
            Call::RemoveExpired => {
                store.remove_expired(&|| false).await.unwrap();
            }
        }
    }
    model.forget(begin);
    for (session, key) in keys.iter().enumerate() {
        let page = store.page(key, None, 100).await.unwrap();
        assert_eq!(page, model.page(session, None, 100), "{calls:#?}");
    }
}

pub(super) async fn any_calls_give_what_the_model_gives(store: Arc<dyn SessionStore>) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        // A server answers each call of a case in turn: more cases than these take minutes.
        let config = ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        TestRunner::new(config)
            .run(&calls(), |calls| {
                let keys: Vec<_> = (0..SESSIONS).map(|_| session()).collect();
                runtime.block_on(compare(&*store, &keys, &calls));
                Ok(())
            })
            .unwrap();
    });
}
