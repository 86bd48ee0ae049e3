//! What rows from the server become on disk: the rows, the history, the markers, and nothing
//! between.

use super::edit::{adopted, keep_in_order, recover, settle_on};
use super::effect::Page;
use super::meta::{Meta, Rebuild};
use super::outbox::{ChangeState, LocalChange};
use super::record::{Held, Record};
use super::sweep;
use crate::change::{Change, Op};
use crate::frame::{Delta, Head, ScopeChange};
use crate::id::{Id, Mint};
use crate::planted;
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::{Lsn, Marker, Markers, Scope};
use crate::stamp::Stamps;
use crate::table::TableSpec;
use crate::value::Fields;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What is stored of the rows in question, by table and key.
pub type HeldRows = BTreeMap<(String, Id), Held>;

/// What a page of the feed writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Rows that changed.
    pub records: Vec<Record>,
    /// Changes that are new or whose state changed.
    pub changes: Vec<LocalChange>,
    /// Markers that moved.
    pub moved: Vec<(Scope, String, Marker)>,
    /// Rows where an edit made here met one that its writer had not seen.
    pub conflicts: Vec<(String, Id)>,
    /// How many rows there was nothing to do about.
    pub skipped: u32,
}

/// A page that is not taken. Nothing was written; the device asks again from where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The page does not begin where this device stands.
    #[error("the page does not begin where this device stands")]
    Gap,
    /// The page holds a row of a table that was not asked for.
    #[error("the page holds a row of a table that was not asked for")]
    UnknownTable,
    /// A row does not fit its table.
    #[error("a row of {table} at position {lsn} does not fit its table: {message}")]
    BadRow {
        /// Its table.
        table: String,
        /// Its position.
        lsn: Lsn,
        /// The word that programs go by.
        code: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Page {
    /// The rows it brings.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::Head(head) => &head.rows,
            Self::Delta(delta) => &delta.rows,
            Self::Change(change) => &change.rows,
        }
    }

    /// The markers it moves, if it fits where the device stands.
    fn moves(&self, rules: &Rules, markers: &Markers) -> Result<Vec<Move>, ReceiveError> {
        let here = |scope: &Scope| {
            let tables = rules.schema.tables.iter();
            let scope = scope.clone();
            tables.filter(move |table| table.lives_in(scope.as_str()))
        };
        match self {
            Self::Head(Head { table, .. }) => {
                check_tables(self.rows(), |name| name == table).map(|()| Vec::new())
            }
            Self::Delta(Delta {
                scope,
                table,
                from,
                to,
                ..
            }) => {
                if markers.get(scope, table) != *from && !planted!(PageOverAGap) {
                    return Err(ReceiveError::Gap);
                }
                rules.table(table).map_err(|_| ReceiveError::UnknownTable)?;
                check_tables(self.rows(), |name| name == table)?;
                Ok(alloc::vec![(scope.clone(), table.clone(), *to)])
            }
            Self::Change(ScopeChange {
                scope, from, to, ..
            }) => {
                let lowest = markers.lowest(scope, here(scope).map(|table| table.name));
                if lowest != *from && !planted!(PageOverAGap) {
                    return Err(ReceiveError::Gap);
                }
                check_tables(self.rows(), |name| {
                    here(scope).any(|table| table.name == name)
                })?;
                // Another tab that led for a moment may have been quicker with some of the tables.
                let behind = |t: &&&TableSpec| markers.get(scope, t.name).lsn <= to.lsn;
                Ok(here(scope)
                    .filter(behind)
                    .map(|t| (scope.clone(), t.name.to_string(), *to))
                    .collect())
            }
        }
    }
}

type Move = (Scope, String, Marker);

fn check_tables(rows: &[Row], known: impl Fn(&str) -> bool) -> Result<(), ReceiveError> {
    if rows.iter().all(|row| known(&row.table)) {
        Ok(())
    } else {
        Err(ReceiveError::UnknownTable)
    }
}

/// Decides what a page writes. Rows at the positions in `pass` were tried often enough: they are
/// set aside if they still do not fit, so that the others come through.
///
/// # Errors
/// The page does not fit; nothing is to be written.
pub fn page(
    rules: &Rules,
    markers: &Markers,
    meta: &mut Meta,
    mint: &mut Mint,
    mut held: HeldRows,
    page: &Page,
    pass: &[Lsn],
) -> Result<Received, ReceiveError> {
    let mut received = Received {
        moved: page.moves(rules, markers)?,
        ..Received::default()
    };
    meta.headed |= matches!(page, Page::Head(head) if !head.rows.is_empty());
    planted!(MarkersMoveAlone, return Ok(received));
    for row in page.rows() {
        let Ok(table) = rules.table(&row.table) else {
            return Err(ReceiveError::UnknownTable);
        };
        let name = (row.table.clone(), row.key);
        if let Err(bad) = fits(table, row) {
            let aside = |held: &Held| held.changes.iter().any(|local| is_aside(local, row));
            // Of the rows shown first it is left out: what was missed brings it again.
            if matches!(page, Page::Head(_)) || held.get(&name).is_some_and(aside) {
                continue;
            }
            if !pass.contains(&row.lsn) {
                return Err(bad);
            }
            received.changes.push(set_aside(meta, mint, row, &bad));
            continue;
        }
        let held = held.entry(name).or_default();
        take(rules, meta, mint, held, row, &mut received);
    }
    Ok(received)
}

/// Known fields must fit; columns of a newer version are kept as they came.
fn fits(table: &'static TableSpec, row: &Row) -> Result<(), ReceiveError> {
    if row.deleted {
        return Ok(());
    }
    let bad = |code, message| ReceiveError::BadRow {
        table: row.table.clone(),
        lsn: row.lsn,
        code,
        message,
    };
    for field in table.fields {
        let Some(value) = row.fields.get(field.name) else {
            return Err(bad(
                "missing_field",
                alloc::format!("{} is missing", field.name),
            ));
        };
        let fit = field.kind.check(value, field.nullable);
        fit.map_err(|misfit| bad("bad_row", alloc::format!("{}: {misfit}", field.name)))?;
    }
    Ok(())
}

/// Takes a row whose position is higher than the one stored, never by comparing stamps, and
/// joins this device's own open changes on top again.
fn take(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    held: &mut Held,
    row: &Row,
    received: &mut Received,
) {
    planted!(
        TombstonesAreSkipped,
        if row.deleted {
            return;
        }
    );
    meta.clock = meta.clock.observe(row.latest_stamp().clock);
    let record = held.record.take();
    let mut record = record.unwrap_or_else(|| Record::empty(&row.table, row.key));
    let same_time = record.generation == meta.generation;
    let newer = |base: &Row| {
        if planted!(RowsByStamp) {
            return base.latest_stamp() >= row.latest_stamp();
        }
        base.lsn >= row.lsn && same_time
    };
    if record.base.as_ref().is_some_and(newer) {
        received.skipped += 1;
        let reason = "it is here already, at this position or a later one";
        received
            .changes
            .push(history(meta, mint, row, Fields::new(), Some(reason)));
        held.record = Some(record);
        return;
    }
    let healing = meta.rebuild == Some(Rebuild::Heal) && !same_time;
    settle_with(row, meta, mint, held, healing, received);
    let open = held.open();
    let base = with_what_is_acknowledged(rules, meta.generation, row, &held.changes);
    let old_base = record.base.replace(base);
    record.generation = meta.generation;
    let seen = record.seen.clone();
    let conflict = record.rebuild(rules, open.iter());
    if conflict {
        received.conflicts.push((row.table.clone(), row.key));
    }
    let edited_here = open.iter().any(|local| local.change.op != Op::Delete);
    if row.deleted && edited_here && !record.is_live() && !seen.fields.is_empty() {
        // Deleted elsewhere while it was being edited here: the words come back.
        planted!(DeletedWordsAreDropped, return);
        let changes = recover(rules, meta, mint, &mut record, seen, &held.changes);
        received.changes.extend(changes);
    } else if let Some(old) = old_base.as_ref().filter(|_| healing) {
        // The server was put back from a backup; what it has older is offered to it again, and
        // stays on top until it is there.
        let offer = sweep::offer_over(rules, meta, mint, old, row);
        record.rebuild(rules, open.iter().chain(&offer));
        received.changes.extend(offer);
    }
    if let Some(old) = old_base {
        received
            .changes
            .push(history(meta, mint, row, old.fields, None));
    }
    received.records.push(record.clone());
    held.record = Some(record);
}

/// What a row says of this device's own changes of it: which are offered to a server that was put
/// back, and which it has without having said so.
fn settle_with(
    row: &Row,
    meta: &mut Meta,
    mint: &mut Mint,
    held: &mut Held,
    healing: bool,
    received: &mut Received,
) {
    if healing {
        let again = sweep::send_again(&held.changes, meta, mint);
        held.replace(&again);
        received.changes.extend(again);
    }
    let known = answered_by_the_feed(&held.changes, row, meta.generation);
    for local in &known {
        let before = held
            .changes
            .iter_mut()
            .find(|l| l.local_seq == local.local_seq);
        let Some(before) = before else { continue };
        let claimed = before.change.stamp.clock;
        before.clone_from(local);
        keep_in_order(local, claimed, &mut held.changes);
    }
    if !known.is_empty() {
        received.changes.extend(known);
        received.changes.extend(held.open());
    }
}

/// Changes of this device that the row shows to be on the server: it was written by one, or still
/// has a value of it. Their answer is late or lost, and no longer needed; left open, they would
/// look like words that nobody has, and bring back a row that was deleted by who had seen them.
fn answered_by_the_feed(changes: &[LocalChange], row: &Row, generation: u32) -> Vec<LocalChange> {
    let names = |stamps: &Stamps, op_id| stamps.values().any(|stamp| stamp.op_id == op_id);
    // A row that was put back has the stamps of changes that were never sent themselves.
    let put_back = |op_id| {
        let mut offers = changes.iter().filter_map(|l| l.change.stamps.as_ref());
        offers.any(|stamps| names(stamps, op_id))
    };
    let has = |local: &&LocalChange| {
        let op_id = local.change.op_id;
        let shown = row.op_id == op_id || (names(&row.stamps, op_id) && !put_back(op_id));
        local.is_open() && shown
    };
    let known = changes.iter().filter(has).map(|local| {
        let given = row
            .stamps
            .values()
            .find(|stamp| stamp.op_id == local.change.op_id);
        LocalChange {
            state: ChangeState::Done,
            refusal: None,
            lsn: Some(row.lsn),
            generation,
            ..adopted(local, given.copied())
        }
    });
    known.collect()
}

/// The row with those of this device's changes on it that the server has at later positions: an
/// answer may be quicker than the feed, and what it acknowledged is not to flicker away.
fn with_what_is_acknowledged(
    rules: &Rules,
    generation: u32,
    row: &Row,
    changes: &[LocalChange],
) -> Row {
    let mut row = row.clone();
    let lsn = row.lsn;
    let is_later = |local: &&LocalChange| {
        let done = local.state == ChangeState::Done && !local.from_server;
        // Positions of another generation say nothing about this one.
        done && local.generation == generation && local.lsn > Some(lsn)
    };
    for local in changes.iter().filter(is_later) {
        planted!(AcknowledgedFlickers, break);
        settle_on(rules, &mut row, local);
    }
    row
}

/// A row from the server, as the history keeps it. One that was new to this device is its own
/// history, and leaves no record here.
fn history(
    meta: &mut Meta,
    mint: &Mint,
    row: &Row,
    old: Fields,
    skip_reason: Option<&str>,
) -> LocalChange {
    let changed = row
        .fields
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(*value));
    let fields: Fields = match skip_reason {
        None => changed
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        Some(_) => Fields::new(),
    };
    let old = old
        .into_iter()
        .filter(|(name, _)| row.deleted || fields.contains_key(name));
    let mut local = from_server(meta, mint, row, old.collect(), fields);
    local.skip_reason = skip_reason.map(ToString::to_string);
    local.state = match skip_reason {
        Some(_) => ChangeState::Skipped,
        None => ChangeState::Done,
    };
    local
}

/// Whether this is the row, set aside when it came before.
fn is_aside(local: &LocalChange, row: &Row) -> bool {
    let set_aside = local.from_server && local.state == ChangeState::Failed;
    set_aside && local.lsn == Some(row.lsn) && local.change.op_id == row.op_id
}

/// A row that this device cannot store is kept beside the rows, as it came, and shown.
fn set_aside(meta: &mut Meta, mint: &Mint, row: &Row, bad: &ReceiveError) -> LocalChange {
    let mut local = from_server(meta, mint, row, Fields::new(), row.fields.clone());
    let code = match bad {
        ReceiveError::BadRow { code, .. } => code,
        _ => "bad_row",
    };
    local.change.stamps = Some(row.stamps.clone());
    local.state = ChangeState::Failed;
    local.refusal = Some((code.to_string(), bad.to_string()));
    local
}

fn from_server(
    meta: &mut Meta,
    mint: &Mint,
    row: &Row,
    old: Fields,
    fields: Fields,
) -> LocalChange {
    let op = if row.deleted { Op::Delete } else { Op::Insert };
    let change = Change {
        op_id: row.op_id,
        table: row.table.clone(),
        key: row.key,
        op,
        fields,
        patches: BTreeMap::new(),
        base: BTreeMap::new(),
        stamp: row.latest_stamp(),
        stamps: None,
        group: None,
    };
    LocalChange {
        from_server: true,
        recorded_at_ms: mint.now_ms(),
        lsn: Some(row.lsn),
        ..LocalChange::new(meta.next_seq(), change, old)
    }
}

/// Tries once more to take a row that was set aside: after an update, or because its person
/// asks. Whatever comes of it, nothing is lost.
pub(super) fn take_again(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    held: &mut Held,
    aside: &mut LocalChange,
    received: &mut Received,
) {
    let change = &aside.change;
    let row = Row {
        table: change.table.clone(),
        key: change.key,
        lsn: aside.lsn.unwrap_or_default(),
        op_id: change.op_id,
        deleted: change.op == Op::Delete,
        fields: change.fields.clone(),
        stamps: change.stamps.clone().unwrap_or_default(),
        group: None,
    };
    let fit = rules
        .schema
        .table(&row.table)
        .map(|table| fits(table, &row));
    if fit == Some(Ok(())) {
        take(rules, meta, mint, held, &row, received);
        aside.state = ChangeState::Done;
        aside.refusal = None;
    }
}

#[cfg(test)]
mod tests;
