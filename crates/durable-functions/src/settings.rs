//! The app settings that the crate itself reads, from the environment of the handler.
//!
//! Invariant: a setting that cannot be read changes nothing, and a message names it.

use std::str::FromStr;

use crate::engine::KeptLimits;

/// How many instances are kept between their turns; 0 keeps none.
const KEPT_INSTANCES: &str = "DURABLE_FUNCTIONS_KEPT_INSTANCES";
/// One in how many continued turns is replayed as well and compared; 0 for none, 1 for all.
const VERIFY_EVERY: &str = "DURABLE_FUNCTIONS_VERIFY_EVERY";

/// What the app settings say about kept instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptSettings {
    instances: Option<usize>,
    verify_every: Option<u64>,
}

impl KeptSettings {
    /// The settings, and a message for each that cannot be read.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> (Self, Vec<String>) {
        let mut mistakes = Vec::new();
        let mut read = Reader {
            variable,
            mistakes: &mut mistakes,
        };
        let settings = KeptSettings {
            instances: read.number(KEPT_INSTANCES, "1000 (0 keeps none)"),
            verify_every: read.number(VERIFY_EVERY, "1000 (1 verifies every turn, 0 none)"),
        };
        (settings, mistakes)
    }

    /// The limits of the code, with what the settings say in place of it: they can be changed without a build.
    pub(crate) fn over(self, mut limits: KeptLimits) -> KeptLimits {
        if let Some(instances) = self.instances {
            limits = limits.instances(instances);
        }
        if let Some(turns) = self.verify_every {
            limits = limits.verify_every(turns);
        }
        limits
    }
}

struct Reader<'a, V> {
    variable: V,
    mistakes: &'a mut Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Reader<'_, V> {
    fn number<N: FromStr>(&mut self, name: &str, example: &str) -> Option<N> {
        let value = (self.variable)(name)?;
        let number = value.trim().parse().ok();
        if number.is_none() {
            self.mistakes.push(format!(
                "{name} is `{value}`, expected a number such as {example}; it is ignored"
            ));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(settings: &[(&str, &str)]) -> (KeptLimits, Vec<String>) {
        let (settings, mistakes) = KeptSettings::read(|name| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        (settings.over(KeptLimits::default()), mistakes)
    }

    #[test]
    fn settings_change_what_is_kept_and_how_often_it_is_verified() {
        let (set, mistakes) = limits(&[(KEPT_INSTANCES, "7"), (VERIFY_EVERY, " 1 ")]);
        assert_eq!((set.instances, set.verify_every), (7, 1));
        assert!(mistakes.is_empty());
        assert_eq!(limits(&[]), (KeptLimits::default(), Vec::new()));
        let (none, _) = limits(&[(KEPT_INSTANCES, "0"), (VERIFY_EVERY, "0")]);
        assert_eq!((none.instances, none.verify_every), (0, 0));
    }

    #[test]
    fn a_setting_counts_more_than_the_limits_of_the_code() {
        let (settings, _) =
            KeptSettings::read(|name| (name == KEPT_INSTANCES).then(|| "7".to_owned()));
        let limits = settings.over(KeptLimits::none().bytes(99).verify_every(5));
        assert_eq!(
            limits,
            KeptLimits::none().instances(7).bytes(99).verify_every(5)
        );
    }

    #[test]
    fn a_setting_that_is_no_number_is_named_and_the_default_stays() {
        for value in ["", "many", "-1", "1.5"] {
            let (set, mistakes) = limits(&[(KEPT_INSTANCES, value), (VERIFY_EVERY, value)]);
            assert_eq!(set, KeptLimits::default());
            assert_eq!(mistakes.len(), 2, "{mistakes:?}");
            for (mistake, name) in mistakes.iter().zip([KEPT_INSTANCES, VERIFY_EVERY]) {
                assert!(
                    mistake.starts_with(&format!("{name} is `{value}`, expected a number")),
                    "{mistake}"
                );
            }
        }
    }
}
