//! `daybook backup` and `daybook restore`.

use super::say;
use crate::config::Config;
use crate::store::backup::{self, BackupError};
use std::path::Path;

pub(super) async fn back_up(config: &Config, file: &Path) -> Result<(), BackupError> {
    let made = backup::back_up(&config.database_url, file).await?;
    say(&format!(
        "{} holds the database as it was just now: {} bytes, checked. Only this user may read it; \
         it holds everybody's words, so keep it as safe as the server.",
        file.display(),
        made.bytes
    ));
    Ok(())
}

pub(super) async fn restore(
    config: &Config,
    file: &Path,
    replace: bool,
    end_sessions: bool,
) -> Result<(), BackupError> {
    let done = backup::restore(&config.database_url, file, replace, end_sessions).await?;
    let place = done.database.display();
    say(&format!(
        "{} is now the database at {place}.",
        file.display()
    ));
    if let Some(kept) = done.kept {
        say(&format!(
            "What was there before is kept as {}.",
            kept.display()
        ));
    }
    say("Start the server. Devices that know more than the backup give it back as they connect.");
    Ok(())
}
