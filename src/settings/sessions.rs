//! Where the sessions of web applications are kept.

use super::reader::Reader;

/// The settings of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// `SessionStore`: the store. `None`: sessions are off.
    pub store: Option<StoreKind>,
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The memory of the process, for local use.
    Memory,
}

impl SessionSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Self {
        let store = reader.optional("SessionStore", "memory", |text| match text {
            text if text.eq_ignore_ascii_case("memory") => Ok(StoreKind::Memory),
            _ => Err("expected memory"),
        });
        // What is in memory is lost by a restart, and an app in Azure has several processes. So it is no default there.
        let local = store.is_none() && reader.is("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
        Self {
            store: store.or(local.then_some(StoreKind::Memory)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    use super::*;

    #[test]
    fn sessions_are_in_memory_by_default_in_local_development_only() {
        let store = |values: &[_]| Settings::for_test(values).sessions.store;
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
        assert!(text.contains("SessionStore: expected memory"), "{text}");
    }
}
