//! `daybook`: the program. Starts, says where it is, and ends when it is asked to.

use clap::Parser as _;
use server::config::Config;
use server::error::StartError;
use std::io::Write as _;
use std::process::ExitCode;
use tokio::signal;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse();
    server::telemetry::start();
    match run(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> Result<(), StartError> {
    let asked_to_end = asked_to_end()?;
    let server = server::start(config).await?;
    // Not `println!`: it panics when nobody reads, and nobody may be reading.
    let _ = writeln!(
        std::io::stdout(),
        "Daybook is open at http://localhost:{}",
        server.address.port()
    );
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
