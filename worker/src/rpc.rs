//! What pages ask, and what they are answered.

use crate::desk::Desk;
use crate::host::Host;
use crate::storage::StorageError;
use crate::tabs::News;
use domain::SCHEMA;
use std::rc::Rc;
use sync::device::event::Event;
use sync::id::Id;
use sync::limits::MUTATION_EDITS_MAX;
use sync::local::{Answer, Ask, Edit, Failure, Query, Signal};

/// Does what is asked. A failure has changed nothing.
pub(crate) async fn answer(desk: &Rc<Desk>, ask: Ask) -> Result<Answer, Failure> {
    match ask {
        Ask::Account => Ok(Answer::Account(desk.account())),
        Ask::SignedIn { account } => {
            desk.sign_in(account.clone()).await?;
            Ok(Answer::Account(Some(account)))
        }
        Ask::SignedOut => {
            desk.sign_out().await?;
            Ok(Answer::Done)
        }
        Ask::SyncNow => {
            wake(desk);
            Ok(Answer::Done)
        }
        Ask::Signal(signal) => {
            pass_on(desk, signal);
            Ok(Answer::Done)
        }
        Ask::Query(query) => find(&*journal(desk)?, query).await,
        Ask::Mutate {
            id,
            edits,
            drop_draft,
        } => mutate(&journal(desk)?, id, edits, drop_draft).await,
        Ask::SaveDraft { slot, fields } => {
            journal(desk)?
                .connection()
                .await?
                .save_draft(&slot, &fields)
                .await?;
            Ok(Answer::Done)
        }
        Ask::ReadDraft { slot } => {
            let draft = journal(desk)?.connection().await?.read_draft(&slot).await?;
            Ok(Answer::Draft(draft))
        }
        Ask::DropDraft { slot } => {
            journal(desk)?.connection().await?.drop_draft(&slot).await?;
            Ok(Answer::Done)
        }
    }
}

async fn find(host: &Host, query: Query) -> Result<Answer, Failure> {
    let table = SCHEMA.table(&query.table).ok_or_else(|| Failure {
        code: "unknown_table".to_owned(),
        message: format!("There is no table called {}.", query.table),
    })?;
    let unindexed = query
        .range
        .as_ref()
        .filter(|r| !table.indexes.contains(&r.field.as_str()));
    if let Some(range) = unindexed {
        return Err(Failure {
            code: "no_index".to_owned(),
            message: format!("{} has no index on {}.", table.name, range.field),
        });
    }
    let found = host.connection().await?.find(table, &query).await?;
    Ok(Answer::Rows(found))
}

async fn mutate(
    host: &Rc<Host>,
    id: Id,
    edits: Vec<Edit>,
    drop_draft: Option<String>,
) -> Result<Answer, Failure> {
    if edits.len() > MUTATION_EDITS_MAX {
        return Err(Failure {
            code: "too_many_edits".to_owned(),
            message: format!("One mutation takes {MUTATION_EDITS_MAX} edits; nothing was saved."),
        });
    }
    host.write(id, edits, drop_draft).await?;
    Ok(Answer::Done)
}

fn journal(desk: &Desk) -> Result<Rc<Host>, Failure> {
    desk.host().ok_or_else(|| Failure {
        code: "no_account".to_owned(),
        message: "Nobody is signed in on this device. Sign in to open your journal.".to_owned(),
    })
}

/// Whoever leads tries now: this tab, or the one that hears of it.
fn wake(desk: &Desk) {
    match desk.host() {
        Some(host) if host.is_leading() => host.dispatch(Event::Woken),
        Some(_) => desk.tabs().tell(&News::SyncNow),
        None => {}
    }
}

fn pass_on(desk: &Desk, signal: Signal) {
    let Some(host) = desk.host() else { return };
    match signal {
        Signal::Online => host.dispatch(Event::NetworkFound),
        Signal::Offline => host.dispatch(Event::NetworkLost),
        Signal::Visible => wake(desk),
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}
