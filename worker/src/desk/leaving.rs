//! Leaving this device: a person signs out here, or their session was ended from elsewhere.
//!
//! Either way the journal is removed, at the latest when this worker starts again. What would be
//! lost with it is asked for before somebody signs out, and kept as a document, apart from any
//! journal, when they were signed out from elsewhere.

use super::Desk;
use crate::host::Host;
use crate::providers::request;
use crate::storage::StorageError;
use crate::tabs::News;
use std::rc::Rc;
use sync::local::{Ended, Failure, Farewell, Notice};
use wasm_bindgen_futures::spawn_local;

impl Desk {
    /// The person has signed out; their journal goes. Words that are here alone go only if they
    /// may. A sign-out that the server has not `heard` of is passed on at the next contact.
    pub(crate) async fn sign_out(
        self: &Rc<Self>,
        discard: bool,
        heard: bool,
    ) -> Result<(), Failure> {
        let Some(host) = self.host() else {
            return Ok(());
        };
        let connection = host.connection().await?;
        if !discard && !connection.unsent().await?.is_nothing() {
            return Err(Failure {
                code: "unsent".to_owned(),
                message: "Some of your words are on this device alone. Nothing was removed: send \
                          them first, or save them to a file."
                    .to_owned(),
            });
        }
        let registry = self.registry().await?;
        registry.leave(connection.name(), None, !heard).await?;
        Ok(self.remove().await?)
    }

    /// The server ended the session for this device: the journal goes, and what would be lost
    /// with it is kept as a document until its person has seen it.
    pub(crate) async fn end(self: &Rc<Self>, why: Ended) {
        let Some(host) = self.host() else { return };
        if self.ending.replace(true) {
            return;
        }
        if let Err(error) = self.end_now(&host, why).await {
            self.outward.storage_failed(&error);
        }
        self.ending.set(false);
    }

    async fn end_now(self: &Rc<Self>, host: &Rc<Host>, why: Ended) -> Result<(), StorageError> {
        let connection = host.connection().await?;
        let unsent_only = why == Ended::RevokedErase;
        let is_needed = if unsent_only {
            !connection.unsent().await?.is_nothing()
        } else {
            connection.has_words().await?
        };
        let document = if is_needed {
            Some(connection.document(host.account(), unsent_only).await?)
        } else {
            None
        };
        let farewell = Farewell {
            why,
            email: host.account().email.clone(),
            document,
        };
        let registry = self.registry().await?;
        let name = connection.name();
        registry.leave(name, Some(&farewell), false).await?;
        let removed = self.remove().await;
        self.outward.notice(Notice::AccountChanged(None));
        removed
    }

    /// What is left to say of a journal that was ended from elsewhere.
    pub(crate) async fn farewell(&self) -> Result<Option<Farewell>, StorageError> {
        self.registry().await?.farewell().await
    }

    /// It is said.
    pub(crate) async fn let_go(&self) -> Result<(), StorageError> {
        self.registry().await?.let_go().await
    }

    /// Tells the server of a sign-out that it has not heard of, if there is one.
    pub(crate) fn pass_on_owed_sign_out(self: &Rc<Self>) {
        let desk = self.clone();
        spawn_local(async move {
            if let Err(error) = desk.pass_on().await {
                desk.outward.storage_failed(&error);
            }
        });
    }

    async fn pass_on(&self) -> Result<(), StorageError> {
        let registry = self.registry().await?;
        // Out of reach, it stays owed: the next start and the next network try again.
        if registry.owes_sign_out().await? && request::sign_out().await.is_ok() {
            registry.sign_out_heard().await?;
        }
        Ok(())
    }

    /// Closes the journal here and in the other tabs, and removes it.
    async fn remove(self: &Rc<Self>) -> Result<(), StorageError> {
        self.switch(None).await?;
        self.tabs().tell(&News::AccountChanged(None));
        self.registry().await?.finish_leaving().await
    }
}
