//! The signals that stop the host.

/// A future that is ready at the first Ctrl+C or SIGTERM; a second one ends the process at once.
///
/// # Errors
/// The signals cannot be watched.
#[cfg(unix)]
pub(super) fn stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // The handler's guard sees the pipe close and ends the handler.
            std::process::exit(1);
        });
    })
}

/// A future that is ready at Ctrl+C.
#[cfg(not(unix))]
pub(super) fn stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
