//! `daybook migrate`: the database as this version wants it, before a server needs it.

use super::say;
use crate::config::Config;
use crate::error::StartError;
use crate::store::{Store, schema};

pub(super) async fn run(config: &Config) -> Result<(), StartError> {
    let url = &config.database_url;
    let before = schema::history(url).await?;
    Store::open(url).await?.close().await;
    let after = schema::history(url).await?;
    let made: Vec<_> = after.iter().filter(|one| !before.contains(one)).collect();
    for one in &made {
        say(&format!("made migration {}: {}", one.version, one.name));
    }
    let version = after.last().map_or(0, |last| last.version);
    say(&match made.len() {
        0 => format!("Nothing to do: the database is at {version}, as this version wants it."),
        _ => format!("The database is at {version} now, as this version wants it."),
    });
    Ok(())
}
