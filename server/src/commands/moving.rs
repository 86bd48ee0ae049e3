//! `daybook move`: from SQLite to PostgreSQL, and what to do then.

use super::say;
use crate::config::Config;
use crate::store::moving::{MoveError, Progress, move_all};

pub(super) async fn run(config: &Config, to: &str) -> Result<(), MoveError> {
    let from = &config.database_url;
    say(&format!(
        "Reading {from}; nobody else may use it meanwhile."
    ));
    let moved = move_all(from, to, &mut |progress| say(&line(progress))).await?;
    let rows: u64 = moved.iter().map(|table| table.rows).sum();
    say(&format!(
        "{rows} rows in {} tables were moved; each table was read back and compared.\n\
         Now set `database_url` to the address that --to named, and start the server: devices go on \
         where they are.\n\
         {from} is as it was. Start no server on it again: what is written there would not be here. \
         Delete it once all is well.",
        moved.len()
    ));
    Ok(())
}

fn line(progress: Progress<'_>) -> String {
    match progress {
        Progress::Found { table, rows } => format!("{table}: {rows} rows found"),
        Progress::Read { tables, rows } => {
            format!("{rows} rows in {tables} tables are to be moved.")
        }
        Progress::Written { table, rows, of } => format!("{table}: {rows} of {of} rows written"),
        Progress::Same { table, rows } => format!("{table}: {rows} rows, the same on both sides"),
    }
}
