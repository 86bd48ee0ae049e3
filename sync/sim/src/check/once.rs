//! **Once**: a change is applied once, however often it is sent.

use crate::world::World;
use std::collections::BTreeSet;

impl World {
    /// No change has two positions.
    pub fn check_once(&mut self) {
        if self.checks.forgetful {
            return;
        }
        for person in 0..self.history.people {
            let Some(log) = self.servers.ledger.log(&crate::server::own(person)) else {
                continue;
            };
            let mut seen = BTreeSet::new();
            let twice = log.history().find(|(_, op_id)| !seen.insert(*op_id));
            if let Some((lsn, op_id)) = twice {
                let what = format!("change {op_id} has a second position, {lsn}");
                return self.violated("once", what);
            }
        }
    }
}
