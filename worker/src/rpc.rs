//! What pages ask, and what they are answered.

use crate::browser;
use crate::desk::Desk;
use crate::host::Host;
use crate::providers::address::is_ours;
use crate::storage::StorageError;
use crate::tabs::{News, Want};
use domain::RULES;
use std::rc::Rc;
use sync::device::event::Event;
use sync::id::Id;
use sync::limits::MUTATION_EDITS_MAX;
use sync::local::{Answer, Ask, Edit, Failure, Query, Signal};
use sync::provider::registry::{UnknownProvider, provider_of};

/// Does what is asked. A failure has changed nothing.
pub(crate) async fn answer(desk: &Rc<Desk>, ask: Ask) -> Result<Answer, Failure> {
    match ask {
        Ask::Account => Ok(Answer::Account(desk.account())),
        Ask::SignedIn { account } => {
            desk.sign_in(account.clone()).await?;
            Ok(Answer::Account(Some(account)))
        }
        Ask::SignedOut { discard, heard } => {
            desk.sign_out(discard, heard).await?;
            Ok(Answer::Done)
        }
        Ask::Unsent => {
            let connection = journal(desk)?.connection().await?;
            Ok(Answer::Unsent(connection.unsent().await?))
        }
        Ask::Export { unsent_only } => {
            let host = journal(desk)?;
            let connection = host.connection().await?;
            let text = connection.document(host.account(), unsent_only).await?;
            Ok(Answer::Document(text))
        }
        Ask::Farewell => Ok(Answer::Farewell(desk.farewell().await?)),
        Ask::LetGo => {
            desk.let_go().await?;
            Ok(Answer::Done)
        }
        // Where nobody is signed in, there is nothing to reach and nothing to end.
        Ask::SyncNow => Ok(want(desk, Want::Now).unwrap_or(Answer::Done)),
        Ask::Connect { url } => connect(desk, url.as_deref()),
        Ask::Disconnect { reason } => {
            Ok(want(desk, Want::Disconnect { reason }).unwrap_or(Answer::Done))
        }
        Ask::CleanUp => {
            desk.clean_up();
            Ok(Answer::Done)
        }
        Ask::Reset => want(desk, Want::Reset),
        Ask::RetryRefused => want(desk, Want::RetryRefused),
        Ask::Verify => want(desk, Want::Verify),
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
    let table = RULES.schema.table(&query.table).ok_or_else(|| Failure {
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

/// Whoever leads does it: this tab, or the one that hears of it.
fn want(desk: &Desk, want: Want) -> Result<Answer, Failure> {
    let host = journal(desk)?;
    if host.is_leading() {
        host.want(want);
    } else {
        desk.tabs().tell(&News::Wanted(want));
    }
    Ok(Answer::Done)
}

fn connect(desk: &Desk, url: Option<&str>) -> Result<Answer, Failure> {
    let host = journal(desk)?;
    let provider = match url {
        Some(url) if !is_ours(url, &browser::origin()) => {
            return Err(Failure {
                code: "other_server".to_owned(),
                message: "This journal is kept with the server that this page came from, and \
                          with no other. Nothing was changed."
                    .to_owned(),
            });
        }
        url => url.map(provider_of).map(str::to_owned),
    };
    if let Some(unknown) = provider.as_ref().filter(|id| !host.has_provider(id)) {
        return Err(Failure {
            code: "unknown_provider".to_owned(),
            message: UnknownProvider(unknown.clone()).to_string(),
        });
    }
    want(desk, Want::Connect { provider })
}

fn pass_on(desk: &Rc<Desk>, signal: Signal) {
    if signal == Signal::Online {
        desk.pass_on_owed_sign_out();
    }
    let Some(host) = desk.host() else { return };
    match signal {
        Signal::Online => host.dispatch(Event::NetworkFound),
        Signal::Offline => host.dispatch(Event::NetworkLost),
        Signal::Visible if host.is_leading() => host.want(Want::Now),
        Signal::Visible => desk.tabs().tell(&News::Wanted(Want::Now)),
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
