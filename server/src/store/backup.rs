//! A copy of the database while it is used, and a copy put back in its place.

use super::check::faults_of_file;
use super::schema::known;
use super::trouble::Trouble;
use crate::clock::now_ms;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;
use time::OffsetDateTime;

/// How long to wait for whoever uses the database at the moment.
const BUSY_MAX: Duration = Duration::from_secs(2);

/// How many faults of a backup are told; the first says enough to look for another one.
const FAULTS_MAX: usize = 5;

/// What lets somebody in who knows neither a password nor a code: sessions, and links that were
/// mailed. Some may have been ended, spent or replaced since the backup was made.
const LETTING_IN: [&str; 2] = ["sessions", "password_links"];

/// What a database consists of by the ends of its files' names: what SQLite may put beside it,
/// and the file itself. A companion belongs to whichever file it stands beside.
const PARTS: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// Why there is no copy, or why it is not in place. The database is as it was, but for
/// [`BackupError::NotMovedBack`].
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is no SQLite database that is configured.
    #[error(
        "This works for SQLite, and `database_url` names another kind of database.\nNothing was \
         done. For PostgreSQL use pg_dump and pg_restore; docs/operations.md has the commands"
    )]
    NotSqlite,
    /// There is no database to copy.
    #[error(
        "There is no database at {}.\nNothing was done. Say by --database-url, DATABASE_URL or \
         daybook.toml where it is",
        .0.display()
    )]
    NoDatabase(PathBuf),
    /// There is something where the copy should go.
    #[error("{} is there already and was left alone.\nChoose another name for the backup", .0.display())]
    Exists(PathBuf),
    /// There is a database, or a part of one, where the backup should go.
    #[error(
        "There is a database or a part of one at {} already, and it was left alone.\nSay \
         --replace to put the backup in its place; what is there now is kept beside it",
        .0.display()
    )]
    WouldReplace(PathBuf),
    /// A server has the database open.
    #[error(
        "A program has the database {} open, and it was left alone.\nStop the server, then \
         restore again",
        .0.display()
    )]
    InUse(PathBuf),
    /// What should be restored is no good.
    #[error("{} cannot be restored:\n{}\nNothing was changed. Try an older backup", file.display(), faults.join("\n"))]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        faults: Vec<String>,
    },
    /// The backup belongs to a newer program.
    #[error(
        "{} was made by a newer Daybook (its schema is at {version}, this program's at {known}).\n\
         Nothing was changed. Restore it with that version",
        file.display()
    )]
    Newer {
        /// Which file.
        file: PathBuf,
        /// Its last migration.
        version: i64,
        /// This program's last.
        known: i64,
    },
    /// The system refuses to put the backup in place, and then to move the database back.
    #[error(
        "{} cannot be moved back: {reason}.\nNothing was lost. Move it, and what has its name with \
         -wal, -shm or -journal after it, to where the database was",
        file.display()
    )]
    NotMovedBack {
        /// Where the database, or the part of it, is now.
        file: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The system refuses a step.
    #[error("{}: {reason}.\nThe database is as it was", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The database refuses a step.
    #[error("The database failed: {0}.\nIt is as it was")]
    Database(#[from] sqlx::Error),
}

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// How large it is.
    pub bytes: u64,
}

/// A copy that was put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the database is.
    pub database: PathBuf,
    /// Where the one from before is, if there was one.
    pub kept: Option<PathBuf>,
}

/// Copies the database into a new file, as it is at one moment, while others read and write it.
/// The copy is checked before it gets its name, and only its owner may read it.
///
/// # Errors
/// Says what is in the way; there is no file of this name then.
pub async fn back_up(url: &str, to: &Path) -> Result<Backup, BackupError> {
    let database = file_of(url)?;
    if !database.exists() {
        return Err(BackupError::NoDatabase(database));
    }
    if let Some(part) = parts_of(to).next() {
        return Err(BackupError::Exists(beside(to, part)));
    }
    let partial = beside(to, ".partial");
    remove(&partial)?;
    let done = copy_into(&database, &partial).await;
    let bytes = done.inspect_err(|_| drop(remove(&partial)))?;
    rename(&partial, to)?;
    Ok(Backup { bytes })
}

async fn copy_into(database: &Path, partial: &Path) -> Result<u64, BackupError> {
    private(partial).map_err(|reason| file_error(partial, reason))?;
    let name = partial.to_str().ok_or_else(|| {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "the name is no Unicode text");
        file_error(partial, reason)
    })?;
    let mut connection = connect(database).await?;
    let copy = sqlx::query("VACUUM INTO ?").bind(name);
    let copied = copy.execute(&mut connection).await;
    connection.close().await?;
    copied?;
    prepare(partial, partial, false).await?;
    let file = File::open(partial).and_then(|file| file.sync_all().map(|()| file));
    let size = file.and_then(|file| file.metadata());
    Ok(size.map_err(|reason| file_error(partial, reason))?.len())
}

/// Checks a backup and puts it where the database is. With `replace`, a database that is there
/// is moved aside and kept; with `end_sessions`, everybody has to sign in again, and no link of the
/// backup is good any more.
///
/// # Errors
/// Says what is in the way. The database is as it was.
pub async fn restore(
    url: &str,
    from: &Path,
    replace: bool,
    end_sessions: bool,
) -> Result<Restored, BackupError> {
    let database = file_of(url)?;
    if is_there(&database) && !replace {
        return Err(BackupError::WouldReplace(database));
    }
    let mut parts = parts_of(from);
    if let Some(half) = parts.find(|part| ["-wal", "-journal"].contains(part)) {
        let fault = format!(
            "It is half of a database in use: there is a file with {half} beside it. Make backups \
             with `daybook backup`, which copies both as one"
        );
        return Err(BackupError::Unfit {
            file: from.to_owned(),
            faults: vec![fault],
        });
    }
    let folder = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|reason| file_error(folder, reason))?;
    }
    let coming = beside(&database, ".restoring");
    remove(&coming)?;
    let done = put_in_place(from, &coming, &database, end_sessions).await;
    done.inspect_err(|_| drop(remove(&coming)))
}

async fn put_in_place(
    from: &Path,
    coming: &Path,
    database: &Path,
    end_sessions: bool,
) -> Result<Restored, BackupError> {
    let mut copy = private(coming).map_err(|reason| file_error(coming, reason))?;
    // By its bytes alone: the backup may be one that everybody may read.
    let copied = File::open(from).and_then(|mut from| io::copy(&mut from, &mut copy));
    copied.map_err(|reason| file_error(from, reason))?;
    prepare(coming, from, end_sessions).await?;
    let synced = File::open(coming).and_then(|file| file.sync_all());
    synced.map_err(|reason| file_error(coming, reason))?;
    let kept = if is_there(database) {
        Some(set_aside(database).await?)
    } else {
        None
    };
    if let Err(error) = rename(coming, database) {
        if let Some(kept) = &kept {
            move_back(kept, database, &PARTS)?;
        }
        return Err(error);
    }
    Ok(Restored {
        database: database.to_owned(),
        kept,
    })
}

/// Checks a copy, and ends its sessions and links if that is wished. Everything is in its one file then,
/// and nobody has it open: a connection that is only dropped may write after the file is moved.
async fn prepare(file: &Path, name: &Path, end_sessions: bool) -> Result<(), BackupError> {
    let unfit = |error: sqlx::Error| BackupError::Unfit {
        file: name.to_owned(),
        faults: vec![error.to_string()],
    };
    let mut connection = connect(file).await.map_err(unfit)?;
    let prepared = async {
        // A copy may say of itself that it keeps a log beside it.
        let mode = sqlx::query("PRAGMA journal_mode = DELETE");
        mode.execute(&mut connection).await.map_err(unfit)?;
        examine(&mut connection, name).await?;
        if end_sessions {
            end_all(&mut connection).await?;
        }
        Ok(())
    };
    let prepared = prepared.await;
    connection.close().await?;
    prepared
}

/// Ends all sessions and links of a copy. One of an earlier version has fewer tables.
async fn end_all(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    for table in LETTING_IN {
        let there = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = $1");
        let there: i64 = there.bind(table).fetch_one(&mut *connection).await?;
        if there > 0 {
            let ended = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}")));
            ended.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Whether this is a whole database of Daybook that this program can serve. `name` is what its
/// owner calls it.
async fn examine(connection: &mut SqliteConnection, name: &Path) -> Result<(), BackupError> {
    let unfit = |faults| BackupError::Unfit {
        file: name.to_owned(),
        faults,
    };
    let said = |error: sqlx::Error| unfit(vec![error.to_string()]);
    let last = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
    let last: Option<i64> = last
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| unfit(vec![format!("It is no database of Daybook: {error}")]))?;
    let (Some(version), Some(known)) = (last, known().pop()) else {
        return Err(unfit(vec!["It is no database of Daybook".to_owned()]));
    };
    if version > known.version {
        return Err(BackupError::Newer {
            file: name.to_owned(),
            version,
            known: known.version,
        });
    }
    let mut faults = faults_of_file(connection).await.map_err(said)?;
    faults.truncate(FAULTS_MAX);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(unfit(faults))
    }
}

/// Moves the database out of the way, whole, unless somebody uses it.
async fn set_aside(database: &Path) -> Result<PathBuf, BackupError> {
    // Needs the file for itself, and brings everything that waits beside it into it.
    let closed = async {
        let mut connection = connect(database).await?;
        let mode = sqlx::query_scalar("PRAGMA journal_mode = DELETE");
        let mode = mode.fetch_one(&mut connection).await;
        connection.close().await?;
        mode.map(|mode: String| mode == "delete")
    };
    let in_use = match closed.await {
        Ok(closed) => !closed,
        // A database that is broken is moved as well: it may be why somebody restores.
        Err(error) => is_locked(&error),
    };
    if in_use {
        return Err(BackupError::InUse(database.to_owned()));
    }
    let suffix = format!(".before-restore-{}", timestamp());
    let kept = beside(database, &suffix);
    move_all(database, &kept)?;
    Ok(kept)
}

/// Moves every part of a database that is there, or none.
fn move_all(from: &Path, to: &Path) -> Result<(), BackupError> {
    for (count, part) in PARTS.iter().enumerate() {
        let file = beside(from, part);
        if !file.exists() {
            continue;
        }
        if let Err(error) = rename(&file, &beside(to, part)) {
            move_back(to, from, &PARTS[..count])?;
            return Err(error);
        }
    }
    Ok(())
}

fn move_back(kept: &Path, to: &Path, parts: &[&str]) -> Result<(), BackupError> {
    for part in parts {
        let file = beside(kept, part);
        if file.exists() {
            fs::rename(&file, beside(to, part))
                .map_err(|reason| BackupError::NotMovedBack { file, reason })?;
        }
    }
    Ok(())
}

/// Removes what a broken attempt has left. A log beside a new file would be taken for its own.
fn remove(database: &Path) -> Result<(), BackupError> {
    for part in PARTS {
        let file = beside(database, part);
        if let Err(reason) = fs::remove_file(&file)
            && reason.kind() != io::ErrorKind::NotFound
        {
            return Err(file_error(&file, reason));
        }
    }
    Ok(())
}

fn is_there(database: &Path) -> bool {
    parts_of(database).next().is_some()
}

/// The parts of a database that are there.
fn parts_of(database: &Path) -> impl Iterator<Item = &'static str> {
    let parts = PARTS.into_iter();
    parts.filter(move |part| beside(database, part).exists())
}

fn is_locked(error: &sqlx::Error) -> bool {
    Trouble::of(error) == Trouble::Busy
}

/// Now, to the second, as a part of a file's name.
fn timestamp() -> String {
    let seconds = i64::try_from(now_ms() / 1_000).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let (hour, minute, second) = now.to_hms();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

pub(super) fn file_of(url: &str) -> Result<PathBuf, BackupError> {
    // The driver would take any other address for a file's name.
    let options = url
        .starts_with("sqlite:")
        .then(|| SqliteConnectOptions::from_str(url))
        .and_then(Result::ok)
        .ok_or(BackupError::NotSqlite)?;
    Ok(options.get_filename().to_owned())
}

pub(super) async fn connect(file: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file);
    let options = options.create_if_missing(false).busy_timeout(BUSY_MAX);
    options.connect().await
}

/// A new file that only its owner may read: it will hold people's words. One that is there might
/// be open to others.
fn private(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Renames, and makes sure that the name survives a power cut.
fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    let renamed = fs::rename(from, to).and_then(|()| {
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Not every system lets a folder be opened; those that do not need no more than this.
        File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
    });
    renamed.map_err(|reason| file_error(to, reason))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

fn file_error(file: &Path, reason: io::Error) -> BackupError {
    BackupError::File {
        file: file.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_cannot_be_moved_whole_stays_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let (database, kept) = (folder.path().join("database"), folder.path().join("kept"));
        for part in PARTS {
            fs::write(beside(&database, part), part).expect("a file");
        }
        // Stands where the third part should go.
        fs::create_dir(beside(&kept, "-journal")).expect("a folder");
        let error = move_all(&database, &kept).expect_err("something is in the way");
        assert!(matches!(error, BackupError::File { .. }), "{error}");
        for part in PARTS {
            let text = fs::read_to_string(beside(&database, part));
            assert_eq!(text.expect("it is in its place"), part);
        }
        fs::remove_dir(beside(&kept, "-journal")).expect("removed");
        move_all(&database, &kept).expect("moved");
        assert!(!is_there(&database) && parts_of(&kept).eq(PARTS));
    }
}
