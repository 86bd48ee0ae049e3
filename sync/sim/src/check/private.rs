//! **Private**: nobody holds a word of anybody else's.

use crate::oracle::pieces_in;
use crate::store::Name;
use crate::world::World;
use sync::row::Row;
use sync::table::text;

impl World {
    /// A row on a device has only its person's words.
    pub fn check_privacy(&mut self, device: usize, name: &Name) {
        let of = &self.devices[device];
        let Some(record) = of.store.records.get(name) else {
            return;
        };
        let rows = [Some(&record.seen), record.base.as_ref()];
        if rows
            .into_iter()
            .flatten()
            .any(|row| has_words_of_others(row, of.person))
        {
            let what = format!("device {device} of person {} holds {record:?}", of.person);
            self.violated("private", what);
        }
    }

    /// A person's scope has only their words, and of an erased one nothing is left.
    pub fn check_private_scopes(&mut self) {
        let mut found = None;
        for person in 0..self.history.people {
            let erased = self.servers.erased.contains(&person);
            let log = self.servers.ledger.log(&crate::server::own(person));
            let mut rows = log.into_iter().flat_map(sync::hub::ledger::Log::rows);
            let row = rows.find(|row| erased || has_words_of_others(row, person));
            found = found.or(row.map(|row| format!("the scope of person {person} holds {row:?}")));
        }
        if let Some(what) = found {
            self.violated("private", what);
        }
    }
}

fn has_words_of_others(row: &Row, person: u8) -> bool {
    let texts = row.fields.values().filter_map(text);
    texts
        .flat_map(|text| pieces_in(text))
        .any(|(of, _)| of != person)
}
