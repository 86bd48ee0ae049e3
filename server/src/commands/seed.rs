//! `daybook seed`: a demo account with a journal to look at. It goes the way of every push, so
//! that devices take it as they take any journal.

mod entries;

use super::say;
use crate::accounts::passwords::Passwords;
use crate::clock::{new_id, now_ms};
use crate::config::Config;
use crate::error::{Error, StartError};
use crate::store::users::User;
use crate::store::{ScopeKey, Store};
use crate::sync::fanout::Fanout;
use crate::sync::push::take;
use app::account::{AccountError, check_password_length, checked_email};
use clap::Args;
use domain::{JournalEntry, Prompt, SCHEMA};
use entries::{Question, Written, journal};
use sync::change::{Change, Op};
use sync::clock::Clock;
use sync::frame::{Outcome, Push};
use sync::id::Id;
use sync::limits::PUSH_CHANGES_MAX;
use sync::stamp::{Stamp, Stamps};
use sync::table::Synced as _;
use time::{Date, OffsetDateTime};

/// The demo account's address.
pub const EMAIL: &str = "demo@daybook.example";

/// Its password, where nobody but this machine can use it.
pub const PASSWORD: &str = "open the demo journal";

/// Which demo account is wished for.
#[derive(Clone, Debug, Args)]
pub struct Wish {
    /// The account's address
    #[arg(long, default_value = EMAIL)]
    pub email: String,
    /// Its password; has to be said where others can reach the server
    #[arg(long, env = "DAYBOOK_DEMO_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// The journal's last day, YYYY-MM-DD; without it, today
    #[arg(long)]
    pub until: Option<String>,
}

/// Why there is no demo account.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// There is an account of this address.
    #[error(
        "There is an account with this address already, and it was left alone.\nChoose another \
         with --email, or another database with --database-url"
    )]
    Taken,
    /// The known password will not do here.
    #[error(
        "Others can reach this server, for it listens beyond this machine or `https` is on, and \
         everybody knows the demo's password.\nNothing was made. Choose one with --password"
    )]
    KnownPassword,
    /// The address or the password is none.
    #[error("{0}. Nothing was made")]
    Account(#[from] AccountError),
    /// The day is none.
    #[error("`{0}` is no day such as 2026-11-24. Nothing was made")]
    Day(String),
    /// The server's side fails.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The database fails.
    #[error("{0} The account may be there without its entries: take another address")]
    Store(#[from] Error),
    /// The journal was not taken as it is: a mistake in this program.
    #[error("{0} of the demo's entries were refused, which is a mistake in Daybook")]
    Refused(usize),
}

/// Makes the account and its journal, and says how to get in.
pub(super) async fn run(config: &Config, wish: &Wish) -> Result<(), SeedError> {
    let password = wish.password.as_deref().unwrap_or(PASSWORD);
    // On loopback with https, there is a proxy in front that others reach.
    let is_alone = config.addr.ip().is_loopback() && !config.is_https();
    if password == PASSWORD && !is_alone {
        return Err(SeedError::KnownPassword);
    }
    let until = last_day(wish.until.as_deref())?;
    let store = Store::open(&config.database_url).await?;
    let made = make(&store, &wish.email, password.to_owned(), until).await;
    store.close().await;
    let count = made?;
    say(&format!(
        "{} entries were written for {}.",
        count, wish.email
    ));
    if wish.password.is_none() {
        say(&format!("The password is: {PASSWORD}"));
    }
    Ok(())
}

/// Makes the account and its journal up to this day, and tells how many entries that are.
async fn make(
    store: &Store,
    email: &str,
    password: String,
    until: Date,
) -> Result<usize, SeedError> {
    let email = checked_email(email)?.to_owned();
    check_password_length(&password)?;
    let passwords = Passwords::new()?;
    passwords.must_be_hard(&password, &email).await?;
    let password_hash = passwords.hash(password).await?;
    let no_name = || StartError::System("there is no randomness".to_owned());
    let (id, device_id) = new_id().zip(new_id()).ok_or_else(no_name)?;
    let user = User {
        id,
        email,
        password_hash: Some(password_hash),
        generation: User::FIRST_GENERATION,
    };
    if !store.add_user(&user, now_ms()).await? {
        return Err(SeedError::Taken);
    }
    let written = journal(until, &questions(store).await?);
    for part in written.chunks(PUSH_CHANGES_MAX) {
        push(store, id, device_id, part).await?;
    }
    Ok(written.len())
}

async fn push(store: &Store, user: Id, device_id: Id, part: &[Written]) -> Result<(), SeedError> {
    let push = Push {
        device_id,
        changes: part.iter().map(|one| change(one, device_id)).collect(),
        schema_version: SCHEMA.version,
        device_time_ms: now_ms(),
    };
    let outcomes = take(store, &Fanout::default(), user, push).await?;
    let applied = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
    match part.len() - outcomes.values().filter(applied).count() {
        0 => Ok(()),
        refused => Err(SeedError::Refused(refused)),
    }
}

fn change((entry, op_id): &Written, node: Id) -> Change {
    let written_ms = u64::try_from(entry.written_at.0).unwrap_or_default();
    Change {
        op_id: *op_id,
        table: JournalEntry::TABLE.name.to_owned(),
        key: entry.id,
        op: Op::Insert,
        fields: entry.to_fields(),
        patches: [].into(),
        base: Stamps::new(),
        stamp: Stamp {
            clock: Clock::at_ms(written_ms),
            node,
            op_id: *op_id,
        },
        stamps: None,
        group: None,
    }
}

/// Some of the library's prompts.
async fn questions(store: &Store) -> Result<Vec<Question>, Error> {
    let page = store
        .page(&ScopeKey::library(), &[Prompt::TABLE], 0, None)
        .await?;
    let rows = page.rows.iter();
    let prompts = rows.filter_map(|row| Prompt::from_fields(row.key, &row.fields).ok());
    let mut questions: Vec<_> = prompts.map(|one| (one.id, one.text.0)).collect();
    questions.sort();
    Ok(questions)
}

fn last_day(said: Option<&str>) -> Result<Date, SeedError> {
    let Some(said) = said else {
        let now_s = i64::try_from(now_ms() / 1_000).unwrap_or_default();
        let now = OffsetDateTime::from_unix_timestamp(now_s);
        return Ok(now.unwrap_or(OffsetDateTime::UNIX_EPOCH).date());
    };
    let mut parts = said.splitn(3, '-');
    let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let day = (|| {
        let (year, month, day) = (number()?, number()?, number()?);
        let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
    })();
    day.ok_or_else(|| SeedError::Day(said.to_owned()))
}
