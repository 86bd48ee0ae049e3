//! Writing: edits that are kept together or not at all.

use super::client::{Client, use_client};
use super::{new_id, unkept};
use sync::local::{Ask, Edit, Failure};

/// A way to write, to be had with [`use_mutation`].
#[derive(Clone, Copy)]
pub struct Mutation(Client);

/// A way to write.
#[must_use]
pub fn use_mutation() -> Mutation {
    Mutation(use_client())
}

impl Mutation {
    /// Keeps the edits, and lets the draft go that they make superfluous. They are on their way
    /// when this returns and on disk when its future does. A page that dies in between has noted
    /// them, and the next one asks again.
    ///
    /// # Errors
    /// Nothing was kept; the failure says why.
    pub fn keep(
        self,
        edits: Vec<Edit>,
        drop_draft: Option<String>,
    ) -> impl Future<Output = Result<(), Failure>> + 'static {
        let id = new_id();
        let ask = Ask::Mutate {
            id,
            edits,
            drop_draft,
        };
        let account = self.0.account().map(|account| account.id);
        if let Some(account) = account {
            unkept::note(account, id, &ask);
        }
        let answer = self.0.ask(ask);
        async move {
            let result = answer.await.map(|_| ());
            if let Some(account) = account {
                unkept::forget(account, id, &result);
            }
            result
        }
    }
}
