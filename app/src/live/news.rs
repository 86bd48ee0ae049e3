//! What the page knows without asking: who is here, which tables changed, how the connection
//! stands. The signals live as long as the page, so that news may come at any time.

use super::connectivity::Shown;
use super::public_face;
use super::unkept;
use leptos::prelude::*;
use std::collections::BTreeMap;
use sync::local::{Account, Failure, Notice};

/// Whose journal is open on this device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// The worker has not said it yet.
    #[default]
    Unknown,
    /// Nobody's.
    Nobody,
    /// This person's.
    Somebody(Account),
}

impl From<Option<Account>> for Session {
    fn from(account: Option<Account>) -> Self {
        account.map_or(Self::Nobody, Self::Somebody)
    }
}

/// The signals.
#[derive(Clone, Copy)]
pub(super) struct News {
    /// Who is here.
    pub(super) session: RwSignal<Session>,
    /// How often each table changed.
    pub(super) changes: RwSignal<BTreeMap<String, u64>>,
    /// How the connection stands, as it is shown.
    pub(super) shown: Shown,
    /// A page and a worker of another build are ready to take over.
    pub(super) update: RwSignal<bool>,
    /// Why there is no worker, if there is none.
    pub(super) trouble: RwSignal<Option<Failure>>,
}

impl News {
    /// Owned by whoever calls this: the root.
    pub(super) fn new() -> Self {
        Self {
            session: RwSignal::new(Session::Unknown),
            changes: RwSignal::new(BTreeMap::new()),
            shown: Shown::new(),
            update: RwSignal::new(false),
            trouble: RwSignal::new(None),
        }
    }

    /// Something happened in the worker.
    pub(super) fn hear(self, notice: Notice) {
        match notice {
            Notice::TablesChanged { tables } => self.changes.update(|changes| {
                for table in tables {
                    *changes.entry(table).or_default() += 1;
                }
            }),
            Notice::Connectivity(connectivity) => self.shown.hear(connectivity),
            // The connection that follows says the same, and more.
            Notice::AuthExpired => {}
            Notice::AccountChanged(account) => self.be(account.into()),
            Notice::SyncEvent { json } => public_face::tell(&json),
            Notice::Hook { json } => public_face::raise(&json),
        }
    }

    /// Another person is here, or nobody. All rows are others then.
    pub(super) fn be(self, session: Session) {
        let before = self.session.get_untracked();
        if before != session {
            if let (Session::Somebody(left), Session::Nobody) = (before, &session) {
                // Their journal is not here any more, so nothing of it may be.
                unkept::forget_all(left.id);
            }
            self.session.set(session);
            self.changes.update(|changes| {
                for count in changes.values_mut() {
                    *count += 1;
                }
            });
        }
    }
}
