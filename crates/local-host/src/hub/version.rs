//! The version check of extension 3.x under its default, `CurrentOrOlder`.

use std::cmp::Ordering;

/// Whether a host of version `host` runs an instance of version `instance`. Empty is the lowest.
pub(super) fn accepts(host: Option<&str>, instance: Option<&str>) -> bool {
    let (host, instance) = (host.unwrap_or_default(), instance.unwrap_or_default());
    compare(instance, host) != Ordering::Greater
}

fn compare(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    match (numbers(a), numbers(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

/// The two to four numbers of a .NET `System.Version`; a missing one is lower than 0.
fn numbers(text: &str) -> Option<[i64; 4]> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    if !(2..=4).contains(&parts.len()) {
        return None;
    }
    let mut version = [-1; 4];
    for (slot, part) in version.iter_mut().zip(parts) {
        *slot = i64::from(part.trim().parse::<u32>().ok()?);
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn older_and_equal_versions_run_and_newer_ones_do_not() {
        assert!(accepts(None, None));
        assert!(accepts(None, Some("")));
        assert!(accepts(Some("1.0"), None));
        assert!(accepts(Some("1.10"), Some("1.9")));
        assert!(accepts(Some("Beta"), Some("beta")));
        assert!(!accepts(None, Some("1.0")));
        assert!(!accepts(Some("1.9"), Some("1.10")));
        assert!(!accepts(Some("1.0"), Some("1.0.0")));
    }
}
