//! Which entity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::instance_id;

/// An entity: the name of its entity function, in lower case, and its key.
///
/// Written `@name@key`, which is also its instance id.
///
/// ```
/// use durable_protocol::EntityId;
///
/// let counter = EntityId::new("Counter", "a");
/// assert_eq!(counter.to_string(), "@counter@a");
/// assert_eq!("@counter@a".parse(), Ok(counter));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Parts")]
pub struct EntityId {
    // In the order in which locks are acquired everywhere: name, then key.
    name: String,
    key: String,
}

impl EntityId {
    /// The entity with this key of the entity function `name`, whose letter case does not count.
    ///
    /// Whether the host can handle them is checked where they are used ([`check`](Self::check)). Name and
    /// key each follow the rule of instance ids ([`instance_id`]). A key may contain `@`, a
    /// name may not. Together they have at most 254 characters.
    pub fn new(name: impl AsRef<str>, key: impl Into<String>) -> Self {
        EntityId {
            name: name.as_ref().to_lowercase(),
            key: key.into(),
        }
    }

    /// The name of the entity function, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Checks what the host would accept and then not find, or not be able to address.
    ///
    /// # Errors
    /// The part of the id that breaks the rule, and what it must be.
    pub fn check(&self) -> Result<(), InvalidEntityId> {
        let invalid = |place, reason| InvalidEntityId {
            id: self.to_string(),
            place,
            reason,
        };
        instance_id::check_part(&self.name).map_err(|reason| invalid("its name", reason))?;
        instance_id::check_part(&self.key).map_err(|reason| invalid("its key", reason))?;
        if self.name.contains('@') {
            Err(invalid("its name", "it must not contain '@'"))
        } else if instance_id::is_too_long(&self.name, &self.key) {
            Err(invalid(
                "its length",
                "name and key must have at most 254 characters together",
            ))
        } else {
            Ok(())
        }
    }
}

/// An entity id that no host can handle; the text says which part and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{id}' is not a valid entity id ({place}): {reason}")]
pub struct InvalidEntityId {
    id: String,
    place: &'static str,
    reason: &'static str,
}

impl AsRef<EntityId> for EntityId {
    fn as_ref(&self) -> &EntityId {
        self
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}@{}", self.name, self.key)
    }
}

/// A text that is not an entity id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entity id has the form @name@key")]
pub struct ParseEntityIdError(());

impl FromStr for EntityId {
    type Err = ParseEntityIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('@')
            .and_then(|rest| rest.split_once('@'))
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, key)| EntityId::new(name, key))
            .ok_or(ParseEntityIdError(()))
    }
}

/// As it is written in JSON, also by other workers.
#[derive(Deserialize)]
struct Parts {
    name: String,
    key: String,
}

impl From<Parts> for EntityId {
    fn from(parts: Parts) -> Self {
        EntityId::new(parts.name, parts.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_the_host_cannot_handle_are_refused() {
        let long = "k".repeat(254);
        for (name, key) in [
            ("", "k"),
            ("a@b", "k"),
            ("n", ""),
            ("n", " "),
            ("n", "a/b"),
            ("n", "a\nb"),
            ("n", ".."),
            ("n", "%2E"),
            (".", "k"),
            (" ", "k"),
            ("n?", "k"),
            ("n", "\u{ffff}"),
            ("n\u{fffe}", "k"),
            ("n", long.as_str()),
        ] {
            assert!(
                EntityId::new(name, key).check().is_err(),
                "{name:?} {key:?}"
            );
        }
        for (name, key) in [("n", "k"), ("n", "a@b"), ("n", "käse 1"), ("n", &long[1..])] {
            assert_eq!(EntityId::new(name, key).check(), Ok(()));
        }
    }

    #[test]
    fn the_text_of_an_id_is_read_back() {
        let id = EntityId::new("n", "a@b");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "n@k", "@n", "@@k"] {
            assert!(text.parse::<EntityId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn json_is_that_of_other_workers_and_the_case_of_a_name_does_not_count() {
        let id: EntityId = serde_json::from_str(r#"{"name":"Counter","key":"K"}"#).unwrap();
        assert_eq!(id, EntityId::new("counter", "K"));
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            r#"{"name":"counter","key":"K"}"#
        );
    }
}
