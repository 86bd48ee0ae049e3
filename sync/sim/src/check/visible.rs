//! **Visible**: what lost or was refused is never silent: its words are in a row or a revision
//! that its writer can open.

use crate::world::World;

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
    }
}
