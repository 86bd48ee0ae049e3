//! Forgotten passwords: a link by mail.
//!
//! The request is answered before anybody looks whether there is such a person; a task of its own
//! looks, keeps the link's hash and sends the mail. So neither the answer nor its time says
//! anything.

use super::call::Visitor;
use super::mail::{Mail, Mailer};
use super::passwords::is_well_known;
use super::secrets::{hash_of, secret};
use super::sign_in::{enter, poke};
use super::unbroken::unbroken;
use crate::clock::now_ms;
use crate::serve::Shutdown;
use crate::store::Store;
use app::account::{
    AccountError, RESET_MAIL_SUBJECT, check_password_length, checked_email, reset_mail,
};
use std::sync::Arc;
use std::time::Duration;
use sync::local::Account;
use tokio::sync::mpsc;

/// For how long a link is good.
pub const LINK_MS: u64 = 30 * 60 * 1_000;

/// How many requests may wait for their mail; beyond that the server is busy.
pub const MAILS_WAITING_MAX: usize = 100;

/// How long to wait between the tries to send one mail.
const TRIES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// Where requests for a link are left.
#[derive(Clone, Debug)]
pub(crate) struct LetterBox(mpsc::Sender<String>);

impl LetterBox {
    /// The box, and what is left in it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(MAILS_WAITING_MAX);
        (Self(sender), receiver)
    }
}

/// Takes a request for a link.
pub(super) async fn forgot_password(visitor: Visitor, email: String) -> Result<(), AccountError> {
    let letters = visitor
        .shared
        .letters
        .as_ref()
        .ok_or(AccountError::MailOff)?;
    let email = checked_email(&email)?;
    visitor.shared.throttle.knock(visitor.address)?;
    // Who has asked for many gets no more for a while. Nobody is told: it is somebody else's
    // mailbox, and the newest link is in it.
    if visitor.shared.throttle.may_be_mailed(email) {
        letters
            .0
            .try_send(email.to_owned())
            .map_err(|_| AccountError::Busy)?;
    }
    Ok(())
}

/// Sets a new password by what a link carries, and takes every other way in away.
pub(super) async fn reset_password(
    visitor: Visitor,
    token: String,
    new: String,
) -> Result<Account, AccountError> {
    check_password_length(&new)?;
    if is_well_known(&new, "") {
        return Err(AccountError::WeakPassword);
    }
    visitor.shared.throttle.knock(visitor.address)?;
    let hash = visitor.shared.passwords.hash(new).await?;
    let (shared, token) = (visitor.shared.clone(), hash_of(&token));
    let spent = unbroken(async move {
        let store = &shared.store;
        let spent = store.spend_password_link(&token, &hash, now_ms()).await?;
        if let Some(user) = &spent {
            poke(&shared, user.id);
        }
        Ok(spent)
    });
    let user = spent.await?.ok_or(AccountError::LinkSpent)?;
    tracing::info!("a mailed link was spent");
    enter(visitor, user).await
}

/// Sends the mails that are asked for, one after the other, until the server ends.
pub(crate) async fn deliver(
    store: Store,
    mailer: Arc<dyn Mailer>,
    public_url: String,
    mut asked: mpsc::Receiver<String>,
    mut shutdown: Shutdown,
) {
    loop {
        let email = tokio::select! {
            email = asked.recv() => email,
            () = shutdown.asked() => None,
        };
        let Some(email) = email else { return };
        tokio::select! {
            () = deliver_one(&store, mailer.as_ref(), &public_url, &email) => {}
            () = shutdown.asked() => return,
        }
    }
}

async fn deliver_one(store: &Store, mailer: &dyn Mailer, public_url: &str, email: &str) {
    let Ok(token) = secret() else { return };
    let expires_at_ms = now_ms() + LINK_MS;
    let hash = hash_of(&token);
    let to = match store.add_password_link(email, &hash, expires_at_ms).await {
        Ok(Some(to)) => to,
        Ok(None) => return tracing::debug!("a link for nobody"),
        Err(error) => return error.log(),
    };
    // Behind the `#`, so that no server's log and no referrer ever has it.
    let link = format!("{public_url}/auth/reset#{token}");
    let mail = Mail {
        to,
        subject: RESET_MAIL_SUBJECT.to_owned(),
        text: reset_mail(&link),
    };
    for wait in TRIES.into_iter().map(Some).chain([None]) {
        match (mailer.send(&mail).await, wait) {
            (Ok(()), _) => return tracing::info!("a link was mailed"),
            (Err(error), Some(wait)) if !error.is_permanent() => {
                tracing::debug!(%error, "mail");
                tokio::time::sleep(wait).await;
            }
            (Err(error), _) => return tracing::warn!(%error, "a mail was not sent"),
        }
    }
}
