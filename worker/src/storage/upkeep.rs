//! Upkeep of the store: taking the state anew, sweeping after it, and clearing out what has
//! served its time.

use super::StorageError;
use super::connection::{Connection, Durability, Reading, Writes};
use super::journal::changed;
use super::rows::{SweptTo, held, meta, read_all, swept_to, window};
use super::schema::{LOCAL_CHANGES, SYNC_STATE, TOMBSTONES, tables, write_stores};
use super::values::to_js;
use domain::RULES;
use idb::{KeyRange, ObjectStore};
use sync::clock::Clock;
use sync::device::collect::Collection;
use sync::device::effect::Committed;
use sync::device::meta::Rebuild;
use sync::device::outbox::{LocalChange, OutboxCount};
use sync::device::record::Record;
use sync::device::sweep::{Swept, sweep};
use sync::id::{Id, Mint};
use sync::limits::SWEEP_ROWS_MAX;
use sync::row::DELETED;
use sync::scope::Markers;

/// What one pass of sweeping did.
pub(crate) struct SweepPass {
    /// The rows that changed, and how the outbox stands.
    pub(crate) committed: Committed,
    /// There is more to sweep.
    pub(crate) left: bool,
}

/// How far clearing out has come; at the start again once it is through. Not stored: a device
/// that starts anew begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleared {
    /// How many stores are done: the outbox's history first, then the tables.
    stores: usize,
    /// The last key it passed in the next one.
    after: Option<Key>,
}

/// A key of one of the stores that are cleared out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Change(u64),
    Tombstone(String),
}

impl Connection {
    /// Begins to take the state anew, and puts these markers in place of all others.
    pub(crate) async fn begin_rebuild(
        &self,
        rebuild: Rebuild,
        markers: &Markers,
    ) -> Result<(), StorageError> {
        self.commit(&[SYNC_STATE], Durability::Relaxed, async |reading| {
            let mut meta = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?;
            meta.begin_rebuild(rebuild);
            let mut writes = Writes::default();
            writes.meta(&meta)?;
            writes.markers(markers)?;
            Ok((writes, ()))
        })
        .await
    }

    /// The state is here anew: one pointer moves, and everything is seen as it is now.
    pub(crate) async fn finish_rebuild(&self) -> Result<OutboxCount, StorageError> {
        self.commit(&[SYNC_STATE], Durability::Relaxed, async |reading| {
            let mut meta = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?;
            meta.finish_rebuild();
            let mut writes = Writes::default();
            writes.meta(&meta)?;
            Ok((writes, ()))
        })
        .await?;
        self.count_outbox().await
    }

    /// Looks at up to [`SWEEP_ROWS_MAX`] rows more, and sweeps those of older generations.
    pub(crate) async fn sweep(&self, mut mint: Mint) -> Result<SweepPass, StorageError> {
        let (changed, left) = self
            .commit(&write_stores(), Durability::Relaxed, async |reading| {
                let state = reading.store(SYNC_STATE)?;
                let mut meta = meta(&state, Id::NIL).await?;
                let mut writes = Writes::default();
                if meta.rebuild.is_some() {
                    // Another tab has begun anew; whoever finishes that sweeps.
                    return Ok((writes, (Vec::new(), false)));
                }
                let first_new = meta.local_seq + 1;
                let place = swept_to(&state, meta.generation).await?;
                let (rows, place) = next_rows(reading, place).await?;
                let mut touched = Vec::new();
                let present = meta.generation;
                for row in rows.iter().filter(|row| row.generation < present) {
                    let Some(table) = RULES.schema.table(&row.seen.table) else {
                        continue;
                    };
                    let held = held(reading, table.name, row.key).await?;
                    match sweep(&RULES, &mut meta, &mut mint, &held) {
                        Some(Swept::Keep(record, offers)) => {
                            writes.rows(std::slice::from_ref(&record), &offers, first_new)?;
                        }
                        Some(Swept::Drop) => {
                            writes.drop_record(table.name, row.key);
                            let closed = held.changes.iter().filter(|l| l.state.is_closed());
                            for local in closed {
                                writes.drop_change(local.local_seq)?;
                            }
                        }
                        None => continue,
                    }
                    touched.push(row.clone());
                }
                writes.meta(&meta)?;
                writes.swept_to(&place)?;
                let left = place.tables < RULES.schema.tables.len();
                Ok((writes, (changed(&touched), left)))
            })
            .await?;
        let committed = Committed {
            changed,
            outbox: self.count_outbox().await?,
            ..Committed::default()
        };
        Ok(SweepPass { committed, left })
    }

    /// Looks at up to [`SWEEP_ROWS_MAX`] more changes and tombstones, and clears out those that
    /// have served their time. Gives where to go on; nowhere when it is through.
    pub(crate) async fn collect(
        &self,
        now_ms: u64,
        from: Cleared,
    ) -> Result<Option<Cleared>, StorageError> {
        let stores: Vec<_> = [LOCAL_CHANGES].into_iter().chain(tables()).collect();
        let collection = Collection::at(now_ms);
        self.commit(&stores, Durability::Relaxed, async |reading| {
            let mut writes = Writes::default();
            let mut at = from;
            let mut budget = SWEEP_ROWS_MAX;
            while let Some(name) = stores.get(at.stores)
                && budget > 0
            {
                let store = reading.store(name)?;
                let (looked_at, after) = match *name {
                    LOCAL_CHANGES => {
                        old_changes(&store, &collection, &at, budget, &mut writes).await?
                    }
                    table => {
                        tombstones(&store, table, &collection, &at, budget, &mut writes).await?
                    }
                };
                budget -= looked_at;
                if after.is_none() {
                    at.stores += 1;
                }
                at.after = after;
            }
            let left = at.stores < stores.len();
            Ok((writes, left.then_some(at)))
        })
        .await
    }
}

/// The rows behind this place, at most [`SWEEP_ROWS_MAX`], and the place behind them.
async fn next_rows(
    reading: &Reading,
    mut place: SweptTo,
) -> Result<(Vec<Record>, SweptTo), StorageError> {
    let mut rows: Vec<Record> = Vec::new();
    while let Some(table) = tables().nth(place.tables) {
        let wanted = SWEEP_ROWS_MAX - rows.len();
        if wanted == 0 {
            break;
        }
        let after = place.after.as_ref().map(to_js).transpose()?;
        let found = window(&reading.store(table)?, after.as_ref(), wanted).await?;
        place.after = found.last().map(|row: &Record| row.key).or(place.after);
        if found.len() < wanted {
            place.tables += 1;
            place.after = None;
        }
        rows.extend(found);
    }
    Ok((rows, place))
}

/// Drops changes of the history that have served their time. They stand in the order of writing,
/// so there is nothing to look for behind the first young one.
async fn old_changes(
    store: &ObjectStore,
    collection: &Collection,
    at: &Cleared,
    budget: usize,
    writes: &mut Writes,
) -> Result<(usize, Option<Key>), StorageError> {
    let after = match &at.after {
        Some(Key::Change(local_seq)) => Some(to_js(local_seq)?),
        _ => None,
    };
    let found: Vec<LocalChange> = window(store, after.as_ref(), budget).await?;
    for local in found.iter().filter(|local| collection.takes_change(local)) {
        writes.drop_change(local.local_seq)?;
    }
    let old = |local: &&LocalChange| local.recorded_at_ms < collection.history_before_ms;
    let old = found.iter().take_while(old).count();
    let last = found.last().filter(|_| old == budget);
    Ok((old, last.map(|local| Key::Change(local.local_seq))))
}

/// Drops tombstones that have served their time.
async fn tombstones(
    store: &ObjectStore,
    table: &'static str,
    collection: &Collection,
    at: &Cleared,
    budget: usize,
    writes: &mut Writes,
) -> Result<(usize, Option<Key>), StorageError> {
    // A stamp sorts behind its own clock's reading.
    let young = format!("{:016x}", Clock::at_ms(collection.tombstones_before_ms).0);
    let range = match &at.after {
        Some(Key::Tombstone(stamp)) if *stamp < young => {
            KeyRange::bound(&to_js(stamp)?, &to_js(&young)?, Some(true), None)?
        }
        Some(Key::Tombstone(_)) => return Ok((0, None)),
        _ => KeyRange::upper_bound(&to_js(&young)?, None)?,
    };
    let limit = u32::try_from(budget).unwrap_or(u32::MAX);
    let found = store
        .index(TOMBSTONES)?
        .get_all(Some(range.into()), Some(limit))?
        .await?;
    let found: Vec<Record> = read_all(&found)?;
    for record in found.iter().filter(|row| collection.takes_record(row)) {
        writes.drop_record(table, record.key);
    }
    let last = found.last().filter(|_| found.len() == budget);
    let stamp = last.and_then(|row| row.base.as_ref()?.stamps.get(DELETED));
    Ok((found.len(), stamp.map(|s| Key::Tombstone(s.to_string()))))
}
