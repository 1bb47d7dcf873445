//! Builds the handler before it starts, or logs why it is not built.

use super::app::Loaded;
use crate::app_build::{Build, NoBuild};
use crate::handler::executable;
use crate::log::{LogLevel, Logger};
use crate::sources::newer_than;

/// Builds the handler unless there is a reason not to. Without a build, warns when the program is older than
/// its sources.
///
/// # Errors
/// cargo cannot be started, or the build fails.
pub(super) async fn build(app: &Loaded, no_build: bool, log: &Logger) -> anyhow::Result<()> {
    let path = app.environment.expand(&app.host.handler.executable);
    let planned = if no_build {
        Err(NoBuild::Unwanted)
    } else {
        Build::of(&app.root, &path)
    };
    match planned {
        Ok(build) => {
            log.user(LogLevel::Info, format!("Building the handler: {build}"));
            build.run().await
        }
        Err(reason) => {
            log.user(
                LogLevel::Info,
                format!("Starting the handler '{path}' without a build: {reason}."),
            );
            warn_when_stale(app, log);
            Ok(())
        }
    }
}

fn warn_when_stale(app: &Loaded, log: &Logger) {
    let program = executable(&app.host.handler, &app.root, &app.environment);
    let newer = newer_than(&program, &app.root);
    let Some(newest) = newer.first() else {
        return;
    };
    let newest = newest.strip_prefix(&app.root).unwrap_or(newest);
    let more = match newer.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    log.warning(format!(
        "'{}'{more} was changed after '{}' was built: the handler does not have the change. Build it with cargo.",
        newest.display(),
        program.display()
    ));
}
