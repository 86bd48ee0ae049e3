//! What a server has acknowledged of one journal, in a list of our own, and what of it is there.

use crate::line::Line;
use crate::load::PUSH_MAX;
use crate::person::{Person, Said, pass};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use sync::change::Change;
use sync::frame::{Outcome, ServerFrame};
use sync::id::Id;
use sync::row::Row;
use sync::scope::{Lsn, Markers};
use sync::table::text;

/// How many faults of one kind are told in words.
const TOLD_MAX: usize = 5;

/// What was acknowledged, and how far it has been compared.
#[derive(Debug)]
pub(crate) struct Ledger {
    person: Person,
    /// Every change that was answered, with its position; none for what the planted fault claims.
    acknowledged: BTreeMap<Id, (Change, Option<Lsn>)>,
    /// The last change of each entry.
    newest: BTreeMap<Id, Id>,
    given: BTreeSet<Lsn>,
    /// Entries that were written since the last comparison.
    touched: BTreeSet<Id>,
    markers: Markers,
    pub(crate) faults: Faults,
}

/// What must not be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Acknowledged, and not there.
    pub(crate) lost: usize,
    /// There twice, or there and never sent.
    pub(crate) doubled: usize,
    /// Other answers than there should be, and damage.
    pub(crate) other: usize,
    told: Vec<String>,
}

impl AddAssign<&Self> for Faults {
    fn add_assign(&mut self, more: &Self) {
        self.lost += more.lost;
        self.doubled += more.doubled;
        self.other += more.other;
        self.told.extend(more.told.iter().take(TOLD_MAX).cloned());
    }
}

impl Faults {
    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }

    fn lost(&mut self, what: &str) {
        self.lost += 1;
        self.tell(format!("lost: {what}"));
    }

    fn doubled(&mut self, what: &str) {
        self.doubled += 1;
        self.tell(format!("doubled: {what}"));
    }

    pub(crate) fn other(&mut self, what: String) {
        self.other += 1;
        self.tell(what);
    }

    /// An error if there are any.
    pub(crate) fn verdict(&self) -> Result<()> {
        if self.lost + self.doubled + self.other == 0 {
            return Ok(());
        }
        bail!(
            "lost {}, doubled {}, other faults {}; the first are:\n{}",
            self.lost,
            self.doubled,
            self.other,
            self.told.join("\n")
        )
    }
}

impl Ledger {
    pub(crate) fn of(person: Person) -> Self {
        Self {
            person,
            acknowledged: BTreeMap::new(),
            newest: BTreeMap::new(),
            given: BTreeSet::new(),
            touched: BTreeSet::new(),
            markers: Markers::default(),
            faults: Faults::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// Notes an answer.
    pub(crate) fn answered(&mut self, change: &Change, outcome: &Outcome) {
        let op_id = change.op_id;
        let Outcome::Applied { lsn, .. } = outcome.first() else {
            return self
                .faults
                .other(format!("{op_id} was answered {outcome:?}"));
        };
        match self.acknowledged.get(&op_id) {
            Some(_) if outcome.is_kept() => {
                self.faults
                    .lost(&format!("{op_id}, which was taken anew at {lsn}"));
            }
            Some((_, first)) if *first != Some(*lsn) => {
                self.faults
                    .doubled(&format!("{op_id}, at {first:?} and at {lsn}"));
            }
            Some(_) => return,
            None if !self.given.insert(*lsn) => {
                self.faults.doubled(&format!("the position {lsn}"));
            }
            None => {}
        }
        self.note(change, Some(*lsn));
    }

    /// The planted fault: takes as acknowledged what was only sent.
    pub(crate) fn claimed(&mut self, change: &Change) {
        self.note(change, None);
    }

    fn note(&mut self, change: &Change, lsn: Option<Lsn>) {
        self.newest.insert(change.key, change.op_id);
        self.touched.insert(change.key);
        self.acknowledged
            .insert(change.op_id, (change.clone(), lsn));
    }

    /// Reads on in the feed and compares what was written since. Everything that was sent must
    /// have been answered by now.
    pub(crate) async fn compare(&mut self, line: &mut Line) -> Result<()> {
        let mut positions = BTreeSet::new();
        let mut seen = BTreeSet::new();
        loop {
            let (frames, _) = self.person.pull(line, self.markers.clone()).await?;
            for frame in &frames {
                pass(&mut self.markers, frame);
                let rows: &[Row] = match frame {
                    ServerFrame::Delta(delta) => &delta.rows,
                    ServerFrame::Change(change) => &change.rows,
                    ServerFrame::Error(error) => bail!("a pull ended: {error:?}"),
                    _ => &[],
                };
                // What comes with the server has positions of its own.
                for row in rows.iter().filter(|row| row.table != "prompts") {
                    if !positions.insert(row.lsn) {
                        self.faults.doubled(&format!("the position {}", row.lsn));
                    }
                    if row.table == "journal_entries" {
                        self.compare_row(row);
                        seen.insert(row.key);
                    }
                }
            }
            if frames.iter().any(|frame| frame.kind() == "delta_complete") {
                break;
            }
        }
        for key in std::mem::take(&mut self.touched) {
            if !seen.contains(&key) {
                self.faults
                    .lost(&format!("the entry {key}, which the feed does not bring"));
            }
        }
        Ok(())
    }

    fn compare_row(&mut self, row: &Row) {
        let newest = self.newest.get(&row.key);
        let newest = newest.and_then(|op_id| self.acknowledged.get(op_id));
        let Some((change, lsn)) = newest else {
            return self
                .faults
                .doubled(&format!("the entry {}, which nobody sent", row.key));
        };
        let body = |fields: &sync::value::Fields| fields.get("body").and_then(text).cloned();
        let same = row.op_id == change.op_id
            && lsn.is_none_or(|lsn| lsn == row.lsn)
            && body(&row.fields) == body(&change.fields);
        if !same {
            let (key, op_id) = (row.key, change.op_id);
            self.faults.lost(&format!(
                "{op_id} of the entry {key}, which has {}",
                row.op_id
            ));
        }
    }

    /// Takes the whole journal as a new device does, and sends every change once more: all of
    /// them must be there, and each must get its first answer.
    pub(crate) async fn compare_all(&mut self, line: &mut Line) -> Result<()> {
        self.markers = Markers::default();
        self.touched = self.newest.keys().copied().collect();
        self.compare(line).await?;
        let changes = self.acknowledged.values().map(|(change, _)| change.clone());
        let changes: Vec<_> = changes.collect();
        for some in changes.chunks(PUSH_MAX) {
            let Said::Taken(outcomes) = self.person.push(line, some.to_vec()).await? else {
                bail!("a repeated push was refused");
            };
            for change in some {
                match outcomes.get(&change.op_id) {
                    Some(outcome) => self.answered(change, outcome),
                    None => self
                        .faults
                        .other(format!("{} has no outcome", change.op_id)),
                }
            }
        }
        self.compare(line).await
    }
}
