//! The command `functions` of a handler: the function.json files that its registrations ask for.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{collections::BTreeMap, fs};

use super::{Kind, function_json};

const USAGE: &str = "\
usage: functions [--write] [FOLDER]

Compares the function.json files of the app with the registered functions, and prints what would change.
--write changes the files. FOLDER is the folder of the app: by default FUNCTIONS_APP_ROOT_PATH, else the
working directory. The exit code is 0 when everything agrees, else 1.";

/// The command, as it stands on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Functions {
        write: bool,
        folder: Option<PathBuf>,
    },
    Wrong,
}

impl Command {
    /// The command in the arguments of a process, without its name; `None` when the host has started it.
    pub(crate) fn of(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        if arguments.next()? != "functions" {
            return None;
        }
        let (mut write, mut folder) = (false, None);
        for argument in arguments {
            if argument == "--write" {
                write = true;
            } else if folder.is_none() && !argument.to_string_lossy().starts_with('-') {
                folder = Some(argument.into());
            } else {
                return Some(Self::Wrong);
            }
        }
        Some(Self::Functions { write, folder })
    }

    /// Runs it for the app in `root`; the exit code.
    pub(crate) fn run(
        self,
        root: &Path,
        registered: &BTreeMap<String, Kind>,
        out: &mut impl Write,
    ) -> u8 {
        let Self::Functions { write, folder } = self else {
            let _ = writeln!(io::stderr(), "{USAGE}");
            return 2;
        };
        let root = folder.as_deref().unwrap_or(root);
        match functions(root, registered, write, out) {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => {
                let _ = writeln!(io::stderr(), "{error}");
                1
            }
        }
    }
}

/// Whether everything agrees in the end.
fn functions(
    root: &Path,
    registered: &BTreeMap<String, Kind>,
    write: bool,
    out: &mut impl Write,
) -> io::Result<bool> {
    let (mut agrees, mut can_mend) = (true, false);
    for folder in super::folders(root) {
        if !registered.contains_key(&folder) {
            agrees = false;
            writeln!(out, "{folder}: no function of this name is registered")?;
        }
    }
    for (name, kind) in registered {
        let file = root.join(name).join("function.json");
        let (reasons, text) = match read(&file)? {
            Some(text) => match function_json::mend(&text, kind) {
                Ok(mended) if mended.differences.is_empty() => continue,
                Ok(mended) => (mended.differences, mended.text),
                Err(error) => {
                    agrees = false;
                    writeln!(out, "{name}/function.json: {error}")?;
                    continue;
                }
            },
            None => match function_json::new(kind) {
                Some(text) => (vec!["it is missing".to_owned()], text),
                None => {
                    agrees = false;
                    writeln!(
                        out,
                        "{name}/function.json: it is missing, and only you know the trigger: write it by hand"
                    )?;
                    continue;
                }
            },
        };
        for reason in &reasons {
            writeln!(out, "{name}/function.json: {reason}")?;
        }
        if write {
            replace(&file, &text).map_err(|error| naming(&file, &error))?;
            writeln!(out, "{name}/function.json: written")?;
        } else {
            (agrees, can_mend) = (false, true);
            writeln!(out, "{name}/function.json would be:\n{}\n", text.trim_end())?;
        }
    }
    if can_mend {
        writeln!(out, "`functions --write` makes these changes.")?;
    }
    Ok(agrees)
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(naming(file, &error)),
    }
}

/// Writes the file in one step, so that a crash or a full disk leaves the old text. Behind a link, what it names is
/// replaced.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let before = fs::metadata(&file).ok();
    if before
        .as_ref()
        .is_some_and(|before| before.permissions().readonly())
    {
        // Its folder would let us replace it.
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file is read-only",
        ));
    }
    let new = file.with_extension("json.new");
    let written = fs::write(&new, text)
        .and_then(|()| match before {
            Some(before) => fs::set_permissions(&new, before.permissions()),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&new, &file));
    if written.is_err() {
        // Nothing is lost if it stays.
        let _ = fs::remove_file(&new);
    }
    written
}

fn naming(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}
