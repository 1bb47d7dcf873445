//! One function.json: what differs from the registration, and the text without the difference.
//!
//! Invariant: whatever the registration does not speak of stays as it is, comments and spelling included. A text
//! that does not differ comes back byte for byte.

use axum::http::Method;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstRootNode};

use super::Kind;
use crate::host_json::parse_options;
use crate::routing::{AuthLevel, HttpTrigger};

/// A function.json in agreement with its registration.
#[derive(Debug)]
pub(crate) struct Mended {
    pub(crate) text: String,
    /// What differed: sentences, each with the text to paste.
    pub(crate) differences: Vec<String>,
}

/// The triggers of the Durable extension, whose return value the host takes itself.
const DURABLE: [&str; 3] = ["orchestrationTrigger", "activityTrigger", "entityTrigger"];

/// The function.json of a function that has none; `None` when its trigger is not known.
pub(crate) fn new(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Other { trigger_type: None } => None,
        _ => Some(mend("{\n  \"bindings\": []\n}\n", kind).ok()?.text),
    }
}

/// # Errors
/// Why the text is no function.json.
pub(crate) fn mend(text: &str, kind: &Kind) -> Result<Mended, String> {
    let (mark, json) = match text.strip_prefix('\u{feff}') {
        Some(json) => ("\u{feff}", json),
        None => ("", text),
    };
    let root = CstRootNode::parse(json, &parse_options()).map_err(|error| error.to_string())?;
    let function = root.object_value().ok_or("it is not a JSON object")?;
    let bindings = property(&function, "bindings")
        .and_then(|bindings| bindings.array_value())
        .ok_or("it has no array `bindings`")?;
    let mut file = File {
        text: json,
        bindings,
        differences: Vec::new(),
    };
    match kind {
        Kind::Http {
            trigger,
            takes_durable_client,
        } => file.http(trigger, *takes_durable_client),
        Kind::Other {
            trigger_type: Some(wanted),
        } => file.other(wanted),
        Kind::Other { trigger_type: None } => {}
    }
    Ok(Mended {
        text: match file.differences.is_empty() {
            true => text.to_owned(),
            false => format!("{mark}{root}"),
        },
        differences: file.differences,
    })
}

struct File<'a> {
    text: &'a str,
    bindings: CstArray,
    differences: Vec<String>,
}

type Properties = Vec<(String, CstInputValue)>;

impl File<'_> {
    fn http(&mut self, wanted: &HttpTrigger, takes_durable_client: bool) {
        let level = wanted.auth_level.unwrap_or(AuthLevel::Function);
        let mut properties = binding("httpTrigger", "in", "req");
        properties.push(("authLevel".to_owned(), level.as_str().into()));
        if let Some(methods) = &wanted.methods {
            properties.push(("methods".to_owned(), names(methods)));
        }
        if let Some(route) = &wanted.route {
            properties.push(("route".to_owned(), route.as_str().into()));
        }
        let Some(trigger) = self.trigger("httpTrigger", properties) else {
            return;
        };
        if let Some(methods) = &wanted.methods {
            let found = property(&trigger, "methods").and_then(|it| it.array_value());
            let found = found.map(|found| {
                let elements = found.elements().into_iter();
                let texts = elements.filter_map(|it| it.as_string_lit()?.decoded_value().ok());
                sorted(texts)
            });
            if found != Some(sorted(methods.iter().map(Method::to_string))) {
                self.set(
                    &trigger,
                    "methods",
                    names(methods),
                    "the function serves these methods",
                );
            }
        }
        if let Some(route) = &wanted.route
            && string(&trigger, "route").as_deref() != Some(route)
        {
            self.set(
                &trigger,
                "route",
                route.as_str().into(),
                "the function is registered there",
            );
        }
        if let Some(level) = wanted.auth_level
            && string(&trigger, "authLevel").is_none_or(|it| !same(&it, level.as_str()))
        {
            self.set(
                &trigger,
                "authLevel",
                level.as_str().into(),
                "the registration says so",
            );
        }
        let has_client = self.objects().any(|it| {
            let kind = string(&it, "type").unwrap_or_default();
            is_input(&it) && (same(&kind, "durableClient") || same(&kind, "orchestrationClient"))
        });
        if takes_durable_client && !has_client {
            self.add(
                binding("durableClient", "in", "client"),
                "the function takes a DurableClient, and without its binding each invocation fails",
            );
        }
        self.http_output();
    }

    /// The output that the handler answers with. The host compares its type and name with case.
    fn http_output(&mut self) {
        let is_http = |it: &CstObject| string(it, "type").is_some_and(|kind| same(&kind, "http"));
        let mut outputs: Vec<_> = self.objects().filter(is_http).collect();
        // Of several, the one that is closest.
        outputs.sort_by_key(|it| string(it, "name").as_deref() != Some("res"));
        let Some(output) = outputs.first() else {
            self.add(
                binding("http", "out", "res"),
                "the handler answers with the output `res`, and without it clients get an empty 204",
            );
            return;
        };
        for (name, value) in [("type", "http"), ("direction", "out"), ("name", "res")] {
            let found = string(output, name).unwrap_or_default();
            if found != value && !(name == "direction" && same(&found, value)) {
                self.set(
                    output,
                    name,
                    value.into(),
                    "the handler answers with this output",
                );
            }
        }
    }

    fn other(&mut self, wanted: &'static str) {
        let name = match wanted {
            "activityTrigger" => "inputTrigger",
            "orchestrationTrigger" | "entityTrigger" => "contextTrigger",
            _ => "trigger",
        };
        let Some(trigger) = self.trigger(wanted, binding(wanted, "in", name)) else {
            return;
        };
        let found = string(&trigger, "name").unwrap_or_default();
        if wanted == "activityTrigger" && !found.to_ascii_lowercase().ends_with("trigger") {
            // An expression such as `{input}` in another binding needs the name.
            if !self.text.contains(&format!("{{{found}}}")) {
                self.set(
                    &trigger,
                    "name",
                    format!("{found}Trigger").into(),
                    "under a name that ends in `Trigger` the host sends the input once less",
                );
            }
        }
        if wanted == "activityTrigger" || !DURABLE.contains(&wanted) {
            return;
        }
        let is_return = |it: &CstObject| string(it, "name").as_deref() == Some("$return");
        if let Some(binding) = self.objects().find(is_return) {
            self.differences.push(
                "remove the binding `$return`: with it the host takes the answer of the function for null"
                    .to_owned(),
            );
            binding.remove();
        }
    }

    /// The trigger, which is of this type and an input from now on.
    fn trigger(&mut self, wanted: &str, properties: Properties) -> Option<CstObject> {
        let kind = |it: &CstObject| string(it, "type").unwrap_or_default();
        let triggers: Vec<_> = self
            .objects()
            .filter(|it| kind(it).to_ascii_lowercase().ends_with("trigger"))
            .collect();
        let right = triggers.iter().find(|it| same(&kind(it), wanted));
        let Some(trigger) = right.or(triggers.first()) else {
            self.differences.push(format!(
                "there is no trigger, and the function needs `{wanted}`: add {}",
                one_line(&CstInputValue::Object(properties.clone()))
            ));
            let added = self.bindings.insert(0, CstInputValue::Object(properties));
            return added.as_object();
        };
        if !same(&kind(trigger), wanted) {
            let why = format!(
                "the trigger is `{}`, and the host finds no function that is registered for `{wanted}`",
                kind(trigger)
            );
            self.set(trigger, "type", wanted.into(), &why);
        }
        if !is_input(trigger) {
            self.set(trigger, "direction", "in".into(), "a trigger is an input");
        }
        Some(trigger.clone())
    }

    fn objects(&self) -> impl Iterator<Item = CstObject> + use<> {
        self.bindings
            .elements()
            .into_iter()
            .filter_map(|it| it.as_object())
    }

    fn add(&mut self, properties: Properties, why: &str) {
        let value = CstInputValue::Object(properties);
        self.differences
            .push(format!("add {}: {why}", one_line(&value)));
        self.bindings.append(value);
    }

    fn set(&mut self, binding: &CstObject, name: &str, value: CstInputValue, why: &str) {
        let kind = string(binding, "type").unwrap_or_default();
        self.differences.push(format!(
            "write {}: {} into the binding `{kind}`: {why}",
            one_line(&name.into()),
            one_line(&value)
        ));
        match property(binding, name) {
            Some(property) => property.set_value(value),
            None => {
                binding.append(name, value);
            }
        }
    }
}

fn binding(kind: &str, direction: &str, name: &str) -> Properties {
    let property = |name: &str, value: &str| (name.to_owned(), value.into());
    vec![
        property("type", kind),
        property("direction", direction),
        property("name", name),
    ]
}

/// A member of an object. The host compares the names of members without case.
fn property(object: &CstObject, name: &str) -> Option<jsonc_parser::cst::CstObjectProp> {
    let mut properties = object.properties().into_iter();
    properties.find(|it| it.decoded_name().is_some_and(|it| same(&it, name)))
}

fn string(object: &CstObject, name: &str) -> Option<String> {
    let value = property(object, name)?.value()?;
    value.as_string_lit()?.decoded_value().ok()
}

/// `in` is the direction of a binding that names none.
fn is_input(binding: &CstObject) -> bool {
    string(binding, "direction").is_none_or(|it| same(&it, "in"))
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn names(methods: &[Method]) -> CstInputValue {
    let names = methods
        .iter()
        .map(|it| it.as_str().to_ascii_lowercase().into());
    CstInputValue::Array(names.collect())
}

fn sorted(methods: impl Iterator<Item = String>) -> Vec<String> {
    let mut methods: Vec<_> = methods.map(|it| it.to_ascii_lowercase()).collect();
    methods.sort_unstable();
    methods
}

/// For a message, which is one line.
fn one_line(value: &CstInputValue) -> String {
    match value {
        CstInputValue::Array(items) => {
            let items: Vec<_> = items.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        CstInputValue::Object(members) => {
            let members = members.iter();
            let members: Vec<_> = members
                .map(|(name, value)| format!("\"{name}\": {}", one_line(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        CstInputValue::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        CstInputValue::Number(number) => number.clone(),
        CstInputValue::Bool(flag) => flag.to_string(),
        CstInputValue::Null => "null".to_owned(),
    }
}
