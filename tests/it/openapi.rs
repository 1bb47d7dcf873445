//! The OpenAPI document: it agrees with the function.json files, and API Management imports it.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::npm;
use function_app::api::openapi;
use serde_json::{Map, Value};

fn document() -> Value {
    serde_json::from_str(&openapi::document(openapi::DEFAULT_BASE)).unwrap()
}

/// Calls `visit` with every object in the document and the path to it.
fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(path, members);
            for (name, value) in members {
                walk(value, &format!("{path}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, &format!("{path}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// Each operation with its path and method.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((path, method, operation));
        }
    }
    operations
}

/// The paths in the document for the route of a function and a method.
fn paths(route: &str, method: &str) -> Vec<String> {
    match (route, method) {
        // The one kind. GET without it is refused.
        ("submit/{kind?}", "get") => vec!["/submit/query".to_owned()],
        ("submit/{kind?}", _) => vec!["/submit".to_owned(), "/submit/query".to_owned()],
        // `:cancel` is a part of the parameter for the host, which knows no such suffix.
        ("operations/{id}", "post") => vec!["/operations/{id}:cancel".to_owned()],
        (route, _) => vec![format!("/{route}")],
    }
}

#[test]
fn row_70_the_document_has_every_route_and_method_of_the_function_folders_and_no_other() {
    let mut expected = BTreeSet::new();
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let Ok(text) = fs::read(entry.unwrap().path().join("function.json")) else {
            continue;
        };
        let function: Value = serde_json::from_slice(&text).unwrap();
        let trigger = &function["bindings"][0];
        if trigger["type"] != "httpTrigger" {
            continue;
        }
        let route = trigger["route"].as_str().unwrap();
        for method in trigger["methods"].as_array().unwrap() {
            let method = method.as_str().unwrap();
            expected.extend(
                paths(route, method)
                    .into_iter()
                    .map(|path| (path, method.to_owned())),
            );
        }
    }
    let document = document();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| (path.clone(), method.clone()))
        .collect();
    assert_eq!(described, expected);
}

#[test]
fn row_70_every_operation_has_a_name_for_api_management() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        // API Management makes its own name of it: in lower case, of letters, digits and dashes.
        assert!(
            id.len() <= 76 && id.chars().all(|c| c.is_ascii_alphanumeric()),
            "{id}"
        );
        assert!(names.insert(id.to_ascii_lowercase()), "{id}");
        let summary = operation["summary"].as_str().unwrap();
        assert!((1..=300).contains(&summary.len()), "{method} {path}");
    }
}

#[test]
fn row_70_nothing_is_in_the_document_that_api_management_does_not_import() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for part in document["components"].as_object().unwrap().keys() {
        assert!(
            ["schemas", "securitySchemes"].contains(&part.as_str()),
            "{part}"
        );
    }
    walk(&document, "", &mut |path, members| {
        for name in [
            "allowEmptyValue",
            "allowReserved",
            "callbacks",
            "examples",
            "explode",
            "externalDocs",
            "links",
            "style",
        ] {
            assert!(!members.contains_key(name), "{path}/{name}");
        }
        if let Some(target) = members.get("$ref") {
            let target = target.as_str().unwrap();
            assert!(
                target.starts_with("#/components/schemas/"),
                "{path}: {target}"
            );
            assert!(document.pointer(&target[1..]).is_some(), "{path}: {target}");
        }
        // Bodies are references.
        if let Some(content) = members.get("content") {
            for (media_type, body) in content.as_object().unwrap() {
                if media_type == "text/event-stream" {
                    continue;
                }
                let schema = body["schema"].as_object().unwrap();
                assert!(
                    schema.len() == 1 && schema.contains_key("$ref"),
                    "{path} {media_type}"
                );
            }
        }
    });
    for (path, method, operation) in operations(&document) {
        for name in ["servers", "security"] {
            assert!(operation[name].is_null(), "{method} {path}: {name}");
        }
        assert!(
            method == "post" || operation["requestBody"].is_null(),
            "{method} {path}"
        );
        let mut names = BTreeSet::new();
        let none = Vec::new();
        for parameter in operation["parameters"].as_array().unwrap_or(&none) {
            let name = parameter["name"].as_str().unwrap();
            match parameter["in"].as_str().unwrap() {
                "header" => {}
                "path" | "query" => {
                    assert!(names.insert(name.to_lowercase()), "{method} {path}: {name}");
                }
                other => panic!("{method} {path}: {name} is in {other}"),
            }
        }
    }
}

#[test]
fn row_70_no_schema_contains_itself() {
    fn visit<'a>(schemas: &'a Map<String, Value>, name: &'a str, within: &mut Vec<&'a str>) {
        assert!(!within.contains(&name), "{name} is in {within:?}");
        within.push(name);
        let mut targets = Vec::new();
        walk(&schemas[name], name, &mut |_, members| {
            if let Some(target) = members.get("$ref") {
                targets.push(target.as_str().unwrap().to_owned());
            }
        });
        for target in targets {
            let target = Path::new(&target).file_name().unwrap().to_str().unwrap();
            let (target, _) = schemas.get_key_value(target).unwrap();
            visit(schemas, target, within);
        }
        within.pop();
    }
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        visit(schemas, name, &mut Vec::new());
    }
}

#[test]
fn row_70_the_linter_finds_nothing_in_the_document() {
    let modules = npm::install("tests/redocly");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    fs::write(&file, openapi::document(openapi::DEFAULT_BASE)).unwrap();
    let program = if cfg!(windows) {
        "redocly.cmd"
    } else {
        "redocly"
    };
    let output = Command::new(modules.join(".bin").join(program))
        .args(["lint", "--config", "redocly.yaml", "--format", "stylish"])
        .arg(&file)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redocly"))
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .env("REDOCLY_TELEMETRY", "off")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
}
