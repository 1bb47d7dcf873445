//! Where the sessions of web applications are kept.

use url::Url;

use super::{
    CONNECTION_EXAMPLE as STORAGE_EXAMPLE,
    reader::{Reader, true_or_false},
};
use crate::{
    sessions::{ManagedIdentity, RedisConnection, RedisSettings},
    tables::{Connection, TableName},
};

const CONNECTION_EXAMPLE: &str =
    "mycache.redis.cache.windows.net:6380,password=<key>,ssl=True,abortConnect=False";

/// The settings of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// `SessionStore`: the store. `None`: sessions are off.
    pub store: Option<StoreKind>,
}

/// The kinds of stores, with the settings of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The memory of the process, for local use.
    Memory,
    /// `RedisConnection`, `RedisEntra`: a Redis server that all processes share.
    Redis(Box<RedisSettings>),
    /// `SessionStorage`, `SessionTable`: a table that all processes share.
    Table(Box<SessionTable>),
}

/// A table of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTable {
    /// `SessionStorage`: where it is.
    pub storage: Connection,
    /// `SessionTable`: its name.
    pub name: TableName,
}

/// The table that is counted in, if its settings are valid.
pub(super) type AuditTable<'a> = (Option<&'a Connection>, Option<&'a TableName>);

/// The values of `SessionStore`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Memory,
    Redis,
    Table,
}

impl Name {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let names = [
            ("memory", Self::Memory),
            ("redis", Self::Redis),
            ("table", Self::Table),
        ];
        let known = names
            .iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name));
        known
            .map(|(_, name)| *name)
            .ok_or("expected memory, redis or table")
    }
}

impl SessionSettings {
    pub(super) fn read(
        reader: &mut Reader<impl Fn(&str) -> Option<String>>,
        audit: AuditTable<'_>,
    ) -> Self {
        let name = reader.optional("SessionStore", "redis", Name::parse);
        let redis = redis(reader, name == Some(Name::Redis));
        let table = table(reader, audit, name == Some(Name::Table));
        // What is in memory is lost by a restart, and an app in Azure has several processes. So it is no default there.
        let local = name.is_none() && reader.is("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
        let store = match name {
            None => local.then_some(StoreKind::Memory),
            Some(Name::Memory) => Some(StoreKind::Memory),
            Some(Name::Redis) => redis.map(|it| StoreKind::Redis(Box::new(it))),
            Some(Name::Table) => table.map(|it| StoreKind::Table(Box::new(it))),
        };
        Self { store }
    }
}

/// A malformed setting is an error also where it is not used.
fn redis(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
    is_used: bool,
) -> Option<RedisSettings> {
    let connection = match is_used {
        true => reader.required(
            "RedisConnection",
            CONNECTION_EXAMPLE,
            RedisConnection::parse,
        ),
        false => reader.optional(
            "RedisConnection",
            CONNECTION_EXAMPLE,
            RedisConnection::parse,
        ),
    };
    let entra = reader.or_default("RedisEntra", "false", true_or_false)?;
    let identity = match entra && is_used {
        true => Some(managed_identity(reader)?),
        false => None,
    };
    Some(RedisSettings {
        connection: connection?,
        identity,
    })
}

/// Without a storage of its own, the table is where the audit table is.
fn table(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
    (audit_storage, audit_table): AuditTable<'_>,
    is_used: bool,
) -> Option<SessionTable> {
    let own = reader.optional("SessionStorage", STORAGE_EXAMPLE, Connection::parse);
    let storage = own.or_else(|| audit_storage.cloned());
    let name = reader.or_default("SessionTable", "sessions", |text| {
        let name = TableName::parse(text)
            .ok_or("expected the name of a table (3 to 63 letters and digits, a letter first)")?;
        // The clean-up would read the audit table, which knows no such rows.
        let is_audit = storage.as_ref() == audit_storage
            && audit_table.is_some_and(|audit| name.is_same_as(audit));
        match is_used && is_audit {
            true => Err("expected another table than AuditTable"),
            false => Ok(name),
        }
    });
    Some(SessionTable {
        storage: storage?,
        name: name?,
    })
}

/// The variables that the platform sets for an app with a managed identity. Without them the identity is not assigned.
fn managed_identity(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
) -> Option<ManagedIdentity> {
    let endpoint = reader.required(
        "IDENTITY_ENDPOINT",
        "http://127.0.0.1:41741/msi/token",
        |text| {
            Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https"))
                .ok_or("expected an http or https URL")
        },
    );
    let header = reader.required("IDENTITY_HEADER", "<set by the platform>", |text| {
        // It becomes the value of a header.
        match text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(text.to_owned()),
            false => Err("expected visible ASCII characters"),
        }
    });
    let client_id = reader.optional(
        "AZURE_CLIENT_ID",
        "00000000-0000-0000-0000-000000000000",
        |text| Ok::<_, &str>(text.to_owned()),
    );
    Some(ManagedIdentity::new(endpoint?, header?, client_id))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    use super::*;

    fn store(values: &[(&str, &str)]) -> Option<StoreKind> {
        Settings::for_test(values).sessions.store
    }

    #[test]
    fn sessions_are_in_memory_by_default_in_local_development_only() {
        assert_eq!(store(&[]), None);
        assert_eq!(
            store(&[("AZURE_FUNCTIONS_ENVIRONMENT", "Production")]),
            None
        );
        let local = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
        assert_eq!(store(&[local]), Some(StoreKind::Memory));
        assert_eq!(
            store(&[("SessionStore", "Memory")]),
            Some(StoreKind::Memory)
        );
        let text = Settings::problem_for_test("SessionStore", "disk");
        assert!(
            text.contains("SessionStore: expected memory, redis or table"),
            "{text}"
        );
    }

    #[test]
    fn redis_needs_a_connection_and_its_errors_show_none() {
        let connection = "rediss://:secret@cache.example:6380";
        let expected = RedisConnection::parse(connection).unwrap();
        let Some(StoreKind::Redis(settings)) =
            store(&[("SessionStore", "redis"), ("RedisConnection", connection)])
        else {
            panic!("another store");
        };
        assert_eq!((settings.connection, settings.identity), (expected, None));
        let text = Settings::problem_for_test("SessionStore", "redis");
        assert!(
            text.contains(
                "RedisConnection: the setting is missing. Example: RedisConnection=mycache"
            ),
            "{text}"
        );
        // Also in an app that does not use it.
        let text = Settings::problem_for_test("RedisConnection", "rediss://:s3c?ret@host");
        assert!(
            text.contains("RedisConnection: ") && !text.contains("s3c"),
            "{text}"
        );
        let text = Settings::problem_for_test("RedisEntra", "yes");
        assert!(
            text.contains("RedisEntra: expected true or false"),
            "{text}"
        );
    }

    #[test]
    fn a_table_is_in_the_storage_of_the_audit_table_or_in_one_of_its_own() {
        let at = |values: &[(&str, &str)]| {
            let all = [&[("SessionStore", "table")], values].concat();
            match store(&all) {
                Some(StoreKind::Table(table)) => *table,
                other => panic!("{other:?}"),
            }
        };
        let audit = Settings::for_test(&[]).storage;
        let table = at(&[]);
        assert_eq!((&table.storage, table.name.as_str()), (&audit, "sessions"));
        let own = "AccountName=myaccount;AccountKey=YWJj";
        let table = at(&[("SessionStorage", own), ("SessionTable", "audit")]);
        assert_eq!(table.storage, Connection::parse(own).unwrap());
        assert_eq!(table.name.as_str(), "audit");

        let error = |values: &[(&str, &str)]| {
            let read = Settings::read(|name| {
                let found = values.iter().find(|(known, _)| *known == name)?;
                Some(found.1.to_owned())
            });
            read.unwrap_err().to_string()
        };
        let text = error(&[
            ("AuditStorage", "UseDevelopmentStorage=true"),
            ("SessionStore", "table"),
            ("SessionTable", "Audit"),
        ]);
        let expected = "SessionTable: expected another table than AuditTable. Example";
        assert!(text.contains(expected), "{text}");
        // Also in an app that does not use it.
        for (name, value) in [
            ("SessionTable", "a-b"),
            ("SessionStorage", "AccountKey=c3;"),
        ] {
            let text = Settings::problem_for_test(name, value);
            assert!(text.contains(&format!("{name}: ")), "{text}");
            assert!(!text.contains("c3"), "{text}");
        }
    }

    #[test]
    fn a_managed_identity_needs_what_the_platform_sets() {
        let values = [
            ("SessionStore", "redis"),
            ("RedisConnection", "rediss://cache.example:6380"),
            ("RedisEntra", "true"),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token"),
            ("IDENTITY_HEADER", "s3cret"),
        ];
        let Some(StoreKind::Redis(settings)) = store(&values) else {
            panic!("another store");
        };
        let text = format!("{:?}", settings.identity.unwrap());
        assert!(!text.contains("s3cret"), "{text}");
        for missing in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"] {
            let error = Settings::read(|name| match name {
                "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
                name if name == missing => None,
                name => {
                    let found = values.iter().find(|(known, _)| *known == name)?;
                    Some(found.1.to_owned())
                }
            });
            let text = error.unwrap_err().to_string();
            assert!(
                text.contains(&format!("{missing}: the setting is missing")),
                "{text}"
            );
        }
    }
}
