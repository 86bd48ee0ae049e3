//! `daybook serve`: starts, says where it is, and ends when it is asked to.

use super::say;
use crate::config::Config;
use crate::error::StartError;
use tokio::signal;

pub(super) async fn run(config: &Config) -> Result<(), StartError> {
    let asked_to_end = asked_to_end()?;
    let server = crate::start(config).await?;
    let port = server.address.port();
    say(&format!("Daybook is open at http://localhost:{port}"));
    asked_to_end.await;
    tracing::info!("ending");
    server.end().await;
    Ok(())
}

/// Ctrl-C in a terminal, or what service managers send.
fn asked_to_end() -> Result<impl Future<Output = ()>, StartError> {
    #[cfg(unix)]
    let mut asked = signal::unix::signal(signal::unix::SignalKind::terminate())
        .map_err(|error| StartError::System(error.to_string()))?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = asked.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
    })
}
