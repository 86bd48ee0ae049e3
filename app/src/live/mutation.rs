//! Writing: edits that are kept together or not at all.

use super::client::{Client, use_client};
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
    /// when this returns and on disk when its future does.
    ///
    /// # Errors
    /// Nothing was kept; the failure says why.
    pub fn keep(
        self,
        edits: Vec<Edit>,
        drop_draft: Option<String>,
    ) -> impl Future<Output = Result<(), Failure>> + 'static {
        let answer = self.0.ask(Ask::Mutate { edits, drop_draft });
        async move { answer.await.map(|_| ()) }
    }
}
