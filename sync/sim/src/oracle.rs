//! What was really written: by whom, where, and looking at what. Every text that anybody writes
//! carries a token of its own, so that it can be found again, or missed.

use std::collections::{BTreeMap, BTreeSet};
use sync::change::Op;
use sync::local::Edit;
use sync::table::text;
use sync::value::Value;

/// A piece of writing, unique in its history.
pub type Token = u32;

/// One committed piece of writing.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The person.
    pub person: u8,
    /// The device, by its number in the world.
    pub device: usize,
    /// The row that it was written into.
    pub row: crate::store::Name,
    /// For a short text: the piece that it took the place of, knowingly.
    pub over: Option<Token>,
    /// Nobody promises anything about it any more: its device was thrown away before the
    /// server had it, or its person is gone.
    pub excused: bool,
}

/// Everything written in one history.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    next: Token,
    /// The pieces.
    pub pieces: BTreeMap<Token, Piece>,
    /// Pieces that somebody took away, seeing them.
    pub removed: BTreeSet<Token>,
    /// Rows that somebody deleted, and the last piece written anywhere before: what is put back of
    /// such a row is as old as who puts it back.
    pub deleted: BTreeMap<crate::store::Name, Token>,
    /// Rows of which a deletion is the last that anybody did.
    pub dead: BTreeSet<crate::store::Name>,
    /// Pieces that somebody saw go to the trash, or wrote into what lies there.
    pub binned: BTreeSet<Token>,
    /// Rows that somebody inserted.
    inserted: BTreeSet<crate::store::Name>,
    /// Rows of which nobody can say what a deletion of them has seen: inserted by two, or with
    /// edits that leave no piece behind, or that came after an earlier deletion, or with one on
    /// its way while tombstones were cleared out: its device cannot know that it was there.
    pub muddled: BTreeSet<crate::store::Name>,
    /// How many edits were committed.
    pub edits: u64,
}

impl Oracle {
    /// A token that was never given before.
    pub fn token(&mut self) -> Token {
        self.next += 1;
        self.next
    }

    /// Keeps account of rows that are deleted, and of edits that make it hard to say.
    pub fn watch_over_the_dead(&mut self, edit: &Edit) {
        let name = (edit.table.clone(), edit.key);
        if edit.op == Op::Delete {
            self.deleted.insert(name.clone(), self.next);
            self.dead.insert(name);
            return;
        }
        self.dead.remove(&name);
        let has_pieces = |value: &Value| text(value).is_some_and(|t| pieces_in(t).next().is_some());
        let once_more = edit.op == Op::Insert && !self.inserted.insert(name.clone());
        if once_more || self.deleted.contains_key(&name) || !edit.fields.values().any(has_pieces) {
            self.muddled.insert(name);
        }
    }

    /// Whether a row has to stay deleted: its deletion was the last that anybody did, and all
    /// that was ever written there was seen and taken away by somebody.
    #[must_use]
    pub fn stays_dead(&self, name: &crate::store::Name) -> bool {
        let mut pieces = self.pieces.iter().filter(|(_, piece)| piece.row == *name);
        self.dead.contains(name)
            && !self.muddled.contains(name)
            && pieces.all(|(token, _)| self.removed.contains(token))
    }

    /// Whether a row was deleted after this piece was written.
    #[must_use]
    pub fn was_deleted_since(&self, name: &crate::store::Name, piece: Token) -> bool {
        self.deleted.get(name).is_some_and(|last| piece <= *last)
    }

    /// Whether `older` was knowingly written over on the way to `newer`.
    #[must_use]
    pub fn is_ancestor(&self, older: Token, newer: Token) -> bool {
        let mut at = newer;
        // Pieces are written over in the order of their making, so this ends.
        while let Some(over) = self.pieces.get(&at).and_then(|piece| piece.over) {
            if over == older {
                return true;
            }
            at = over;
        }
        false
    }
}

/// A person's text for this token.
#[must_use]
pub fn text_of(person: u8, token: Token) -> String {
    format!("p{person}t{token}")
}

/// The pieces in a text, each with its person.
pub fn pieces_in(text: &str) -> impl Iterator<Item = (u8, Token)> + '_ {
    text.split_ascii_whitespace().filter_map(|word| {
        let (person, token) = word.strip_prefix('p')?.split_once('t')?;
        Some((person.parse().ok()?, token.parse().ok()?))
    })
}
