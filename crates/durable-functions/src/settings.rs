//! The app settings that the crate itself reads, from the environment of the handler.
//!
//! Invariant: a setting that cannot be read changes nothing, and a message names it.

use std::str::FromStr;

use crate::engine::KeptLimits;

/// How many instances are kept between their turns; 0 keeps none.
const KEPT_INSTANCES: &str = "DURABLE_FUNCTIONS_KEPT_INSTANCES";
/// One in how many continued turns is replayed as well and compared; 0 for none, 1 for all.
const VERIFY_EVERY: &str = "DURABLE_FUNCTIONS_VERIFY_EVERY";

/// The limits of this process, and a message for each setting that cannot be read.
pub(crate) fn kept_limits(variable: impl Fn(&str) -> Option<String>) -> (KeptLimits, Vec<String>) {
    let mut limits = KeptLimits::default();
    let mut mistakes = Vec::new();
    let mut read = Reader {
        variable,
        mistakes: &mut mistakes,
    };
    if let Some(instances) = read.number(KEPT_INSTANCES, "1000 (0 keeps none)") {
        limits = limits.instances(instances);
    }
    if let Some(turns) = read.number(VERIFY_EVERY, "1000 (1 verifies every turn, 0 none)") {
        limits = limits.verify_every(turns);
    }
    (limits, mistakes)
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
                "{name} is `{value}`, expected a number such as {example}; the default is used"
            ));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(settings: &[(&str, &str)]) -> (KeptLimits, Vec<String>) {
        kept_limits(|name| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
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
