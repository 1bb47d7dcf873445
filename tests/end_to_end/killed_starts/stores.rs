//! The stores that outlive a process, and what stands in them.

use function_app::{
    sessions::{SessionId, SessionJob, Sessions},
    settings::Settings,
};

use super::super::support::{azurite::Azurite, redis::Redis};

/// A store of sessions, which every host of a test uses.
pub(super) enum Store {
    Table(Azurite),
    Redis(Redis),
}

impl Store {
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Table(azurite) => azurite.port(),
            Self::Redis(redis) => redis.port(),
        }
    }

    /// The settings of an app that reaches the store at this port.
    pub(super) fn settings(&self, port: u16) -> Vec<(&'static str, String)> {
        match self {
            Self::Redis(redis) => {
                let own = format!(":{}", redis.port());
                let url = redis.url().replace(&own, &format!(":{port}"));
                vec![
                    ("SessionStore", "redis".to_owned()),
                    ("RedisConnection", url),
                ]
            }
            Self::Table(azurite) => {
                let connection = azurite.connection_string();
                let own = format!(":{}/", azurite.port());
                vec![
                    ("SessionStore", "table".to_owned()),
                    (
                        "SessionStorage",
                        connection.replace(&own, &format!(":{port}/")),
                    ),
                ]
            }
        }
    }

    /// The sessions, past every proxy.
    pub(super) fn sessions(&self) -> Sessions {
        let values = self.settings(self.port());
        let settings = Settings::read(|name| match name {
            "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
            _ => {
                let (_, value) = values.iter().find(|(known, _)| *known == name)?;
                Some(value.clone())
            }
        });
        Sessions::open(&settings.unwrap()).unwrap().unwrap()
    }
}

/// The jobs of a session, newest first.
pub(super) async fn jobs_of(sessions: &Sessions, session: &str) -> Vec<SessionJob> {
    let key = SessionId::parse(session).unwrap().key();
    let page = sessions.store().page(&key, None, 1000).await.unwrap();
    let Some(page) = page else { return Vec::new() };
    assert!(!page.has_more);
    page.jobs
}
