//! Versions of instances, compared as the Durable extension compares them.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// The version that an instance was started with; empty if it was started with none.
///
/// Versions compare as in the Durable extension, with each other and with texts:
///
/// - An empty version is the lowest.
/// - Two versions of two to four numbers compare by their numbers: `1.9` is lower than `1.10`. A number that is not
///   there is lower than 0: `1.2` is lower than `1.2.0`.
/// - All others compare as texts, without regard to letter case. So does `2`, which is a single number.
///
/// ```
/// use durable_functions::Version;
///
/// let version = Version::new("1.10");
/// assert!(version >= "1.9" && version < "2.0");
/// assert!(Version::default() < "1.0");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Version(Option<String>);

impl Version {
    /// The version of this text.
    pub fn new(version: impl Into<String>) -> Self {
        Version(Some(version.into()))
    }

    /// The version as it was given; `None` if none was. Some hosts then give an empty text.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether the instance was started without a version.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    pub(crate) fn of(version: Option<&str>) -> Self {
        Version(version.map(str::to_owned))
    }

    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Compares two versions, as the extension does.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    match (numbers(one), numbers(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => upper(one).cmp(upper(other)),
    }
}

/// The two to four numbers of a version, as .NET's `System.Version` reads them. -1 for one that is not there.
fn numbers(version: &str) -> Option<[i32; 4]> {
    let mut numbers = [-1; 4];
    let mut places = numbers.iter_mut();
    for part in version.split('.') {
        *places.next()? = part.trim().parse().ok().filter(|number| *number >= 0)?;
    }
    // At least two.
    (places.len() <= 2).then_some(numbers)
}

/// What a text is compared by without regard to letter case, as .NET does: letter by letter, in upper case, by
/// UTF-16 units.
fn upper(text: &str) -> impl Iterator<Item = u16> {
    text.chars().flat_map(|letter| {
        let mut upper = letter.to_uppercase();
        let letter = match (upper.next(), upper.next()) {
            (Some(upper), None) => upper,
            // `ß` becomes `SS` only when a whole text is turned into upper case.
            _ => letter,
        };
        let mut units = [0; 2];
        let length = letter.encode_utf16(&mut units).len();
        units.into_iter().take(length)
    })
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.text(), other.text())
    }
}

macro_rules! compares_with {
    ($($text:ty),*) => {
        $(
            impl PartialEq<$text> for Version {
                fn eq(&self, other: &$text) -> bool {
                    compare(self.text(), other).is_eq()
                }
            }

            impl PartialOrd<$text> for Version {
                fn partial_cmp(&self, other: &$text) -> Option<Ordering> {
                    Some(compare(self.text(), other))
                }
            }
        )*
    };
}

compares_with!(str, &str, String);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A text, or null.
impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_the_extension_compares_them() {
        for (one, order, other) in [
            ("", Ordering::Equal, ""),
            ("", Ordering::Less, "0.0"),
            ("", Ordering::Less, "alpha"),
            ("1.9", Ordering::Less, "1.10"),
            ("1.2", Ordering::Less, "1.2.0"),
            ("1.2.0", Ordering::Equal, "1.02.0"),
            ("1.2.3.4", Ordering::Greater, "1.2.3"),
            (" 1. +2", Ordering::Equal, "1.2"),
            // Texts: one number, five numbers, a negative one, one that is too large.
            ("10", Ordering::Less, "9"),
            ("1.2.3.4.10", Ordering::Less, "1.2.3.4.9"),
            ("1.-1", Ordering::Less, "1.0"),
            ("1.10000000000", Ordering::Less, "1.9"),
            ("1.0-rc1", Ordering::Greater, "1.0"),
            ("Beta", Ordering::Greater, "alpha"),
            ("Beta", Ordering::Equal, "bETA"),
            ("straße", Ordering::Equal, "STRAßE"),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
            assert_eq!(compare(other, one), order.reverse(), "{other} {one}");
        }
    }

    #[test]
    fn a_version_compares_with_any_text() {
        let (version, higher) = (Version::new("1.10"), "2.0".to_owned());
        assert!(version >= "1.9" && version < higher && version <= *"1.10");
        assert!(version == "1.10" && version != Version::default());
        assert_eq!(version.to_string(), "1.10");
        let versions = serde_json::to_string(&[version, Version::default()]);
        assert_eq!(versions.unwrap(), r#"["1.10",null]"#);
    }
}
