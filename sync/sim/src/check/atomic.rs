//! **Atomic**: edits that belong together are seen together: accepted whole or not at all, and
//! on a device that is in touch, either all of their rows have come or none.

use crate::store::Name;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use sync::device::state::Phase;
use sync::frame::{Outcome, Push, PushResult};
use sync::id::Id;

impl World {
    /// The server took all changes of a group, or none.
    pub fn check_groups(&mut self, push: &Push, result: &PushResult) {
        let mut taken: BTreeMap<Id, (usize, usize)> = BTreeMap::new();
        for change in &push.changes {
            let Some(group) = change.group else { continue };
            let outcome = result.outcomes.get(&change.op_id).map(Outcome::first);
            let (applied, others) = taken.entry(group.id).or_default();
            match outcome {
                Some(Outcome::Applied { .. }) => *applied += 1,
                _ => *others += 1,
            }
        }
        let torn = taken
            .iter()
            .find(|(_, (applied, others))| *applied > 0 && *others > 0);
        let split = taken.iter().find(|(id, (applied, others))| {
            self.checks
                .groups
                .get(id)
                .is_some_and(|size| *size != applied + others)
        });
        if let Some((id, counts)) = torn.or(split) {
            let what = format!("of group {id} {counts:?} were taken and not taken");
            self.violated("atomic", what);
        }
    }

    /// A device that is in touch has all rows of a group or none.
    pub fn check_groups_are_whole(&mut self, device: usize, touched: &[Name]) {
        let of = &self.devices[device];
        let mut engines = of.tabs.iter().filter_map(|tab| tab.state.as_ref());
        let live = engines.all(|state| state.phase == Phase::Live);
        // Of a group with a row that cannot be stored, the others come all the same.
        if !live || self.checks.restored || of.store.aside().next().is_some() {
            return;
        }
        let bases = touched
            .iter()
            .filter_map(|name| of.store.records.get(name)?.base.as_ref());
        let groups: BTreeSet<_> = bases.filter_map(|base| base.group).collect();
        let log = self.servers.ledger.log(&crate::server::own(of.person));
        for group in groups {
            let server_only = |table: &str| {
                self.rules
                    .schema
                    .table(table)
                    .is_some_and(|table| table.server_only)
            };
            let edited =
                |row: &sync::row::Row| row.group == Some(group) && !server_only(&row.table);
            let rows: Vec<_> = log
                .into_iter()
                .flat_map(sync::hub::ledger::Log::rows)
                .filter(|r| edited(r))
                .collect();
            if self.checks.groups.get(&group) != Some(&rows.len()) {
                // Some of them were edited since; what is left of the group says nothing.
                continue;
            }
            let has = |row: &&sync::row::Row| {
                let base = of.store.records.get(&(row.table.clone(), row.key));
                base.and_then(|record| record.base.as_ref())
                    .is_some_and(|base| {
                        base.lsn >= row.lsn
                            || base.op_id == row.op_id
                            || of.store.shows_its_own(row.op_id)
                    })
            };
            let here = rows.iter().copied().filter(|row| has(row)).count();
            if here != 0 && here != rows.len() {
                let what = format!(
                    "device {device} has {here} of {} rows of {group}: {rows:?}",
                    rows.len()
                );
                return self.violated("atomic", what);
            }
        }
    }
}
