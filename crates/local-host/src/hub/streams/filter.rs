//! Which functions a worker has.

use std::collections::{BTreeMap, BTreeSet};

use durable_protocol::messages::WorkItemFilters;
use task_hub::Kind;
use task_hub::work::Needed;

/// The functions of a worker. Names do not depend on case.
#[derive(Debug)]
pub(super) enum Filter {
    /// The worker did not say: it gets everything, and fails what it does not have.
    Everything,
    Only {
        orchestrators: Functions,
        activities: Functions,
        entities: Functions,
    },
}

/// Names and their versions; no versions are all of them.
type Functions = BTreeMap<String, BTreeSet<String>>;

impl Filter {
    pub(super) fn new(filters: Option<&WorkItemFilters>) -> Self {
        let Some(filters) = filters else {
            return Self::Everything;
        };
        let orchestrators = filters.orchestrations.iter();
        let activities = filters.activities.iter();
        let entities = filters.entities.iter();
        Self::Only {
            orchestrators: functions(orchestrators.map(|it| (&it.name, it.versions.as_slice()))),
            activities: functions(activities.map(|it| (&it.name, it.versions.as_slice()))),
            entities: functions(entities.map(|it| (&it.name, &[][..]))),
        }
    }

    pub(super) fn accepts(&self, needed: &Needed) -> bool {
        let Self::Only {
            orchestrators,
            activities,
            entities,
        } = self
        else {
            return true;
        };
        let functions = match needed.kind {
            Kind::Turn => orchestrators,
            Kind::Activity => activities,
            Kind::Batch => entities,
        };
        let version = needed.version.as_deref().unwrap_or_default();
        functions
            .get(&needed.name.to_lowercase())
            .is_some_and(|versions| versions.is_empty() || versions.contains(version))
    }
}

fn functions<'a>(filters: impl Iterator<Item = (&'a String, &'a [String])>) -> Functions {
    let mut functions = Functions::new();
    for (name, versions) in filters {
        match functions.entry(name.to_lowercase()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(versions.iter().cloned().collect());
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                // One entry without versions accepts all of them.
                if known.is_empty() || versions.is_empty() {
                    known.clear();
                } else {
                    known.extend(versions.iter().cloned());
                }
            }
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::{ActivityFilter, EntityFilter, OrchestrationFilter};

    use super::*;

    fn needed(kind: Kind, name: &str, version: Option<&str>) -> Needed {
        Needed {
            kind,
            name: name.to_owned(),
            version: version.map(str::to_owned),
        }
    }

    #[test]
    fn a_worker_without_filters_gets_everything() {
        assert!(Filter::new(None).accepts(&needed(Kind::Turn, "any", Some("9"))));
    }

    #[test]
    fn a_worker_with_filters_gets_its_functions_in_its_versions() {
        let orchestration = |name: &str, versions: &[&str]| OrchestrationFilter {
            name: name.to_owned(),
            versions: versions.iter().map(ToString::to_string).collect(),
        };
        let filter = Filter::new(Some(&WorkItemFilters {
            orchestrations: vec![
                orchestration("Any", &[]),
                orchestration("versioned", &["1.0"]),
                orchestration("versioned", &["2.0"]),
                orchestration("plain", &[""]),
            ],
            activities: vec![ActivityFilter {
                name: "act".to_owned(),
                versions: Vec::new(),
            }],
            entities: vec![EntityFilter {
                name: "Counter".to_owned(),
            }],
        }));
        let turn = |name, version| filter.accepts(&needed(Kind::Turn, name, version));
        assert!(turn("any", None) && turn("ANY", Some("7")));
        assert!(turn("versioned", Some("1.0")) && turn("versioned", Some("2.0")));
        assert!(!turn("versioned", None) && !turn("versioned", Some("3.0")));
        assert!(turn("plain", None) && !turn("plain", Some("1.0")));
        assert!(!turn("act", None) && !turn("other", None));
        assert!(filter.accepts(&needed(Kind::Activity, "act", None)));
        assert!(filter.accepts(&needed(Kind::Batch, "counter", None)));
        assert!(!filter.accepts(&needed(Kind::Batch, "act", None)));
    }

    #[test]
    fn a_worker_with_empty_filters_gets_nothing() {
        let filter = Filter::new(Some(&WorkItemFilters::default()));
        assert!(!filter.accepts(&needed(Kind::Turn, "any", None)));
    }
}
