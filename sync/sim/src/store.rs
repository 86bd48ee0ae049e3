//! A device's disk: what a browser's store does, transaction by transaction. Each method is one
//! transaction: it is done whole or not at all, and [`crate::perform`] decides which.

use std::collections::{BTreeMap, BTreeSet};
use sync::device::collect::Collection;
use sync::device::edit::{self, EditError, Written};
use sync::device::effect::{Answer, Committed, Page};
use sync::device::event::Refused;
use sync::device::meta::{Meta, Rebuild};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount};
use sync::device::pick::Picker;
use sync::device::receive::{self, HeldRows};
use sync::device::record::{Held, Record};
use sync::device::settle::{self, Settled};
use sync::device::state::Stored;
use sync::device::sweep::{Swept, sweep};
use sync::digest::Digest;
use sync::frame::Digests;
use sync::id::{Id, Mint};
use sync::limits::SWEEP_ROWS_MAX;
use sync::local::Edit;
use sync::planted;
use sync::rules::Rules;
use sync::scope::{Lsn, Markers, Scope};

/// A row's name.
pub type Name = (String, Id);

/// Everything that survives a crash.
#[derive(Clone, Debug)]
pub struct Store {
    rules: Rules,
    /// The device's counters.
    pub meta: Meta,
    /// Where it stands.
    pub markers: Markers,
    /// The rows.
    pub records: BTreeMap<Name, Record>,
    /// The outbox and the history.
    pub changes: BTreeMap<u64, LocalChange>,
    /// Those of them that are not closed.
    open: BTreeSet<u64>,
    by_row: BTreeMap<Name, Vec<u64>>,
    /// Rows that the last transaction wrote, for whoever watches.
    pub touched: Vec<Name>,
}

impl Store {
    /// An empty store of this device.
    #[must_use]
    pub fn new(rules: Rules, device_id: Id) -> Self {
        Self {
            rules,
            meta: Meta::new(device_id),
            markers: Markers::default(),
            records: BTreeMap::new(),
            changes: BTreeMap::new(),
            open: BTreeSet::new(),
            by_row: BTreeMap::new(),
            touched: Vec::new(),
        }
    }

    /// What an engine that starts is told.
    #[must_use]
    pub fn stored(&self) -> Stored {
        Stored {
            device_id: self.meta.device_id,
            markers: self.markers.clone(),
            outbox: self.count(),
            offset_ms: self.meta.offset_ms,
            rebuild: self.meta.rebuild,
            generation: self.meta.generation,
            headed: self.meta.headed,
            updated: false,
        }
    }

    /// How the outbox stands.
    #[must_use]
    pub fn count(&self) -> OutboxCount {
        OutboxCount::of(self.open())
    }

    /// The row as its person sees it, if they do.
    #[must_use]
    pub fn seen(&self, name: &Name) -> Option<&Record> {
        let record = self.records.get(name);
        record.filter(|record| record.is_visible(self.meta.floor))
    }

    /// Whether a change was made here and is shown: the server has it, or another that carries
    /// its values lies on its row.
    #[must_use]
    pub fn shows_its_own(&self, op_id: Id) -> bool {
        let shown = |state| matches!(state, ChangeState::Done | ChangeState::Superseded);
        let mut changes = self.changes.values();
        changes.any(|local| local.change.op_id == op_id && shown(local.state))
    }

    /// How many changes there are of each kind.
    #[must_use]
    pub fn kinds(&self) -> String {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for local in self.changes.values() {
            let kind = format!("{:?}, from the server {}", local.state, local.from_server);
            *kinds.entry(kind).or_default() += 1;
        }
        format!("{kinds:?}")
    }

    /// A row's changes.
    pub fn changes_of(&self, name: &Name) -> impl Iterator<Item = &LocalChange> {
        let seqs = self.by_row.get(name).into_iter().flatten();
        seqs.filter_map(|seq| self.changes.get(seq))
    }

    /// The changes that are not closed, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &LocalChange> {
        self.open.iter().filter_map(|seq| self.changes.get(seq))
    }

    /// A person's edits.
    ///
    /// # Errors
    /// They are not kept, and nothing was written.
    pub fn write(&mut self, mint: &mut Mint, edits: Vec<Edit>) -> Result<Written, EditError> {
        let names = edits.iter().map(|edit| (edit.table.clone(), edit.key));
        let held = self.hold(names.collect());
        let mut meta = self.meta.clone();
        let written = edit::write(&self.rules, &mut meta, mint, held, edits)?;
        self.meta = meta;
        let half = planted!(WriteIsTwoTransactions) && written.records.len() > 1;
        let records = written
            .records
            .iter()
            .take(if half { 1 } else { usize::MAX });
        self.keep(records.cloned().collect(), written.changes.clone());
        Ok(written)
    }

    /// Rows from the server, and the markers they lead to.
    ///
    /// # Errors
    /// They do not fit, and nothing was written.
    pub fn receive(
        &mut self,
        mint: &mut Mint,
        page: &Page,
        pass: &[Lsn],
    ) -> Result<Committed, Refused> {
        let names = page.rows().iter().map(|row| (row.table.clone(), row.key));
        let held = self.hold(names.collect());
        let mut meta = self.meta.clone();
        let received = receive::page(
            &self.rules,
            &self.markers,
            &mut meta,
            mint,
            held,
            page,
            pass,
        );
        let received = received.map_err(|error| Refused::of(&error, &self.markers))?;
        self.meta = meta;
        for (scope, table, marker) in &received.moved {
            self.markers.set(scope, table, *marker);
        }
        let changed = by_table(&received.records);
        self.keep(received.records, received.changes);
        Ok(Committed {
            moved: received.moved,
            unfed: None,
            changed,
            settled: Vec::new(),
            conflicts: received.conflicts,
            skipped: received.skipped,
            outbox: self.count(),
        })
    }

    /// Changes for a push, marked as being on their way.
    pub fn take(&mut self, now_ms: u64, limit: usize) -> Vec<LocalChange> {
        let mut picker = Picker::at(now_ms, self.meta.offset_ms, limit);
        let all_seen = self.open().all(|local| picker.offer(local));
        let mut taken = picker.finish(all_seen);
        for local in &mut taken {
            local.state = match planted!(OutboxIsEmptiedOnSend) {
                true => ChangeState::Done,
                false => ChangeState::InFlight,
            };
            self.keep_change(local.clone());
        }
        taken
    }

    /// What became of a push.
    pub fn settle(&mut self, mint: &mut Mint, taken: &[LocalChange], answer: &Answer) -> Committed {
        let names = taken
            .iter()
            .map(|local| (local.change.table.clone(), local.change.key));
        let held = self.hold(names.collect());
        let settled = match answer {
            Answer::Outcomes(result) => {
                settle::answered(&self.rules, &mut self.meta, mint, held, result)
            }
            Answer::Failed(class) => settle::unanswered(&self.rules, mint, held, *class),
        };
        self.settled(settled)
    }

    /// Everything that was refused is due again.
    pub fn retry(&mut self, mint: &mut Mint) -> OutboxCount {
        let failed = self.open().filter(|l| l.state == ChangeState::Failed);
        let names = failed.map(|local| (local.change.table.clone(), local.change.key));
        let held = self.hold(names.collect());
        let settled = settle::retry(&self.rules, &mut self.meta, mint, held);
        self.settled(settled).outbox
    }

    /// Rows that were set aside are let go of.
    pub fn discard_aside(&mut self) {
        let aside = self
            .open()
            .filter(|l| l.from_server && l.state == ChangeState::Failed);
        let aside: Vec<_> = aside
            .map(|local| {
                (
                    (local.change.table.clone(), local.change.key),
                    local.local_seq,
                )
            })
            .collect();
        for (name, seq) in aside {
            let settled = settle::discard(&self.rules, self.held(&name), &[seq]);
            self.settled(settled);
        }
    }

    /// The state is taken anew from here on.
    pub fn begin_rebuild(&mut self, rebuild: Rebuild, markers: Markers) {
        self.markers = markers;
        planted!(GenerationStays, return);
        self.meta.begin_rebuild(rebuild);
    }

    /// The state is here anew.
    pub fn finish_rebuild(&mut self) -> OutboxCount {
        self.meta.finish_rebuild();
        self.touched.extend(self.records.keys().cloned());
        self.count()
    }

    /// Some rows of older generations. Tells whether there are more.
    pub fn sweep(&mut self, mint: &mut Mint) -> (bool, OutboxCount) {
        let old =
            |record: &&Record| record.base.is_some() && record.generation < self.meta.generation;
        let names = self.records.iter().filter(|(_, record)| old(record));
        let mut names: Vec<_> = names
            .map(|(name, _)| name.clone())
            .take(SWEEP_ROWS_MAX + 1)
            .collect();
        let left = names.len() > SWEEP_ROWS_MAX;
        names.truncate(SWEEP_ROWS_MAX);
        for name in names {
            let held = self.held(&name);
            match sweep(&self.rules, &mut self.meta, mint, &held) {
                None => {}
                Some(Swept::Drop) => {
                    self.records.remove(&name);
                    for seq in self.by_row.remove(&name).unwrap_or_default() {
                        self.changes.remove(&seq);
                        self.open.remove(&seq);
                    }
                    self.touched.push(name);
                }
                Some(Swept::Keep(record, changes)) => self.keep(vec![record], changes),
            }
        }
        (left, self.count())
    }

    /// Clears out what has served its time.
    pub fn collect(&mut self, now_ms: u64) {
        let collection = Collection::at(now_ms);
        let gone = self
            .changes
            .values()
            .filter(|local| collection.takes_change(local));
        for seq in gone.map(|local| local.local_seq).collect::<Vec<_>>() {
            self.drop_change(seq);
        }
        self.records
            .retain(|_, record| !collection.takes_record(record));
    }

    /// The digests of all tables, by scope.
    #[must_use]
    pub fn digests(&self) -> Digests {
        let mut digests = Digests::new();
        for table in self.rules.schema.tables {
            for scope in table.scopes {
                let tables = digests.entry(Scope::named(scope)).or_default();
                tables.entry(table.name.to_owned()).or_default();
            }
        }
        for record in self.records.values() {
            let Some(base) = record
                .base
                .as_ref()
                .filter(|_| !record.is_left_behind(self.meta.floor))
            else {
                continue;
            };
            let table = self.rules.schema.table(&base.table);
            let Some(scope) = table.and_then(|table| table.scopes.first()) else {
                continue;
            };
            let tables = digests.entry(Scope::named(scope)).or_default();
            let digest: &mut Digest = tables.entry(base.table.clone()).or_default();
            digest.add(base);
        }
        digests
    }

    fn settled(&mut self, settled: Settled) -> Committed {
        let changed = by_table(&settled.records);
        self.keep(settled.records, settled.changes);
        for seq in settled.outlived {
            self.drop_change(seq);
        }
        for (scope, table, marker) in &settled.moved {
            self.markers.set(scope, table, *marker);
        }
        Committed {
            moved: settled.moved,
            unfed: settled.unfed,
            changed,
            settled: settled.outcomes,
            conflicts: settled.conflicts,
            skipped: 0,
            outbox: self.count(),
        }
    }

    fn keep(&mut self, records: Vec<Record>, changes: Vec<LocalChange>) {
        for record in records {
            let name = (record.seen.table.clone(), record.key);
            self.touched.push(name.clone());
            self.records.insert(name, record);
        }
        for local in changes {
            let name = (local.change.table.clone(), local.change.key);
            let seqs = self.by_row.entry(name).or_default();
            if !seqs.contains(&local.local_seq) {
                seqs.push(local.local_seq);
            }
            self.keep_change(local);
        }
    }

    fn keep_change(&mut self, local: LocalChange) {
        let seq = local.local_seq;
        match local.state.is_closed() {
            true => self.open.remove(&seq),
            false => self.open.insert(seq),
        };
        self.changes.insert(seq, local);
    }

    fn drop_change(&mut self, seq: u64) {
        self.open.remove(&seq);
        if let Some(local) = self.changes.remove(&seq) {
            let name = (local.change.table.clone(), local.change.key);
            if let Some(seqs) = self.by_row.get_mut(&name) {
                seqs.retain(|other| *other != seq);
            }
        }
    }

    fn hold(&self, names: Vec<Name>) -> HeldRows {
        names
            .into_iter()
            .map(|name| (name.clone(), self.held(&name)))
            .collect()
    }

    fn held(&self, name: &Name) -> Held {
        Held {
            record: self.records.get(name).cloned(),
            changes: self.changes_of(name).cloned().collect(),
        }
    }
}

fn by_table(records: &[Record]) -> Vec<(String, Vec<Id>)> {
    let mut by_table: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    for record in records {
        by_table
            .entry(&record.seen.table)
            .or_default()
            .push(record.key);
    }
    by_table
        .into_iter()
        .map(|(table, keys)| (table.to_owned(), keys))
        .collect()
}
