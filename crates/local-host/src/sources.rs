//! Whether the handler's program is older than its sources.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The sources that were changed after `program` was written, the newest first. Also empty when the times
/// cannot be read: a wrong warning would be worse than none.
///
/// cargo lists what went into a program in a file beside it, `handler.d`. Without this file the
/// sources are `src`, `build.rs`, Cargo.toml and Cargo.lock of the package in `root`. Markdown files count as
/// documentation, though cargo lists those that `include_str!` puts there.
#[must_use]
pub(crate) fn newer_than(program: &Path, root: &Path) -> Vec<PathBuf> {
    let Some(built) = modified(program) else {
        return Vec::new();
    };
    let mut sources = match std::fs::read_to_string(program.with_extension("d")) {
        Ok(text) => dependencies(&text),
        Err(_) => {
            let mut found = vec![root.join("build.rs")];
            collect(&root.join("src"), &mut found);
            found
        }
    };
    sources.extend(["Cargo.toml", "Cargo.lock"].map(|name| root.join(name)));
    let is_code = |path: &PathBuf| path.extension().is_none_or(|it| it != "md");
    let mut newer: Vec<(SystemTime, PathBuf)> = sources
        .into_iter()
        .filter(is_code)
        .filter_map(|path| Some((modified(&path)?, path)))
        .filter(|(time, _)| *time > built)
        .collect();
    newer.sort_by(|(a, _), (b, _)| b.cmp(a));
    newer.into_iter().map(|(_, path)| path).collect()
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// The right side of `program: source source …`; a blank inside a path has a backslash before it.
fn dependencies(text: &str) -> Vec<PathBuf> {
    let Some((_, list)) = text.split_once(": ") else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    let mut path = String::new();
    let mut signs = list.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' if signs.peek() == Some(&' ') => {
                path.push(' ');
                signs.next();
            }
            ' ' | '\n' | '\r' => {
                if !path.is_empty() {
                    paths.push(PathBuf::from(std::mem::take(&mut path)));
                }
            }
            other => path.push(other),
        }
    }
    if !path.is_empty() {
        paths.push(path.into());
    }
    paths
}

/// All files below `folder`; links to folders are not followed.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Writes a file that was changed `age` seconds ago.
    fn write(path: &Path, text: &str, age: u64) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age))
            .unwrap();
    }

    #[test]
    fn sources_that_are_newer_than_the_program_are_found() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let program = root.join("handler");
        assert!(newer_than(&program, root).is_empty(), "nothing is built");
        write(&program, "", 100);
        write(&root.join("src/main.rs"), "", 200);
        write(&root.join("Cargo.toml"), "", 200);
        assert!(newer_than(&program, root).is_empty());
        write(&root.join("src/deep/jobs.rs"), "", 50);
        write(&root.join("Cargo.lock"), "", 10);
        assert_eq!(
            newer_than(&program, root),
            [root.join("Cargo.lock"), root.join("src/deep/jobs.rs")]
        );
    }

    #[test]
    fn only_the_sources_that_cargo_lists_count_without_documents() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let program = root.join("target/release/handler");
        let other = root.join("crates/a b/src/lib.rs");
        write(&program, "", 100);
        write(&other, "", 50);
        write(&root.join("src/not_in_it.rs"), "", 50);
        let readme = root.join("crates/README.md");
        write(&readme, "", 50);
        let list = format!(
            "{}: {} {} {}\n",
            program.display(),
            other.display().to_string().replace(' ', "\\ "),
            root.join("gone.rs").display(),
            readme.display()
        );
        write(&program.with_extension("d"), &list, 100);
        assert_eq!(newer_than(&program, root), [other]);
    }
}
