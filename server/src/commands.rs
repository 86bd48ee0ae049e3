//! What an operator can call: `daybook [serve|migrate|seed|backup|restore|move|check]`.

mod check;
mod copy;
mod migrate;
mod moving;
pub mod seed;
mod serve;

use crate::config::Given;
use crate::config::given::ConfigError;
use crate::error::StartError;
use crate::store::backup::BackupError;
use crate::store::moving::MoveError;
use crate::telemetry;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};
use seed::SeedError;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Daybook: a journal that opens and saves without a network
#[derive(Debug, Parser)]
#[command(name = "daybook", version)]
pub struct Cli {
    /// The settings.
    #[command(flatten)]
    pub given: Given,
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be called.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves, until asked to end (Ctrl-C, SIGTERM); the default
    Serve,
    /// Brings the database up to this version, and tells what that took
    Migrate,
    /// Makes a demo account with 400 days of entries
    Seed(seed::Wish),
    /// Copies the database into a new file, also while a server runs (SQLite; for PostgreSQL use
    /// `pg_dump`)
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Checks a backup and puts it where the database is (SQLite; for PostgreSQL use `pg_restore`)
    Restore {
        /// The backup
        file: PathBuf,
        /// Put it in the place of the database that is there; that one is kept beside it
        #[arg(long)]
        replace: bool,
        /// End all sessions and mailed links of the backup: some may have been ended since it was made
        #[arg(long)]
        end_sessions: bool,
    },
    /// Carries everything from SQLite to PostgreSQL, as it is; stop the server first
    Move {
        /// The PostgreSQL database, an empty one, such as postgres://daybook:password@host/daybook
        #[arg(long, env = "DAYBOOK_MOVE_TO", hide_env_values = true)]
        to: String,
    },
    /// Looks whether the database is whole: the file, the schema, and what devices rely on
    Check,
}

/// Why a command was not done, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server or the database does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no copy, or none was put back.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Nothing was moved.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// There is no demo account.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The database is not whole.
    #[error(
        "{count} faults were found; they stand above.\nNothing was changed. Make a copy with \
         `daybook backup`; docs/operations.md says how to go on from there"
    )]
    Faults {
        /// How many.
        count: usize,
    },
}

/// Reads the command line and does what it says.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), CommandError> {
    let config = cli.given.read()?;
    telemetry::start(&config);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config).await?,
        Command::Migrate => migrate::run(&config).await?,
        Command::Seed(wish) => seed::run(&config, &wish).await?,
        Command::Backup { file } => copy::back_up(&config, &file).await?,
        Command::Restore {
            file,
            replace,
            end_sessions,
        } => copy::restore(&config, &file, replace, end_sessions).await?,
        Command::Move { to } => moving::run(&config, &to).await?,
        Command::Check => check::run(&config).await?,
    }
    Ok(())
}

/// A line for whoever called. Not `println!`: it panics when nobody reads.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says what is wrong with the command line, and where else the value may have come from.
fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if let Some(variable) = variable_of(error) {
        eprintln!(
            "\n{variable} is set in the environment. If you typed no such flag, change that \
             variable or unset it."
        );
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The environment variable behind the flag that an error is about, if it is set.
fn variable_of(error: &clap::Error) -> Option<String> {
    let ContextValue::String(flag) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    let mut command = Cli::command();
    command.build();
    let mut args = command.get_arguments();
    let arg = args.find(|arg| arg.to_string() == *flag)?;
    let variable = arg.get_env()?;
    std::env::var_os(variable)?;
    Some(variable.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [
            ["daybook", "--database-url", "sqlite:x", "check"],
            ["daybook", "check", "--database-url", "sqlite:x"],
        ] {
            let cli = Cli::try_parse_from(line).expect("a command");
            assert_eq!(cli.given.database_url.as_deref(), Some("sqlite:x"));
            assert!(matches!(cli.command, Some(Command::Check)));
        }
        let alone = Cli::try_parse_from(["daybook"]).expect("no command");
        assert!(alone.command.is_none());
    }
}
