//! **Visible**: what lost or was refused is never silent: its words are in a row or a revision
//! that its writer can open.

use crate::oracle::Token;
use crate::world::World;
use crate::write::tokens;
use sync::hub::ledger::Log;
use sync::row::Row;
use sync::value::Value;

impl World {
    /// Every piece can be read by its writer, in a row or in a revision.
    pub fn check_visibility(&mut self) {
        let there = self.pieces_on_the_server();
        let hidden = self.oracle.pieces.iter().find(|(token, piece)| {
            !self.is_excused(piece)
                && !self.oracle.removed.contains(token)
                && !there.contains(token)
        });
        if let Some((token, piece)) = hidden {
            let what = format!("piece {token} of device {} cannot be opened", piece.device);
            self.violated("visible", what);
        }
        if let Some(what) = self.trashed_unseen() {
            self.violated("visible", what);
        }
    }

    /// Whether a row lies in the trash.
    #[must_use]
    pub fn is_in_the_trash(&self, row: &Row) -> bool {
        let trash = self
            .rules
            .schema
            .table(&row.table)
            .and_then(|table| table.trash);
        trash.is_some_and(|name| !matches!(row.fields.get(name), None | Some(Value::Null)))
    }

    /// Words in the trash that nobody saw there, neither who wrote them nor who put them there.
    fn trashed_unseen(&self) -> Option<String> {
        let unseen = |token: &Token| {
            let piece = self.oracle.pieces.get(token);
            !self.oracle.binned.contains(token) && piece.is_some_and(|p| !self.is_excused(p))
        };
        let people = 0..self.history.people;
        let logs = people.filter_map(|p| self.servers.ledger.log(&crate::server::own(p)));
        let rows = logs.flat_map(Log::rows).filter(|row| !row.deleted);
        let in_trash = rows.filter(|row| self.is_in_the_trash(row));
        for row in in_trash.filter(|_| !self.checks.restored) {
            let muddled = self
                .oracle
                .deleted
                .contains_key(&(row.table.clone(), row.key));
            if let Some(token) = tokens(row.fields.values()).find(|t| !muddled && unseen(t)) {
                return Some(format!("piece {token} went to the trash unseen: {row:?}"));
            }
        }
        None
    }
}
