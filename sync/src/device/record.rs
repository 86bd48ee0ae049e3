//! What a device keeps of one row: the server's version, and what its person sees.

use super::outbox::LocalChange;
use crate::id::Id;
use crate::local::{Found, Tick};
use crate::merge::{Merged, merge};
use crate::planted;
use crate::row::Row;
use crate::rules::Rules;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One row in the device's store. `seen` is always `base` with this device's own
/// unacknowledged changes joined on top by the same [`merge`]; so a lost answer, an echo or a
/// race ends in the same state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its key.
    pub key: Id,
    /// The row as the server has it; none while the server has not been heard about it.
    pub base: Option<Row>,
    /// The generation in which `base` came; see [`super::meta::Meta::generation`].
    #[serde(default)]
    pub generation: u32,
    /// The row as its person sees it.
    pub seen: Row,
    /// How many of its changes the server has not acknowledged.
    pub waiting: u32,
    /// The code and words of the last refusal, while a refused change is on top.
    pub refused: Option<(String, String)>,
}

impl Record {
    /// Nothing yet.
    #[must_use]
    pub fn empty(table: &str, key: Id) -> Self {
        Self {
            key,
            base: None,
            generation: 0,
            seen: Row::empty(table, key),
            waiting: 0,
            refused: None,
        }
    }

    /// Joins the open changes of this row, oldest first, to the server's version again. Tells
    /// whether one of them met an edit that its writer had not seen.
    pub fn rebuild<'a>(
        &mut self,
        rules: &Rules,
        open: impl Iterator<Item = &'a LocalChange>,
    ) -> bool {
        let fresh = || Row::empty(&self.seen.table, self.key);
        self.seen = self.base.clone().unwrap_or_else(fresh);
        self.waiting = 0;
        self.refused = None;
        let mut conflict = false;
        for local in open {
            self.waiting += 1;
            self.refused = local.refusal.clone().or(self.refused.take());
            if planted!(OutboxIsNotOnTop) {
                continue;
            }
            conflict |= lay_on(rules, &mut self.seen, local);
        }
        conflict
    }

    /// Whether its person sees it at all. `floor` is [`super::meta::Meta::floor`].
    #[must_use]
    pub fn is_visible(&self, floor: u32) -> bool {
        self.is_live() && !self.is_left_behind(floor)
    }

    /// Whether it holds something that is not deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.seen.deleted && !self.seen.fields.is_empty()
    }

    /// Whether the server no longer has it and nothing here is on top of it.
    #[must_use]
    pub const fn is_left_behind(&self, floor: u32) -> bool {
        self.base.is_some() && self.generation < floor && self.waiting == 0
    }

    /// How far its latest words have come.
    #[must_use]
    pub fn tick(&self) -> Tick {
        match &self.refused {
            Some((code, message)) => Tick::Attention {
                code: code.clone(),
                message: message.clone(),
            },
            None if self.waiting > 0 => Tick::Local,
            None => Tick::Synced,
        }
    }

    /// The row as a page is told of it.
    #[must_use]
    pub fn found(&self) -> Found {
        Found {
            key: self.key,
            fields: self.seen.fields.clone(),
            tick: self.tick(),
        }
    }
}

/// Joins one local change to a row. Tells whether it met an edit that its writer had not seen.
pub(super) fn lay_on(rules: &Rules, row: &mut Row, local: &LocalChange) -> bool {
    let Some(table) = rules.schema.table(&row.table) else {
        return false;
    };
    match merge(table, rules.texts, row, &local.change, &local.old) {
        Merged::Joined(joined) => joined.is_conflict(),
        Merged::Gone => true,
    }
}

/// All that is stored of one row, as read inside the transaction that will write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The row, if there is one.
    pub record: Option<Record>,
    /// Its changes, open and closed, oldest first.
    pub changes: Vec<LocalChange>,
}

impl Held {
    /// The changes that lie on top of the row, oldest first.
    #[must_use]
    pub fn open(&self) -> Vec<LocalChange> {
        let open = self.changes.iter().filter(|local| local.is_open());
        open.cloned().collect()
    }

    /// Takes over what an edit wrote, for the next edit of the same transaction to build on.
    pub fn take(&mut self, record: Record, changes: &[LocalChange]) {
        self.record = Some(record);
        self.replace(changes);
    }

    /// Takes over changes that are new or whose state changed.
    pub(super) fn replace(&mut self, changes: &[LocalChange]) {
        for local in changes {
            match self
                .changes
                .iter_mut()
                .find(|held| held.local_seq == local.local_seq)
            {
                Some(held) => held.clone_from(local),
                None => self.changes.push(local.clone()),
            }
        }
    }
}
