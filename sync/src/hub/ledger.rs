//! A server's store in ordered maps, with the whole of what a server does to it: for the
//! `memory` provider, for the simulator, and as the shortest description of a backend. A real
//! one does the same in SQL.

use super::accept::{Incoming, TextName, Verdict, accept, units, wanted_texts};
use super::collect::{DeviceCursor, Plan, Retention, plan};
use super::drift::Shift;
use super::revision;
use super::session::{Found, Positions, Read, Session, claims, verified};
use crate::change::Change;
use crate::digest::Digest;
use crate::frame::{
    Acknowledged, Digests, Hello, Outcome, Push, PushResult, ServerError, ServerFrame, Verified,
    Verify,
};
use crate::id::Id;
use crate::limits::{CHUNK_ROWS_MAX, HEAD_ROWS_MAX};
use crate::planted;
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::{Lsn, Marker, Scope};
use crate::stamp::Stamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// One scope's log and rows.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The last position given out.
    pub lsn: Lsn,
    /// The rows.
    rows: BTreeMap<(String, Id), Row>,
    /// Where each row stands, so that the feed is read in order.
    by_lsn: BTreeMap<Lsn, (String, Id)>,
    /// Which change has each position.
    history: BTreeMap<Lsn, Id>,
    /// The first answer to each change, and when it was given.
    outcomes: BTreeMap<Id, (Outcome, u64)>,
    /// Texts kept as possible bases, and since when.
    texts: BTreeMap<TextName, (String, u64)>,
    /// Up to which position tombstones have been cleared out.
    floor: Lsn,
    /// Where each device stood.
    cursors: BTreeMap<Id, DeviceCursor>,
}

/// All scopes of a server, by the server's own names for them.
#[derive(Clone, Debug)]
pub struct Ledger {
    rules: Rules,
    logs: BTreeMap<String, Log>,
}

/// A session's scopes: the name that the device uses, and the server's own.
pub type Names = Vec<(Scope, String)>;

impl Ledger {
    /// An empty one.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            logs: BTreeMap::new(),
        }
    }

    /// A scope's log, if anything was ever written there.
    #[must_use]
    pub fn log(&self, scope: &str) -> Option<&Log> {
        self.logs.get(scope)
    }

    /// Forgets a scope and all in it.
    pub fn erase(&mut self, scope: &str) {
        self.logs.remove(scope);
    }

    /// Where scopes begin and end, from one look at the store; without their history.
    #[must_use]
    pub fn positions(&self, names: &Names) -> Positions {
        let mut positions = Positions::default();
        for (scope, name) in names {
            let log = self.logs.get(name);
            let ceiling = log.map_or(Marker::START, Log::end);
            positions.ceilings.insert(scope.clone(), ceiling);
            let Some(log) = log else { continue };
            positions.floors.insert(scope.clone(), log.floor);
        }
        positions
    }

    /// Opens a session.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open(&self, hello: &Hello, names: &Names) -> Result<Session, ServerError> {
        let scopes: Vec<_> = names.iter().map(|(scope, _)| scope.clone()).collect();
        let mut positions = self.positions(names);
        for (scope, marker) in claims(hello, &scopes) {
            let log = names.iter().find(|(name, _)| *name == scope);
            let log = log.and_then(|(_, name)| self.logs.get(name));
            let known = log.and_then(|log| log.history.get(&marker.lsn));
            let known = known.map(|op_id| ((scope, marker.lsn), *op_id));
            positions.history.extend(known);
        }
        Session::open(self.rules.schema, hello, scopes, positions)
    }

    /// Reads on for a session. Nothing means that it has been told everything.
    pub fn advance(&self, session: &mut Session, names: &Names) -> Option<Vec<ServerFrame>> {
        loop {
            let frames = match session.read() {
                Read::Wait => return None,
                Read::Head { scope, table, day } => {
                    let log = names.iter().find(|(s, _)| *s == scope);
                    let log = log.and_then(|(_, name)| self.logs.get(name));
                    let rows = log
                        .map(|log| log.newest(table.name, day))
                        .unwrap_or_default();
                    session.found_head(rows)
                }
                Read::Rows {
                    scope,
                    tables,
                    after,
                    ceiling,
                } => {
                    let log = names.iter().find(|(s, _)| *s == scope);
                    let log = log.and_then(|(_, name)| self.logs.get(name));
                    let names: Vec<_> = tables.iter().map(|table| table.name).collect();
                    let found = log.map(|log| log.page(&names, after, ceiling));
                    let nothing = || Found {
                        exhausted: true,
                        ..Found::default()
                    };
                    session.found(found.unwrap_or_else(nothing))
                }
            };
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }

    /// Takes a push into a scope, all of it at once.
    pub fn push(&mut self, scope: &str, push: &Push, now_ms: u64) -> PushResult {
        let mut shift = Shift::between(push.device_time_ms, now_ms);
        let mut changes = Vec::new();
        let mut claimed = BTreeMap::new();
        for change in &push.changes {
            let mut change = change.clone();
            self.rules.schema.raise(push.schema_version, &mut change);
            let given = shift.far_ahead(&change).into_iter();
            let given = given.filter_map(|op_id| Some((op_id, self.given(scope, op_id)?)));
            if let Some(stamp) = shift.take(&mut change, &given.collect()) {
                claimed.insert(change.op_id, stamp);
            }
            changes.push(change);
        }
        let rules = self.rules;
        let log = self.logs.entry(scope.into()).or_default();
        let mut outcomes = BTreeMap::new();
        for unit in units(changes) {
            for (op_id, outcome) in log.take(&rules, unit, &claimed, now_ms) {
                outcomes.entry(op_id).or_insert(outcome);
            }
        }
        PushResult {
            outcomes,
            server_time_ms: now_ms,
        }
    }

    /// The stamp that a change was given instead of the one it claimed, when it was here before.
    fn given(&self, scope: &str, op_id: Id) -> Option<Stamp> {
        match self.logs.get(scope)?.outcome(op_id)? {
            Outcome::Applied { stamp, .. } => *stamp,
            _ => None,
        }
    }

    /// Notes how far a device has stored a scope.
    pub fn acknowledge(&mut self, names: &Names, said: &Acknowledged, now_ms: u64) {
        for (scope, name) in names {
            if let (Some(marker), Some(log)) = (said.positions.get(scope), self.logs.get_mut(name))
            {
                let cursor = DeviceCursor {
                    acknowledged: marker.lsn,
                    heard_at_ms: now_ms,
                };
                log.cursors.insert(said.device_id, cursor);
            }
        }
    }

    /// Compares a device's digests with this side's.
    #[must_use]
    pub fn verify(&self, names: &Names, verify: &Verify) -> Verified {
        let mut ours = Digests::new();
        for (scope, name) in names {
            let tables = ours.entry(scope.clone()).or_default();
            for row in self
                .logs
                .get(name)
                .into_iter()
                .flat_map(|log| log.rows.values())
            {
                let digest: &mut Digest = tables.entry(row.table.clone()).or_default();
                digest.add(row);
            }
        }
        verified(verify, &self.positions(names), &ours)
    }

    /// Clears out what has served its time in a scope. Tells what the plan was.
    pub fn collect(&mut self, scope: &str, now_ms: u64, retention: Retention) -> Option<Plan> {
        let log = self.logs.get_mut(scope)?;
        let devices: Vec<_> = log.cursors.values().copied().collect();
        let plan = plan(now_ms, log.lsn, &devices, retention);
        log.collect(&self.rules, &plan);
        Some(plan)
    }
}

impl Log {
    /// Where the scope ends.
    #[must_use]
    pub fn end(&self) -> Marker {
        let op_id = self.history.get(&self.lsn).copied().unwrap_or_default();
        Marker {
            lsn: self.lsn,
            op_id,
        }
    }

    /// The rows, tombstones included.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Which change has each position.
    pub fn history(&self) -> impl Iterator<Item = (Lsn, Id)> {
        self.history.iter().map(|(lsn, op_id)| (*lsn, *op_id))
    }

    /// The first answer to a change.
    #[must_use]
    pub fn outcome(&self, op_id: Id) -> Option<&Outcome> {
        self.outcomes.get(&op_id).map(|(outcome, _)| outcome)
    }

    fn newest(&self, table: &str, day: &str) -> Vec<Row> {
        let living = self
            .rows
            .values()
            .filter(|row| row.table == table && !row.deleted);
        let mut rows: Vec<_> = living.cloned().collect();
        rows.sort_by(|one, other| other.fields.get(day).cmp(&one.fields.get(day)));
        rows.truncate(HEAD_ROWS_MAX);
        rows
    }

    fn page(&self, tables: &[&str], after: Lsn, ceiling: Option<Lsn>) -> Found {
        let up_to = ceiling.unwrap_or(Lsn::MAX).max(after);
        let names = self.by_lsn.range(after + 1..=up_to.max(after + 1));
        let names =
            names.filter(|(lsn, (table, _))| **lsn <= up_to && tables.contains(&table.as_str()));
        // One more than is sent, so that "there are no more" is known and not guessed.
        let rows = names.filter_map(|(_, name)| self.rows.get(name)).cloned();
        let most = match planted!(ChunksHaveNoLimit) {
            true => usize::MAX / 2,
            false => CHUNK_ROWS_MAX,
        };
        let mut rows: Vec<_> = rows.take(most + 1).collect();
        let exhausted = rows.len() <= most;
        // What a cursor would meet if positions were given before the commit.
        planted!(
            PositionsBeforeCommit,
            rows.retain(|row| row.lsn != self.lsn || row.lsn % 3 > 0)
        );
        rows.truncate(most);
        Found {
            rows,
            exhausted,
            end: self.end(),
            floor: self.floor,
        }
    }

    fn take(
        &mut self,
        rules: &Rules,
        unit: Vec<Change>,
        claimed: &BTreeMap<Id, Stamp>,
        now_ms: u64,
    ) -> Vec<(Id, Outcome)> {
        let ids: Vec<_> = unit.iter().map(|change| change.op_id).collect();
        let known = ids.iter().filter_map(|id| self.outcomes.get(id));
        let forgets =
            planted!(OutcomesAreForgotten) || (planted!(GroupsAreForgotten) && ids.len() > 1);
        if known.count() == ids.len() && !forgets {
            return ids
                .iter()
                .filter_map(|id| Some((*id, self.repeated(*id)?)))
                .collect();
        }
        let incoming = unit
            .into_iter()
            .map(|change| self.load(rules, change, claimed));
        let verdicts = accept(rules, incoming.collect());
        let written = ids.into_iter().zip(verdicts).map(|(op_id, verdict)| {
            match (self.repeated(op_id), verdict) {
                // Of a group that was here in part: what was written once has its position.
                (Some(first), _) if !forgets => (op_id, first),
                (_, Verdict::Answer(outcome)) => (op_id, outcome),
                (_, Verdict::Write(write)) => {
                    let lsn = self.put(write.row.clone());
                    for revision in &write.revisions {
                        self.put(revision.clone());
                    }
                    for (name, text) in &write.texts {
                        self.texts.insert(name.clone(), (text.clone(), now_ms));
                    }
                    let outcome = write.outcome(lsn);
                    self.outcomes.insert(op_id, (outcome.clone(), now_ms));
                    (op_id, outcome)
                }
            }
        });
        written.collect()
    }

    fn repeated(&self, op_id: Id) -> Option<Outcome> {
        let (outcome, _) = self.outcomes.get(&op_id)?;
        Some(Outcome::Duplicate {
            outcome: Box::new(outcome.clone()),
        })
    }

    fn load(&self, rules: &Rules, change: Change, claimed: &BTreeMap<Id, Stamp>) -> Incoming {
        let wanted = wanted_texts(rules, &change).into_iter();
        let texts = wanted.filter_map(|name| {
            let (text, _) = self.texts.get(&name)?;
            Some((name, text.clone()))
        });
        Incoming {
            present: self.rows.get(&(change.table.clone(), change.key)).cloned(),
            texts: texts.collect(),
            claimed: claimed.get(&change.op_id).copied(),
            change,
        }
    }

    fn put(&mut self, mut row: Row) -> Lsn {
        self.lsn += 1;
        row.lsn = self.lsn;
        self.history.insert(self.lsn, row.op_id);
        let name = (row.table.clone(), row.key);
        if let Some(old) = self.rows.insert(name.clone(), row) {
            self.by_lsn.remove(&old.lsn);
        }
        self.by_lsn.insert(self.lsn, name);
        self.lsn
    }

    fn collect(&mut self, rules: &Rules, plan: &Plan) {
        let kept_in: Vec<_> = rules
            .schema
            .tables
            .iter()
            .filter_map(|t| t.revisions)
            .collect();
        let written_at = |row: &Row| match row.fields.get(revision::field::WRITTEN_AT) {
            Some(crate::value::Value::Integer(ms)) => u64::try_from(*ms).unwrap_or_default(),
            _ => u64::MAX,
        };
        let mut gone = Vec::new();
        let mut outlived = Vec::new();
        for row in self.rows.values() {
            let revision = kept_in.contains(&row.table.as_str()) && !row.deleted;
            if row.deleted && plan.takes_tombstone(row.lsn, row.latest_stamp().clock.ms()) {
                gone.push((row.table.clone(), row.key, row.lsn));
            } else if revision && plan.takes_revision(row.lsn, written_at(row)) {
                outlived.push(revision::tombstone_of(row, plan.now_ms));
            }
        }
        for (table, key, lsn) in gone {
            self.rows.remove(&(table, key));
            self.by_lsn.remove(&lsn);
            self.floor = self.floor.max(lsn);
        }
        for tombstone in outlived {
            self.put(tombstone);
        }
        let (floor, before_ms) = (self.floor, plan.tombstones_before_ms);
        self.outcomes.retain(|_, (outcome, at_ms)| {
            let lsn = match outcome {
                Outcome::Applied { lsn, .. } => *lsn,
                _ => 0,
            };
            lsn >= floor || *at_ms >= before_ms
        });
        self.texts
            .retain(|_, (_, at_ms)| *at_ms >= plan.revisions_before_ms);
    }
}

#[cfg(test)]
mod tests;
