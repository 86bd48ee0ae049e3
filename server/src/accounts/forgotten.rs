//! Forgotten passwords: a link by mail.
//!
//! The request is answered before anybody looks whether there is such a person. One task looks and
//! keeps the link's hash; a few others send the mails. Whatever is full, the answer is the same,
//! and what finds no room is dropped and counted: neither an answer nor its time says anything.

use super::call::Visitor;
use super::mail::{Mail, Mailer};
use super::secrets::{hash_of, secret};
use super::sign_in::{enter, poke};
use super::unbroken::unbroken;
use crate::clock::now_ms;
use crate::serve::Shutdown;
use crate::store::Store;
use crate::telemetry::metrics::MAILS_DROPPED;
use app::account::{
    AccountError, RESET_MAIL_SUBJECT, check_password_length, checked_email, reset_mail,
};
use metrics::counter;
use std::sync::Arc;
use std::time::Duration;
use sync::local::Account;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// For how long a link is good.
pub const LINK_MS: u64 = 30 * 60 * 1_000;

/// How many requests may wait to be looked up; the next are dropped.
pub const ASKED_WAITING_MAX: usize = 100;

/// How many mails may wait to be sent; for more, nobody is looked up.
pub const MAILS_WAITING_MAX: usize = 32;

/// How many mails are sent at a time.
pub const SENDERS: usize = 4;

/// How long to wait between the tries to send one mail.
const TRIES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// Where requests for a link are left.
#[derive(Clone, Debug)]
pub(crate) struct LetterBox(mpsc::Sender<String>);

impl LetterBox {
    /// The box, and what is left in it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(ASKED_WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Leaves a request. Nobody is told when there is no room: only what is asked for people who
    /// are known takes time, so that would tell who is.
    fn leave(&self, email: &str) {
        if self.0.try_send(email.to_owned()).is_err() {
            dropped();
        }
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
        letters.leave(email);
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
    visitor.shared.passwords.must_be_hard(&new, "").await?;
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

/// Answers the requests that are left, until the server ends.
pub(crate) async fn deliver(
    store: Store,
    mailer: Arc<dyn Mailer>,
    public_url: String,
    asked: mpsc::Receiver<String>,
    mut shutdown: Shutdown,
) {
    let (mails, to_send) = mpsc::channel(MAILS_WAITING_MAX);
    let to_send = Arc::new(Mutex::new(to_send));
    let mut tasks = JoinSet::new();
    tasks.spawn(write(store, public_url, asked, mails));
    for _ in 0..SENDERS {
        tasks.spawn(send(Arc::clone(&mailer), Arc::clone(&to_send)));
    }
    // The tasks end with this one.
    shutdown.asked().await;
}

/// Looks people up and writes their mails, one after the other.
async fn write(
    store: Store,
    public_url: String,
    mut asked: mpsc::Receiver<String>,
    mails: mpsc::Sender<Mail>,
) {
    while let Some(email) = asked.recv().await {
        // Before anything is written: the link of before is good for as long as no other is sent.
        let Ok(room) = mails.try_reserve() else {
            dropped();
            continue;
        };
        if let Some(mail) = written(&store, &public_url, &email).await {
            room.send(mail);
        }
    }
}

/// The mail to the person with this address, if there is one.
async fn written(store: &Store, public_url: &str, email: &str) -> Option<Mail> {
    let token = secret().ok()?;
    let expires_at_ms = now_ms() + LINK_MS;
    let hash = hash_of(&token);
    let kept = store.add_password_link(email, &hash, expires_at_ms);
    let to = match kept.await {
        Ok(Some(to)) => to,
        Ok(None) => {
            tracing::debug!("a link for nobody");
            return None;
        }
        Err(error) => {
            error.log();
            return None;
        }
    };
    // Behind the `#`, so that no server's log and no referrer ever has it.
    let link = format!("{public_url}/auth/reset#{token}");
    Some(Mail {
        to,
        subject: RESET_MAIL_SUBJECT.to_owned(),
        text: reset_mail(&link),
    })
}

/// Sends mails, one at a time; others do the same.
async fn send(mailer: Arc<dyn Mailer>, to_send: Arc<Mutex<mpsc::Receiver<Mail>>>) {
    loop {
        // The lock is held for as long as this one is the next.
        let next = to_send.lock().await.recv().await;
        let Some(mail) = next else { return };
        send_one(mailer.as_ref(), &mail).await;
    }
}

async fn send_one(mailer: &dyn Mailer, mail: &Mail) {
    for wait in TRIES.into_iter().map(Some).chain([None]) {
        match (mailer.send(mail).await, wait) {
            (Ok(()), _) => return tracing::info!("a link was mailed"),
            (Err(error), Some(wait)) if !error.is_permanent() => {
                tracing::debug!(%error, "mail");
                tokio::time::sleep(wait).await;
            }
            (Err(error), _) => return tracing::warn!(%error, "a mail was not sent"),
        }
    }
}

fn dropped() {
    counter!(MAILS_DROPPED).increment(1);
}
