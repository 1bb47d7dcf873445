//! Values of host.json that local-host does not use, and that stop a real host when they are wrong.

use functions_handler::host_json::HostJson as Values;

const STORAGE: &str = "extensions:durableTask:storageProvider";

/// Time spans of the Azure Storage provider.
const TIME_SPANS: &[&str] = &[
    "controlQueueVisibilityTimeout",
    "maxQueuePollingInterval",
    "partitionTableOperationTimeout",
    "workItemQueueVisibilityTimeout",
];

/// The app setting that names the storage account of the task hub; `None` for a task hub that is not in Azure
/// Storage.
pub(super) fn storage_setting(values: &Values) -> Option<String> {
    if !is_azure_storage(values) {
        return None;
    }
    let named = ["connectionName", "connectionStringName"]
        .iter()
        .filter_map(|name| values.get(&format!("{STORAGE}:{name}")))
        .find(|name| !name.is_empty());
    Some(named.unwrap_or("AzureWebJobsStorage").to_owned())
}

/// A warning for each value that a real host refuses.
pub(super) fn warnings(values: &Values, hub_name: Option<&str>) -> Vec<String> {
    if !is_azure_storage(values) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(name) = hub_name.filter(|name| !is_hub_name(name)) {
        found.push(format!(
            "host.json extensions.durableTask.hubName is '{name}': a real host does not start. Expected 3 to 45 letters \
             and digits, the first a letter, for example AuditJobs."
        ));
    }
    for name in TIME_SPANS {
        if let Err(error) = values.time_span(&format!("{STORAGE}:{name}")) {
            found.push(format!(
                "{error}. local-host does not use it; a real host does not start."
            ));
        }
    }
    found
}

fn is_azure_storage(values: &Values) -> bool {
    values
        .get(&format!("{STORAGE}:type"))
        .is_none_or(|kind| kind.is_empty() || kind.eq_ignore_ascii_case("AzureStorage"))
}

fn is_hub_name(name: &str) -> bool {
    (3..=45).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn durable(members: &str) -> Values {
        let text = format!(r#"{{"extensions":{{"durableTask":{{{members}}}}}}}"#);
        Values::parse(Path::new("host.json"), &text).unwrap()
    }

    #[test]
    fn values_that_stop_a_real_host_only_are_warned_about() {
        let warned = |members: &str, name: &str| warnings(&durable(members), Some(name));
        let polling =
            |value: &str| format!(r#""storageProvider":{{"maxQueuePollingInterval":"{value}"}}"#);
        assert_eq!(warned(&polling("00:00:02"), "AuditJobs"), [""; 0]);
        for name in ["1-bad_name!", "ab", "1abc", &"a".repeat(46)] {
            let said = warned("", name);
            assert!(said[0].contains("hubName is '"), "{said:?}");
        }
        let said = warned(&polling("2s"), "AuditJobs");
        assert!(said[0].contains("maxQueuePollingInterval"), "{said:?}");
        assert!(said[0].contains("`2s`, expected a time"), "{said:?}");
        let other = r#""storageProvider":{"type":"mssql"}"#;
        assert_eq!(warned(other, "1-name"), [""; 0]);
    }

    #[test]
    fn the_storage_account_of_the_task_hub_is_the_one_of_the_host_unless_named() {
        let setting = |members: &str| storage_setting(&durable(members));
        assert_eq!(setting("").as_deref(), Some("AzureWebJobsStorage"));
        let named = r#""storageProvider":{"connectionName":"Jobs"}"#;
        assert_eq!(setting(named).as_deref(), Some("Jobs"));
        assert_eq!(setting(r#""storageProvider":{"type":"netherite"}"#), None);
    }
}
