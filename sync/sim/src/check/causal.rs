//! **Causal**: an edit made after seeing a value wins over it, at once on its device and finally
//! everywhere. "I typed and it went away" leaves all devices equal; only this sees it.

use crate::oracle::{Token, pieces_in};
use crate::store::Name;
use crate::world::World;
use std::collections::BTreeSet;
use sync::change::Op;
use sync::device::edit::Written;
use sync::local::Edit;
use sync::row::Row;
use sync::table::text;
use sync::value::FieldKind;

impl World {
    /// What a person has just written is what they see.
    pub fn check_the_write(&mut self, device: usize, edits: &[Edit], written: &Written) {
        if let Some(group) = written.changes.iter().find_map(|local| local.change.group) {
            self.checks.groups.insert(group.id, group.size);
        }
        for edit in edits {
            let name = (edit.table.clone(), edit.key);
            let seen = self.devices[device].store.seen(&name);
            let kept = match (edit.op, seen) {
                (Op::Delete, seen) => seen.is_none(),
                (_, Some(record)) => {
                    let shows = |(field, value)| record.seen.fields.get(field) == Some(value);
                    edit.fields.iter().all(shows)
                }
                (_, None) => false,
            };
            if !kept {
                let whole = edits.len() == 1;
                let checker = if whole { "causal" } else { "atomic" };
                let record = self.devices[device].store.records.get(&name);
                let what =
                    format!("device {device} wrote {edit:?} and sees {record:?}; {written:?}");
                return self.violated(checker, what);
            }
        }
    }

    /// A short text on a screen never goes back to one that it was written over.
    pub fn check_causality(&mut self, device: usize, name: &Name, written: bool) {
        let Some(table) = self
            .rules
            .schema
            .table(&name.0)
            .filter(|table| !table.server_only)
        else {
            return;
        };
        for field in table.fields.iter().filter(|f| !f.merged) {
            if !matches!(field.kind, FieldKind::Text { .. }) {
                continue;
            }
            self.checks.looks += 1;
            let shown = (device, name.clone(), field.name);
            let record = self.devices[device].store.seen(name);
            let value = record.and_then(|record| text(record.seen.fields.get(field.name)?));
            let now = value
                .and_then(|text| pieces_in(text).next())
                .map(|(_, token)| token);
            let Some(now) = now else {
                self.checks.shown.remove(&shown);
                continue;
            };
            let before = self
                .checks
                .shown
                .insert(shown, now)
                .filter(|before| *before != now);
            let Some(before) = before else { continue };
            let excused = self.checks.restored || self.oracle.was_deleted_since(name, before);
            if !excused && self.oracle.is_ancestor(now, before) {
                let by = if written { "its person" } else { "a page" };
                let what = format!(
                    "device {device} went back from piece {before} to {now} in {name:?}, by {by}; \
                     {:?} {:?}",
                    self.devices[device].store.records.get(name),
                    self.devices[device]
                        .store
                        .changes_of(name)
                        .collect::<Vec<_>>(),
                );
                return self.violated("causal", what);
            }
        }
    }

    /// No row ends with a text that somebody knowingly wrote over.
    pub fn check_final_causality(&mut self) {
        let there = self.pieces_on_the_server();
        let people = 0..self.history.people;
        let logs = people.filter_map(|p| self.servers.ledger.log(&crate::server::own(p)));
        let undone = logs
            .flat_map(sync::hub::ledger::Log::rows)
            .find_map(|row| self.undone(row, &there));
        if let Some(what) = undone.or_else(|| self.risen()) {
            self.violated("causal", what);
        }
    }

    /// A row that was deleted by somebody who had seen all of it, and is there.
    fn risen(&self) -> Option<String> {
        let evicted = |person| {
            let mut devices = self.devices.iter().filter(|device| device.person == person);
            devices.any(|device| device.evictions > 0)
        };
        let people = (0..self.history.people).filter(|person| !evicted(*person));
        let logs = people.filter_map(|p| self.servers.ledger.log(&crate::server::own(p)));
        let mut living = logs
            .flat_map(sync::hub::ledger::Log::rows)
            .filter(|row| !row.deleted);
        let risen = |row: &&Row| self.oracle.stays_dead(&(row.table.clone(), row.key));
        let row = living.find(|row| !self.checks.restored && risen(row))?;
        Some(format!(
            "{} was deleted for good, and is there: {row:?}",
            row.key
        ))
    }

    fn undone(&self, row: &Row, there: &BTreeSet<Token>) -> Option<String> {
        let table = self
            .rules
            .schema
            .table(&row.table)
            .filter(|table| !table.server_only)?;
        if self
            .oracle
            .deleted
            .contains_key(&(row.table.clone(), row.key))
        {
            return None;
        }
        for field in table.fields.iter().filter(|field| !field.merged) {
            let value = row.fields.get(field.name).and_then(text);
            let Some((_, last)) = value.and_then(|text| pieces_in(text).next()) else {
                continue;
            };
            let over = self.oracle.pieces.iter().find(|(token, piece)| {
                piece.over == Some(last) && !piece.excused && there.contains(token)
            });
            if let Some((token, _)) = over {
                return Some(format!(
                    "{} of {} ends with piece {last}, which {token} was written over",
                    field.name, row.key
                ));
            }
        }
        None
    }
}
