//! The flattened configuration: keys such as `extensions:http:routePrefix`, compared without case.

use crate::dotnet_time::parse_span;
use crate::json::{Json, parse_document};
use crate::settings::Environment;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::time::Duration;

/// In front of every variable that overrides a value.
const PREFIX: &str = "azurefunctionsjobhost";

/// The flattened file.
#[derive(Default)]
pub(super) struct Values(BTreeMap<String, (String, String)>);

impl Values {
    pub(super) fn flatten(&mut self, key: &str, json: &Json) {
        let child = |name: &str| {
            if key.is_empty() {
                name.to_owned()
            } else {
                format!("{key}:{name}")
            }
        };
        match json {
            Json::Object(object) => {
                for (name, value) in object.iter() {
                    self.flatten(&child(name), value);
                }
            }
            Json::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.flatten(&child(&index.to_string()), value);
                }
            }
            scalar => {
                self.set(key, scalar.to_text_as_written());
            }
        }
    }

    pub(super) fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_lowercase(), (key.to_owned(), value));
    }

    pub(super) fn override_from(&mut self, environment: &Environment) {
        for (name, value) in environment.iter() {
            let name = name.replace("__", ":");
            if let Some((prefix, key)) = name.split_once(':')
                && prefix.eq_ignore_ascii_case(PREFIX)
            {
                self.set(key, value.to_owned());
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(&key.to_lowercase())
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn non_empty(&self, key: &str) -> Option<String> {
        self.get(key)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    }

    /// The last part of the name and the value of everything directly below `key`, array items in
    /// order of their index.
    pub(super) fn children(&self, key: &str) -> Vec<(String, String)> {
        let prefix = format!("{}:", key.to_lowercase());
        let mut found: Vec<_> = self
            .0
            .range(prefix.clone()..)
            .take_while(|(lower, _)| lower.starts_with(&prefix))
            .filter_map(|(_, (name, value))| {
                let rest = name.get(prefix.len()..)?;
                (!rest.contains(':')).then(|| (rest.to_owned(), value.clone()))
            })
            .collect();
        found.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
        found
    }

    pub(super) fn has(&self, key: &str) -> bool {
        let prefix = format!("{}:", key.to_lowercase());
        self.0.keys().any(|lower| lower.starts_with(&prefix))
    }

    /// A list; a JSON array as one string replaces it as a whole.
    pub(super) fn list(&self, key: &str) -> anyhow::Result<Vec<String>> {
        if let Some(text) = self.get(key)
            && text.trim_start().starts_with('[')
        {
            let parsed = parse_document(text).with_context(|| format!("host.json {key}"))?;
            return Ok(parsed
                .as_array()
                .unwrap_or_default()
                .iter()
                .map(Json::to_text_as_written)
                .collect());
        }
        Ok(self
            .children(key)
            .into_iter()
            .map(|(_, value)| value)
            .collect())
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> anyhow::Result<bool> {
        match self.get(key) {
            None | Some("") => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => bail!("host.json {key}: expected true or false, got '{text}'."),
        }
    }

    pub(super) fn time_span(&self, key: &str) -> anyhow::Result<Option<Duration>> {
        self.get(key)
            .map(|text| {
                parse_span(text).with_context(|| {
                    format!("host.json {key}: expected a time span HH:MM:SS, got '{text}'.")
                })
            })
            .transpose()
    }
}
