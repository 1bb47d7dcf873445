//! The documents name files and folders that exist, and the architecture names every module.
//!
//! Links are checked by `.ci/run`; this is for the paths that stand in the text as `code`.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use function_app::{audit::AuditError, settings::Settings};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/api.md",
    "docs/architecture.md",
    "docs/captures.md",
    "docs/dependencies.md",
    "docs/glossary.md",
    "docs/jobs.md",
    "docs/messages.md",
    "docs/performance.md",
    "docs/query.md",
    "docs/security.md",
    "docs/session-stores.md",
    "docs/sessions.md",
    "docs/submit.md",
];

/// Paths that begin with one of these are given from the root of the repository.
const FROM_THE_ROOT: [&str; 6] = ["crates/", "src/", "tests/", "docs/", "examples/", ".ci/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts between single backticks of a line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether a text is a path: it has a slash, and nothing but the characters of our file names. `NAME` stands for a
/// name that the reader chooses.
fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    text.contains('/')
        && text.chars().all(plain)
        && !text.starts_with('/')
        && !text.starts_with("target/")
        && !text.contains("NAME")
}

/// Every file and folder of the sources and tests of all crates.
fn sources() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            }
            found.push(path);
        }
    }
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    for krate in fs::read_dir(root().join("crates")).unwrap() {
        for folder in ["src", "tests"] {
            let folder = krate.as_ref().unwrap().path().join(folder);
            if folder.exists() {
                collect(&folder, &mut found);
            }
        }
    }
    found
}

/// The folder that the paths in the first column of a table belong to: the table's head is `Module (folder)`.
fn folder_of_table(line: &str) -> Option<&str> {
    let head = line.strip_prefix("| Module (`")?;
    Some(head.split_once('`')?.0)
}

#[test]
fn every_path_in_the_documents_exists() {
    let sources = sources();
    let exists = |path: &str| {
        let path = path.trim_end_matches('/');
        if root().join(path).exists() {
            return true;
        }
        // A module, such as `engine/kept`: the end of the path of its file.
        let file = format!("{path}.rs");
        let is_module = |source: &PathBuf| source.ends_with(path) || source.ends_with(&file);
        let from_the_root = FROM_THE_ROOT.iter().any(|start| path.starts_with(start));
        !from_the_root && sources.iter().any(is_module)
    };
    let (mut missing, mut checked) = (Vec::new(), 0);
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let mut folder = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                folder = None;
            }
            folder = folder_of_table(line).or(folder);
            let first_column = line.split('|').nth(1).unwrap_or_default();
            if let Some(folder) = folder {
                for name in code(first_column) {
                    checked += 1;
                    if !root().join(folder).join(name).exists() && name != folder {
                        missing.push(format!("{document}: {folder}{name}"));
                    }
                }
            }
            for path in code(line).filter(|text| is_path(text)) {
                checked += 1;
                // A path of the first column was checked above.
                let in_folder = folder.is_some() && code(first_column).any(|name| name == path);
                if !in_folder && !exists(path) {
                    missing.push(format!("{document}: {path}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(checked > 100, "only {checked} paths were found");
}

#[test]
fn every_module_of_a_crate_is_in_the_architecture() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut missing = Vec::new();
    for krate in fs::read_dir(root().join("crates")).unwrap() {
        let krate = krate.unwrap().file_name().into_string().unwrap();
        let folder = format!("crates/{krate}/src/");
        let mut lines = text.lines();
        let head = lines.find(|line| folder_of_table(line) == Some(folder.as_str()));
        assert!(head.is_some(), "{folder} has no table");
        let rows = lines.take_while(|line| line.starts_with('|'));
        let named: HashSet<&str> = rows
            .flat_map(|row| code(row.split('|').nth(1).unwrap_or_default()))
            .map(|name| name.trim_end_matches('/').trim_end_matches(".rs"))
            .collect();
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let module = name.trim_end_matches(".rs");
            if !["lib", "main"].contains(&module) && !named.contains(module) {
                missing.push(format!("{folder}{name}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no table says what these own: {missing:#?}"
    );
}

/// The texts of all sources of the libraries: a string that goes on after a `\` is one line, and what is filled in is
/// left out.
fn messages() -> String {
    let mut text = String::new();
    for source in sources() {
        let is_library = ["durable-functions", "functions-handler"]
            .iter()
            .any(|krate| source.starts_with(root().join("crates").join(krate).join("src")));
        if !is_library || source.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let mut lines = fs::read_to_string(source).unwrap();
        while let Some((before, after)) = lines.split_once("\\\n") {
            lines = format!("{before}{}", after.trim_start());
        }
        text.push_str(&lines);
    }
    text
}

#[test]
fn the_messages_that_the_guide_explains_are_those_of_the_code() {
    let messages = messages();
    let guide = root().join("crates/durable-functions/src/guide/troubleshooting.md");
    let text = fs::read_to_string(guide).unwrap();
    // Tables whose first column holds messages of our own.
    let ours = [
        "| Message of the handler |",
        "| Output, or failure of a call |",
        "| Line of the handler |",
        "| Error |",
    ];
    let (mut unknown, mut checked) = (Vec::new(), 0);
    let mut is_ours = false;
    for line in text.lines() {
        is_ours =
            line.starts_with('|') && (is_ours || ours.iter().any(|head| line.starts_with(head)));
        if !is_ours {
            continue;
        }
        let first_column = line.split('|').nth(1).unwrap_or_default();
        for part in code(first_column).flat_map(|text| text.split('…')) {
            let part = part.trim_matches([' ', ',', ';']);
            // Shorter ones are between two values.
            if part.len() > 5 {
                checked += 1;
                if !messages.contains(part) {
                    unknown.push(part.to_owned());
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(checked > 30, "only {checked} messages were found");
}

#[test]
fn row_63_a5_1_the_documents_say_how_to_keep_others_out() {
    let of = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    for path in ["README.md", "SECURITY.md", "docs/security.md"] {
        for part in ["/runtime/webhooks/durabletask", "x-functions-key"] {
            assert!(of(path).contains(part), "{path}: {part}");
        }
    }
    let text = of("docs/security.md");
    for part in [
        "TrustedProxies",
        "AllowedHosts",
        "PublicBaseUrl",
        "ExposeHeaders",
        "SubmitByGet",
        "OwnerHeader",
        "AdminClaim",
        "exists-action=\"override\"",
        "inbound IP",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn every_error_of_the_query_is_documented() {
    let document = fs::read_to_string(root().join("docs/jobs.md")).unwrap();
    for error in AuditError::ALL {
        let row = format!("| `{}` | ", error.code());
        assert!(document.contains(&row), "{row}");
    }
}

#[test]
fn every_setting_that_is_read_is_documented_and_the_other_way_round() {
    let read = RefCell::new(BTreeSet::new());
    // All fail for want of a value, or succeed; either way all are asked for.
    let _ = Settings::read(|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    let document = fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let documented: BTreeSet<String> = document
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .filter(|name| !name.starts_with("DURABLE_FUNCTIONS_"))
        .collect();
    let mut read = read.into_inner();
    // The host sets it, not the user.
    assert!(read.remove("AZURE_FUNCTIONS_ENVIRONMENT"));
    assert_eq!(documented, read);
}
