//! **Durable**: what was saved on a device is still somewhere: in the server's rows or
//! revisions, or on a device. Unless somebody took it away, seeing it.

use crate::oracle::{Piece, Token};
use crate::world::World;
use crate::write::tokens;
use std::collections::BTreeSet;

impl World {
    /// All pieces that the server has of anybody, in rows and revisions.
    pub fn pieces_on_the_server(&self) -> BTreeSet<Token> {
        let people = 0..self.history.people;
        let logs = people.filter_map(|p| self.servers.ledger.log(&crate::server::own(p)));
        logs.flat_map(sync::hub::ledger::Log::rows)
            .flat_map(|row| tokens(row.fields.values()))
            .collect()
    }

    /// Whether nothing is promised about a piece. Of a row that was deleted around the time the
    /// database was put back, nobody can say what its deleter had seen.
    pub fn is_excused(&self, piece: &Piece) -> bool {
        piece.excused || (self.checks.restored && self.oracle.deleted.contains_key(&piece.row))
    }

    fn pieces_on_devices(&self) -> BTreeSet<Token> {
        let stores = self.devices.iter().map(|device| &device.store);
        let changes = stores.clone().flat_map(|store| store.changes.values());
        let rows = stores.flat_map(|store| store.records.values());
        let in_changes = changes.flat_map(|local| tokens(local.change.fields.values()));
        let in_rows = rows.flat_map(|record| tokens(record.seen.fields.values()));
        in_changes.chain(in_rows).collect()
    }

    /// Looks for every piece.
    pub fn check_durability(&mut self) {
        let there = self.pieces_on_the_server();
        let here = self.pieces_on_devices();
        let lost = self.oracle.pieces.iter().find(|(token, piece)| {
            !self.is_excused(piece)
                && !self.oracle.removed.contains(token)
                && !there.contains(token)
                && !here.contains(token)
        });
        if let Some((token, piece)) = lost {
            let what = format!("piece {token} of device {} is nowhere", piece.device);
            self.violated("durable", what);
        }
    }
}
