//! The loop of the original, with the packages in requirements.txt.

use crate::{
    case::Case,
    original::{folder, install},
    process::Worker,
    server::Server,
};

/// The loop, ready to count; why not, where Python or a package index is missing.
pub(crate) fn start(server: &Server, case: &Case) -> Result<Worker, String> {
    let python = install()?;
    let (from, to) = case.range();
    let mut command = server.client(&python);
    command
        .arg(folder().join("loop.py"))
        .args([&server.connection, &from, &to]);
    Ok(Worker::start(command).0)
}
