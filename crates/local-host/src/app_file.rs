//! A JSON file of the app, and errors that name the place in it.

use crate::json::{Json, parse_document, place_of};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A file with its parsed content, which is an object.
#[derive(Clone, Debug)]
pub(crate) struct AppFile {
    path: PathBuf,
    text: String,
    json: Json,
}

impl AppFile {
    /// Parses the text of the file at `path`.
    ///
    /// # Errors
    /// The text is not JSON, or no object; the error names file, line and column.
    pub(crate) fn parse(path: &Path, text: String) -> anyhow::Result<Self> {
        let json = parse_document(&text).map_err(|error| {
            let (line, column) = error.place();
            anyhow::anyhow!(
                "{}:{line}:{column}: this is not valid JSON. {}",
                path.display(),
                error.message()
            )
        })?;
        let file = Self {
            path: path.to_owned(),
            text,
            json,
        };
        match &file.json {
            Json::Object(_) => Ok(file),
            _ => Err(file.error(&[], "expected an object, { … }")),
        }
    }

    /// The content.
    #[must_use]
    pub(crate) fn json(&self) -> &Json {
        &self.json
    }

    /// An error about a member: file, line and column, the member, and what is wrong. `member` is the path of
    /// names to it.
    #[must_use]
    pub(crate) fn error(&self, member: &[&str], what: impl Display) -> anyhow::Error {
        let place = match place_of(&self.text, member) {
            Some((line, column)) => format!("{}:{line}:{column}", self.path.display()),
            None => self.path.display().to_string(),
        };
        match member {
            [] => anyhow::anyhow!("{place}: {what}"),
            _ => anyhow::anyhow!("{place}: {}: {what}", member.join(".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<AppFile> {
        AppFile::parse(Path::new("/app/x.json"), text.to_owned())
    }

    #[test]
    fn what_is_not_json_is_named_with_line_and_column() {
        for (text, expected) in [
            (
                "{\n  \"a\": 1,\n  \"b\" 2}",
                "/app/x.json:3:7: this is not valid JSON. Invalid character after parsing property name. Expected ':' but got: 2.",
            ),
            (
                "{\"a\": ",
                "/app/x.json:1:7: this is not valid JSON. Unexpected end of content",
            ),
            ("", "/app/x.json:1:1: this is not valid JSON. "),
            ("// nothing\n  [1]", "/app/x.json:2:3: expected an object"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn members_are_found_in_any_case_and_of_equal_ones_the_last() {
        let file =
            parse("{ // x\n \"A\": 1, \"b\": {\"list\": [1, 2],\n  \"é\": 5}, \"a\": 2}").unwrap();
        let at = |member: &[&str]| file.error(member, "x").to_string();
        assert_eq!(at(&["a"]), "/app/x.json:3:17: a: x");
        assert_eq!(at(&["B", "É"]), "/app/x.json:3:8: B.É: x");
        assert_eq!(at(&["b", "list"]), "/app/x.json:2:24: b.list: x");
        assert_eq!(at(&["b", "nosuch"]), "/app/x.json: b.nosuch: x");
        assert_eq!(at(&[]), "/app/x.json:1:1: x");
    }
}
