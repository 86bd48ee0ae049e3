//! `daybook check`: what is wrong with the database, a line each.

use super::{CommandError, say};
use crate::config::Config;
use crate::store::check::faults;
use crate::store::dialect::Dialect;

pub(super) async fn run(config: &Config) -> Result<(), CommandError> {
    let faults = faults(&config.database_url).await?;
    if let Some(why) = config.why_no_passkeys() {
        say(&why);
    }
    for fault in &faults {
        say(fault);
    }
    match faults.len() {
        0 => {
            say(match Dialect::of(&config.database_url) {
                Some(Dialect::Postgres) => "The database is whole: schema, positions and history.",
                _ => "The database is whole: file, schema, positions and history.",
            });
            Ok(())
        }
        count => Err(CommandError::Faults { count }),
    }
}
