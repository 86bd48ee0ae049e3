//! `daybook`: the program. What it can do stands in [`server::commands`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    server::commands::main().await
}
